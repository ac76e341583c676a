/* The Mobile Plans app as first documented: one function takes one string for every result. */
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
