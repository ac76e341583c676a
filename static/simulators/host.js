/* The app's side of the WebView: stands in the portal's page before any script of its own. */
(function () {
  "use strict";
  var cookie = /(?:^|; )mobile_plans_simulator=([^;]*)/.exec(document.cookie);
  var open = XMLHttpRequest.prototype.open;
  var operations = 0;
  var words = { "new": "New", existing: "Existing", bailed: "Bailed", none: "None" };

  function wish(name) {
    var found = cookie && new RegExp("(?:^|&)" + name + "=([^&]*)").exec(cookie[1]);
    return found ? decodeURIComponent(found[1]) : "";
  }

  /* What crosses the bridge is what JSON can say: undefined and functions become null. */
  function plain(value) {
    var text = JSON.stringify(value);
    return text === undefined ? null : JSON.parse(text);
  }

  function post(call, given, more) {
    var message = more || {};
    message.call = call;
    message["arguments"] = Array.prototype.map.call(given, plain);
    window.parent.postMessage(message, window.location.origin);
  }

  /* Give a function of the app's that only passes on what it is called with. */
  function passesOn(call) {
    return function () {
      post(call, arguments);
    };
  }

  /* The same for one that begins an operation: the portal may cancel it by what is returned. */
  function begins(call) {
    return function () {
      post(call, arguments);
      operations += 1;
      return { Id: "op-" + operations };
    };
  }

  function copy(names) {
    var made = {};
    Object.keys(names).forEach(function (name) {
      made[name] = names[name];
    });
    return made;
  }

  function installDocumented() {
    window.DataMart = {
      notifyPurchaseResult: function (payload) {
        var kind = typeof payload;
        var text = kind === "string" ? payload : String(JSON.stringify(payload));
        post("DataMart.notifyPurchaseResult", arguments, { payload: text, kind: kind });
      }
    };
  }

  function installNewest() {
    window.MobilePlans = {
      createPurchaseMetaData: function () {
        return {};
      },
      notifyCancelledPurchase: passesOn("MobilePlans.notifyCancelledPurchase"),
      notifyPurchaseWithProfileDownload:
        passesOn("MobilePlans.notifyPurchaseWithProfileDownload")
    };
    window.MobilePlansInlineOperations = {
      notifyProfileDownload: begins("MobilePlansInlineOperations.notifyProfileDownload"),
      notifyBalanceAddition: begins("MobilePlansInlineOperations.notifyBalanceAddition"),
      notifyOperationCancel: passesOn("MobilePlansInlineOperations.notifyOperationCancel")
    };
    window.MobilePlansUserAccount = copy(words);
    window.MobilePlansPurchaseInstrument = copy(words);
    window.MobilePlansLineType = copy(words);
    window.MobilePlansMoDirectStatus = {
      complete: "Complete",
      serviceError: "ServiceError",
      invalidSIM: "InvalidSIM",
      logOnFailed: "LogOnFailed",
      purchaseFailed: "PurchaseFailed",
      clientError: "ClientError",
      billingError: "BillingError",
      cancelled: "Cancelled",
      none: "None"
    };
  }

  function installWebSheet() {
    window.ODSAServiceFlow = {
      profileReadyWithActivationCode:
        passesOn("ODSAServiceFlow.profileReadyWithActivationCode"),
      finishFlow: passesOn("ODSAServiceFlow.finishFlow"),
      dismissFlow: passesOn("ODSAServiceFlow.dismissFlow")
    };
  }

  /* A WebView asks in its own language for everything; for pages the middleware sees to it. */
  if (wish("language")) {
    XMLHttpRequest.prototype.open = function () {
      open.apply(this, arguments);
      this.setRequestHeader("Accept-Language", wish("language"));
    };
  }

  /* The newest app has the old object too. */
  if (wish("host") === "datamart" || wish("host") === "inline") {
    installDocumented();
  }
  if (wish("host") === "inline") {
    installNewest();
  }
  if (wish("host") === "odsa") {
    installWebSheet();
  }
}());
