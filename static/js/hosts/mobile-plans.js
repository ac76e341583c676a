/* The newest Mobile Plans app: a function for each result, and listeners for later reports. */
(function () {
  "use strict";

  var MEMBERS = {
    userAccount: "MobilePlansUserAccount",
    purchaseInstrument: "MobilePlansPurchaseInstrument",
    line: "MobilePlansLineType",
    moDirectStatus: "MobilePlansMoDirectStatus"
  };
  // Microsoft's table and its samples spell these names differently, so both are set.
  var ALSO = { line: "lineType", moDirectStatus: "modirectStatus" };
  var LISTENERS = ["MobilePlansInlineOperations", "MobilePlansInlineProfileDownload"];

  /* The app's objects may reject unknown properties. Such a property is skipped. */
  function set(object, name, value) {
    try {
      object[name] = value;
    } catch (refusal) {
      return;
    }
  }

  /* Return the app's constant for a word: "ServiceError" is its member serviceError. */
  function member(name, word) {
    var words = window[name];
    var key = word.charAt(0).toLowerCase() + word.slice(1);
    return words && words[key] !== undefined ? words[key] : word;
  }

  function meta(outcome) {
    var made = window.MobilePlans.createPurchaseMetaData();
    var name;
    for (name in MEMBERS) {
      if (Object.prototype.hasOwnProperty.call(MEMBERS, name)) {
        set(made, name, member(MEMBERS[name], outcome.meta[name]));
        if (ALSO[name]) {
          set(made, ALSO[name], member(MEMBERS[name], outcome.meta[name]));
        }
      }
    }
    set(made, "planName", outcome.meta.planName);
    return made;
  }

  /* The app calls a global function by the name that is set here, with one JSON string. */
  function listen(tell) {
    window.handoffActivated = function (report) {
      tell("activation", report);
    };
    window.handoffRegistered = function (report) {
      tell("registration", report);
    };
    LISTENERS.forEach(function (name) {
      var object = window[name];
      if (object) {
        set(object, "profileActivationCompleteScript", "handoffActivated");
        set(object, "registrationChangedScript", "handoffRegistered");
        set(object, "registrationCompleteScript", "handoffRegistered");
      }
    });
  }

  (window.handoffHosts = window.handoffHosts || []).push({
    find: function (outcome) {
      var inline = window.MobilePlansInlineOperations;
      var plans = window.MobilePlans;
      var names = { download: "notifyProfileDownload", profile: "notifyBalanceAddition", card: "notifyBalanceAddition" };
      var object = outcome.result === "nothing" ? plans : inline;
      var name = names[outcome.result] || "notifyCancelledPurchase";
      return inline && plans && object[name] && plans.createPurchaseMetaData;
    },
    give: function (outcome, payload, tell) {
      var inline = window.MobilePlansInlineOperations;
      listen(tell);
      if (outcome.result === "download") {
        inline.notifyProfileDownload(meta(outcome), outcome.activationCode);
      } else if (outcome.result === "profile") {
        inline.notifyBalanceAddition(meta(outcome), outcome.iccid);
      } else if (outcome.result === "card") {
        inline.notifyBalanceAddition(meta(outcome));
      } else {
        window.MobilePlans.notifyCancelledPurchase(meta(outcome));
      }
    }
  });
}());
