/* Asks in the background how an order goes on, and shows changes in place. */
(function () {
  "use strict";

  // In seconds, from the last answer. After a change they begin again.
  var WAITS = [0, 1, 1, 2, 3, 3, 5, 8, 10];
  // In milliseconds.
  var GIVE_UP_AFTER = 12000;
  var SLOW_AFTER = 10000;
  var asked = 1;
  var changedAt = Date.now();
  var isAsking = false;
  var timer;

  // Returns the name of what the page shows, while there is something to wait for.
  function shown() {
    var order = document.getElementById("order");
    return order && order.getAttribute("data-poll");
  }

  function say(words) {
    document.getElementById("news").textContent = words;
  }

  // Shows one of the page's two notices, or none. It is said once.
  function notice(name) {
    var last = document.querySelector(".notice[id]:not([hidden])");
    var element = document.getElementById(name);
    if (last !== element) {
      if (last) {
        last.hidden = true;
      }
      if (element) {
        element.hidden = false;
      }
      say(element ? element.textContent.trim() : "");
    }
  }

  function replace(id, page) {
    document.getElementById(id).innerHTML = page.getElementById(id).innerHTML;
  }

  function show(page) {
    var main = document.getElementById("main");
    var bar = document.getElementById("bar");
    var focused = main.contains(document.activeElement) || bar.contains(document.activeElement);
    var news;
    document.title = page.title;
    replace("main", page);
    replace("bar", page);
    asked = 1;
    changedAt = Date.now();
    news = document.querySelector("[data-news]");
    say(document.title + (news ? ". " + news.textContent : ""));
    if (focused && document.activeElement === document.body) {
      main.focus();
    }
  }

  function next() {
    window.clearTimeout(timer);
    if (shown() && !isAsking && !document.hidden) {
      timer = window.setTimeout(ask, WAITS[Math.min(asked, WAITS.length - 1)] * 1000);
      asked += 1;
    }
  }

  function nextAtOnce() {
    asked = 0;
    next();
  }

  function read(request) {
    var page = new DOMParser().parseFromString(request.responseText, "text/html");
    // Another page, such as sign-in or the handoff, must be opened by the browser itself.
    if (page.getElementById("order")) {
      show(page);
    } else {
      window.location.reload();
    }
  }

  function ask() {
    var request = new XMLHttpRequest();
    // Do not replace the page while a form is being sent.
    if (document.querySelector("form[data-sent]")) {
      next();
      return;
    }
    isAsking = true;
    request.open("GET", window.location.href);
    request.setRequestHeader("Shown", shown());
    request.timeout = GIVE_UP_AFTER;
    request.onloadend = function () {
      isAsking = false;
      // The status is 0 if no answer came.
      if (!request.status || request.status === 429 || request.status >= 500) {
        notice("away");
      } else if (request.status === 204) {
        notice(Date.now() - changedAt < SLOW_AFTER ? "" : "slow");
      } else {
        read(request);
      }
      next();
    };
    request.send();
  }

  document.addEventListener("visibilitychange", nextAtOnce);
  window.addEventListener("online", nextAtOnce);
  window.addEventListener("offline", function () {
    notice("away");
  });
  next();
}());
