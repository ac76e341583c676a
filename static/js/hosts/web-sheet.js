/* A phone's carrier web sheet (GSMA TS.43, 6.5.3: ODSAServiceFlow). */
(function () {
  "use strict";

  function nameOf(outcome) {
    var names = { download: "profileReadyWithActivationCode", nothing: "dismissFlow" };
    return names[outcome.result] || "finishFlow";
  }

  (window.handoffHosts = window.handoffHosts || []).push({
    find: function (outcome) {
      return window.ODSAServiceFlow && window.ODSAServiceFlow[nameOf(outcome)];
    },
    give: function (outcome) {
      var host = window.ODSAServiceFlow;
      if (outcome.result === "download") {
        host.profileReadyWithActivationCode(outcome.activationCode);
      } else {
        host[nameOf(outcome)]();
      }
    }
  });
}());
