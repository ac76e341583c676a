/* The app's objects in the portal's page. This script runs before the page's own scripts. */
(function () {
  "use strict";
  var cookie = /(?:^|; )mobile_plans_simulator=([^;]*)/.exec(document.cookie);
  var open = XMLHttpRequest.prototype.open;
  var operations = 0;
  var words = { "new": "New", existing: "Existing", bailed: "Bailed", none: "None" };

  function option(name) {
    var found = cookie && new RegExp("(?:^|&)" + name + "=([^&]*)").exec(cookie[1]);
    return found ? decodeURIComponent(found[1]) : "";
  }

  /* The bridge carries JSON only: undefined and functions become null. */
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

  /* Return a function that passes its arguments to the app. */
  function passesOn(call) {
    return function () {
      post(call, arguments);
    };
  }

  /* Return such a function that begins an operation. The portal can cancel it with the result. */
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

  /* A WebView sends its language with every request. The middleware adds it for pages. */
  if (option("language")) {
    XMLHttpRequest.prototype.open = function () {
      open.apply(this, arguments);
      this.setRequestHeader("Accept-Language", option("language"));
    };
  }

  /* The newest app also has the old object. */
  if (option("host") === "datamart" || option("host") === "inline") {
    installDocumented();
  }
  if (option("host") === "inline") {
    installNewest();
  }
  if (option("host") === "odsa") {
    installWebSheet();
  }
}());
