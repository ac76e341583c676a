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

  /* The workers charge what is due. Then they send the messages. */
  function letPass(event) {
    var button = event.target;
    Bench.post(Bench.settings.ageUrl, { step: button.getAttribute("data-step") }, function (answer) {
      var none = answer && answer.moved === 0;
      Bench.byId("age-status").textContent = none ? button.getAttribute("data-none") : "";
      window.setTimeout(refresh, WAIT_MILLISECONDS);
      window.setTimeout(refresh, 3 * WAIT_MILLISECONDS);
    });
  }

  Array.prototype.forEach.call(document.querySelectorAll("#age [data-step]"), function (button) {
    button.addEventListener("click", letPass);
  });
  Bench.byId("refresh-messages").addEventListener("click", refresh);
  Bench.listen("device", function () {
    window.setTimeout(refresh, WAIT_MILLISECONDS);
  });
  refresh();
}());
