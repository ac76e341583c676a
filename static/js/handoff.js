/* Gives the stored result to the host that shows this page, once each time the page loads. */
(function () {
  "use strict";

  // A host that has not closed the page after this time is not going to.
  var PATIENCE = 15000;
  var byHand = document.getElementById("by-hand");
  var late = document.getElementById("late");
  var answered = false;

  function read(id) {
    var block = document.getElementById(id);
    return block ? JSON.parse(block.textContent) : null;
  }

  function show(element, isShown) {
    if (element) {
      element.hidden = !isShown;
    }
  }

  /* Show how to finish without the host. */
  function showByHand() {
    show(late, true);
    show(byHand, true);
  }

  /* Send a later report of the newest app to the portal, which keeps it for support.
     The answer names the page to open after a failure. */
  function tell(kind, report) {
    var request = new XMLHttpRequest();
    var isFailure = kind === "activation" && !/"success"/i.test(String(report));
    var page = document.getElementById("reports");
    answered = answered || (kind === "activation" && !isFailure);
    request.open("POST", page.getAttribute("data-report-url"));
    request.setRequestHeader("Content-Type", "application/x-www-form-urlencoded");
    request.onload = function () {
      var next = request.status === 200 && JSON.parse(request.responseText).next;
      if (next) {
        window.location.replace(next);
      } else if (isFailure && request.status !== 200) {
        showByHand();
      }
    };
    request.onerror = isFailure ? showByHand : null;
    request.send(
      "kind=" + kind + "&token=" + encodeURIComponent(page.getAttribute("data-token")) +
      "&report=" + encodeURIComponent(String(report))
    );
  }

  /* Use the first host whose function exists. If it throws, no other host is tried. */
  function give(outcome, payload) {
    var hosts = window.handoffHosts || [];
    var index;
    for (index = 0; index < hosts.length; index += 1) {
      if (hosts[index].find(outcome)) {
        try {
          hosts[index].give(outcome, payload, tell);
        } catch (refusal) {
          return false;
        }
        return true;
      }
    }
    return false;
  }

  function wait() {
    window.setTimeout(function () {
      if (!answered) {
        showByHand();
      }
    }, PATIENCE);
  }

  if (read("handoff") && give(read("outcome"), read("handoff"))) {
    show(byHand, false);
    wait();
  }
}());
