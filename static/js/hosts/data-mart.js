/* The Mobile Plans app of the source documents: one function, one string for every result. */
(function () {
  "use strict";

  (window.handoffHosts = window.handoffHosts || []).push({
    find: function () {
      return window.DataMart && window.DataMart.notifyPurchaseResult;
    },
    give: function (outcome, payload) {
      window.DataMart.notifyPurchaseResult(payload);
    }
  });
}());
