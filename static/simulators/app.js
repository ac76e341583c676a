/* The app: its window, the WebView, Back, and the handling of the portal's answer. */
(function () {
  "use strict";
  var Bench = window.Bench;
  var app = Bench.byId("app");
  var back = Bench.byId("back");
  var place = Bench.byId("frame");
  var calls = Bench.byId("calls");
  var callbacks = Bench.byId("callbacks");
  var nothing = Bench.byId("received").innerHTML;
  var frame = null;
  var launched = null;
  var received = 0;

  function show(view) {
    app.setAttribute("data-view", view);
    place.inert = view !== "portal";
    setBack();
  }

  function showStage(stage) {
    Bench.byId("stages").setAttribute("data-stage", String(stage));
  }

  /* The frame shares its history with this page. On its first page, Back would leave this page. */
  function setBack() {
    var view = frame && frame.contentWindow;
    var canGo = view && (view.navigation ? view.navigation.canGoBack : true);
    back.disabled = !canGo || app.getAttribute("data-view") !== "portal";
  }

  /* If the portal does not answer, the browser shows its own page and forbids access to it. */
  function showAddress() {
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

  /* Only the first request of a launch has the LPA's errors. */
  function dropErrors() {
    Bench.setOptions({ language: launched.options.language, host: launched.options.host });
    frame.removeEventListener("load", dropErrors);
  }

  /* Each launch gets a new frame, so that its first page is the first of its history. */
  function open(launch) {
    launched = launch;
    received = 0;
    calls.hidden = callbacks.hidden = true;
    Bench.byId("received").innerHTML = nothing;
    Bench.setOptions(launch.options);
    app.setAttribute("data-host", launch.host);
    place.textContent = "";
    frame = document.createElement("iframe");
    frame.id = frame.name = "portal";
    frame.title = place.getAttribute("data-title");
    frame.src = launch.url;
    frame.addEventListener("load", showAddress);
    frame.addEventListener("load", dropErrors);
    place.appendChild(frame);
    showStage(1);
    show("portal");
    bringIntoView();
  }

  /* In a narrow window the launch form is below the app. */
  function bringIntoView() {
    if (app.getBoundingClientRect().top < 0) {
      app.scrollIntoView();
    }
  }

  function handleVerdict(answer, call) {
    var outcome;
    Bench.byId("received").innerHTML = answer ? answer.html : "";
    if (!answer || !answer.valid) {
      Bench.fill("status", Bench.byId("device").getAttribute("data-refused"));
      show("problem");
      return;
    }
    outcome = answer.outcome;
    if (outcome.success === undefined) {
      show("portal");
    } else if (!outcome.success) {
      show("left");
    } else {
      Bench.fill("plan", outcome.planName);
      Bench.announce("plan", { call: call, outcome: outcome, parameters: launched.parameters });
    }
  }

  function receiveCall(event) {
    var isOurs = frame && event.source === frame.contentWindow;
    var data = event.data;
    var launch = launched;
    var fields;
    if (!isOurs || event.origin !== window.location.origin || !data || !data.call) {
      return;
    }
    fields = {
      call: data.call,
      "arguments": JSON.stringify(data["arguments"]),
      transactionId: launched.parameters.transactionId || ""
    };
    if (data.kind) {
      fields.payload = data.payload;
      fields.kind = data.kind;
    }
    received += 1;
    calls.hidden = false;
    calls.textContent = received + " ×";
    callbacks.hidden = true;
    Bench.fill("status", "");
    showStage(2);
    show("working");
    Bench.post(Bench.settings.checkUrl, fields, function (answer) {
      if (launch === launched) {
        handleVerdict(answer, data.call);
      }
    });
  }

  /* The newest app calls functions of the portal's page, whose names the app knows from the page. */
  function callBack(names, detail) {
    var text = JSON.stringify(detail);
    var view = frame.contentWindow;
    var scripts = [];
    try {
      scripts = names.map(function (name) {
        return view.MobilePlansInlineOperations[name];
      }).filter(function (script, i, all) {
        return typeof view[script] === "function" && all.indexOf(script) === i;
      });
      scripts.forEach(function (script) {
        view[script](text);
      });
    } catch (error) {
      /* The frame may show another page by now, or the function may fail. The app continues. */
      window.console.warn(error);
    }
    scripts.forEach(function (script) {
      Bench.byId("callback-list").textContent += script + "(" + text + ")\n";
      callbacks.hidden = false;
    });
  }

  function reportDownload(download) {
    var failure = download.error && download.error.charAt(0).toLowerCase() + download.error.slice(1);
    if (download.call.indexOf("MobilePlansInlineOperations.") !== 0) {
      return;
    }
    Bench.byId("callback-list").textContent = "";
    callBack(["profileActivationCompleteScript"], {
      activationResult: failure || "success",
      iccid: download.iccid
    });
    if (!failure) {
      callBack(["registrationChangedScript", "registrationCompleteScript"], {
        networkRegistrationState: "home",
        iccid: download.iccid
      });
    }
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
  Array.prototype.forEach.call(app.querySelectorAll("[data-resume]"), function (button) {
    button.addEventListener("click", function () {
      show("portal");
    });
  });
  window.addEventListener("message", receiveCall);
  Bench.listen("launch", open);
  Bench.listen("downloaded", reportDownload);
  Bench.listen("device", function (state) {
    if (state === "connected") {
      showStage(3);
    }
    show(state === "failed" ? "problem" : state === "connected" ? "connected" : "working");
  });
}());
