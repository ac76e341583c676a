/* Reloads the order page in the background while the order is in progress, and shows changes in place. */
(function () {
  "use strict";

  var SLOWEST = 12000;
  var failures = 0;

  function interval() {
    var order = document.getElementById("order");
    return order ? Number(order.getAttribute("data-poll")) : 0;
  }

  function wordsOf(page) {
    return page.title + page.getElementById("main").textContent + page.getElementById("bar").textContent;
  }

  function tell() {
    var news = document.querySelector("[data-news]");
    if (news) {
      document.getElementById("news").textContent = document.title + ". " + news.textContent;
    }
  }

  function replace(id, page) {
    document.getElementById(id).innerHTML = page.getElementById(id).innerHTML;
  }

  function show(page) {
    var main = document.getElementById("main");
    var bar = document.getElementById("bar");
    var focused = main.contains(document.activeElement) || bar.contains(document.activeElement);
    document.title = page.title;
    replace("main", page);
    replace("bar", page);
    tell();
    if (focused && document.activeElement === document.body) {
      main.focus();
    }
  }

  function next() {
    var wait = interval();
    if (wait) {
      window.setTimeout(ask, Math.min(wait * Math.pow(2, failures), SLOWEST));
    }
  }

  function read(request) {
    var page = new DOMParser().parseFromString(request.responseText, "text/html");
    // Another page, such as sign-in or the handoff, must be opened by the browser itself.
    if (!page.getElementById("order")) {
      window.location.reload();
      return;
    }
    failures = 0;
    if (wordsOf(page) !== wordsOf(document)) {
      show(page);
    }
    next();
  }

  function ask() {
    var request = new XMLHttpRequest();
    // Do not replace the page while a form is being sent.
    if (document.querySelector("form[data-sent]")) {
      next();
      return;
    }
    request.open("GET", window.location.href);
    request.timeout = SLOWEST;
    request.onload = function () {
      if (request.status === 200) {
        read(request);
        return;
      }
      request.onerror();
    };
    request.onerror = function () {
      failures += 1;
      next();
    };
    request.ontimeout = request.onerror;
    request.send();
  }

  next();
}());
