/* The app's side of the WebView: stands in the portal's page before any script of its own. */
(function () {
  "use strict";
  var accept = /(?:^|; )mobile_plans_simulator=([^;]*)/.exec(document.cookie);
  var language = accept && /(?:^|&)language=([^&]*)/.exec(accept[1]);
  var open = XMLHttpRequest.prototype.open;

  /* A WebView asks in its own language for everything; for pages the middleware sees to it. */
  if (language) {
    XMLHttpRequest.prototype.open = function () {
      open.apply(this, arguments);
      this.setRequestHeader("Accept-Language", decodeURIComponent(language[1]));
    };
  }

  window.DataMart = {
    notifyPurchaseResult: function (payload) {
      var kind = typeof payload;
      var text = kind === "string" ? payload : String(JSON.stringify(payload));
      window.parent.postMessage(
        { call: "notifyPurchaseResult", payload: text, kind: kind },
        window.location.origin
      );
    }
  };
}());
