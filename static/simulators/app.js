/* The app: its window, the WebView in it, Back, and what it does with the portal's answer. */
(function () {
  "use strict";
  var Bench = window.Bench;
  var app = Bench.byId("app");
  var back = Bench.byId("back");
  var place = Bench.byId("frame");
  var calls = Bench.byId("calls");
  var nothing = Bench.byId("received").innerHTML;
  var frame = null;
  var launched = null;
  var received = 0;

  function show(view) {
    app.setAttribute("data-view", view);
    place.inert = view !== "portal";
    setBack();
  }

  function reach(stage) {
    Bench.byId("stages").setAttribute("data-stage", String(stage));
  }

  /* The frame shares its history with this page: at the frame's first page Back would leave it. */
  function setBack() {
    var view = frame && frame.contentWindow;
    var canGo = view && (view.navigation ? view.navigation.canGoBack : true);
    back.disabled = !canGo || app.getAttribute("data-view") !== "portal";
  }

  /* The browser's own page for a portal that does not answer may not be looked into. */
  function pageCame() {
    var address = Bench.byId("address");
    try {
      address.textContent = frame.contentWindow.location.pathname;
      address.textContent += frame.contentWindow.location.search;
      setBack();
    } catch (error) {
      address.textContent = "";
      back.disabled = true;
    }
  }

  /* A new frame for each launch: its first page is then the first of its history. */
  function open(launch) {
    launched = launch;
    received = 0;
    calls.hidden = true;
    Bench.byId("received").innerHTML = nothing;
    place.textContent = "";
    frame = document.createElement("iframe");
    frame.id = frame.name = "portal";
    frame.title = place.getAttribute("data-title");
    frame.width = "800";
    frame.height = "600";
    frame.src = launch.url;
    frame.addEventListener("load", pageCame);
    place.appendChild(frame);
    reach(1);
    show("portal");
  }

  function judge(answer) {
    var outcome;
    Bench.byId("received").innerHTML = answer ? answer.html : "";
    if (!answer || !answer.valid) {
      Bench.fill("status", Bench.byId("device").getAttribute("data-refused"));
      show("problem");
      return;
    }
    outcome = answer.outcome;
    if (!outcome.success) {
      show("left");
      return;
    }
    Bench.fill("plan", outcome.planName);
    Bench.announce("plan", { outcome: outcome, parameters: launched.parameters });
  }

  function called(event) {
    var isOurs = frame && event.source === frame.contentWindow;
    if (!isOurs || event.origin !== window.location.origin || !event.data || !event.data.call) {
      return;
    }
    received += 1;
    calls.hidden = false;
    calls.textContent = received + " ×";
    Bench.fill("status", "");
    reach(2);
    show("working");
    Bench.post(Bench.settings.checkUrl, {
      payload: event.data.payload,
      kind: event.data.kind,
      transactionId: launched.parameters.transactionId || ""
    }, judge);
  }

  back.addEventListener("click", function () {
    frame.contentWindow.history.back();
  });
  Bench.byId("stay").addEventListener("click", function () {
    show("portal");
  });
  Bench.byId("leave").addEventListener("click", function () {
    show("start");
  });
  window.addEventListener("message", called);
  Bench.hear("launch", open);
  Bench.hear("device", function (state) {
    if (state === "connected") {
      reach(3);
    }
    show(state === "failed" ? "problem" : state === "connected" ? "connected" : "working");
  });
}());
