/* Shows what has reached the customer's phone and mailbox, after a plan and on request. */
(function () {
  "use strict";
  var Bench = window.Bench;
  var url = Bench.settings.messagesUrl;
  /* The worker sends a message within a second or two. */
  var WAIT_MILLISECONDS = 2000;

  function refresh() {
    Bench.get(url, {}, function (answer) {
      if (answer) {
        Bench.byId("delivered").innerHTML = answer.html;
      }
    });
  }

  Bench.byId("refresh-messages").addEventListener("click", refresh);
  Bench.listen("device", function () {
    window.setTimeout(refresh, WAIT_MILLISECONDS);
  });
  refresh();
}());
