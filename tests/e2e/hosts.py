"""Stub hosts of every generation. They are in the page before its script and record calls."""

RECORDER = """
window.calls = [];
window.record = function (name, answer) {
    return function () {
        var given = JSON.stringify(Array.prototype.slice.call(arguments));
        window.calls.push([name, JSON.parse(given)]);
        return answer;
    };
};
"""
DATA_MART = """
window.DataMart = {notifyPurchaseResult: window.record("DataMart.notifyPurchaseResult")};
"""
# The newest app still has the old object. Microsoft's enumerations are further objects.
NEWEST = (
    DATA_MART
    + """
window.MobilePlansUserAccount = {
    "new": "ua-new", existing: "ua-existing", bailed: "ua-bailed", none: "ua-none"
};
window.MobilePlans = {
    createPurchaseMetaData: function () { return {}; },
    notifyCancelledPurchase: window.record("MobilePlans.notifyCancelledPurchase")
};
window.MobilePlansInlineOperations = {};
["notifyProfileDownload", "notifyBalanceAddition"].forEach(function (name) {
    var full = "MobilePlansInlineOperations." + name;
    window.MobilePlansInlineOperations[name] = window.record(full, {Id: "1"});
});
window.MobilePlansInlineProfileDownload = {};
"""
)
WEB_SHEET = """
window.ODSAServiceFlow = {
    profileReadyWithActivationCode: window.record("ODSAServiceFlow.profileReadyWithActivationCode"),
    finishFlow: window.record("ODSAServiceFlow.finishFlow"),
    dismissFlow: window.record("ODSAServiceFlow.dismissFlow")
};
"""
HOSTS = {
    "newest": RECORDER + NEWEST,
    "documented": RECORDER + DATA_MART,
    "web sheet": RECORDER + WEB_SHEET,
    "open web": RECORDER,
}
USER_ACCOUNTS = {
    "New": "ua-new",
    "Existing": "ua-existing",
    "Bailed": "ua-bailed",
    "None": "ua-none",
}
