/* The device: downloads the profile as an LPA does, connects, and shows the balance. */
(function () {
  "use strict";
  var Bench = window.Bench;
  var device = Bench.byId("device");
  var again = Bench.byId("again");
  var goBack = Bench.byId("return");
  var refresh = Bench.byId("refresh");
  var choice = Bench.byId("id_download");
  var steps = device.querySelectorAll("[data-step]");
  var language = document.documentElement.lang;
  var plan = null;
  var retry = null;
  var failure = null;
  /* The ICCID of the SIM in use, empty if it is unknown. */
  var iccid = "";

  /* Long enough to see each step. A real device takes longer. */
  var STEP_MILLISECONDS = 500;

  function say(text) {
    Bench.fill("status", text);
    Bench.byId("device-status").textContent = text;
  }

  function enter(state) {
    device.setAttribute("data-state", state);
    Bench.announce("device", state);
  }

  /* Set the status of the step `name`. Steps before it are done, steps after it are to do. */
  function stepTo(name, status) {
    var reached = false;
    Array.prototype.forEach.call(steps, function (step) {
      var isIt = step.getAttribute("data-step") === name;
      if (isIt) {
        reached = true;
        say(step.getAttribute(status === "done" ? "data-done" : "data-say"));
      }
      if (step.getAttribute("data-status") !== "skipped" || name === null) {
        step.setAttribute("data-status", isIt ? status : reached || name === null ? "todo" : "done");
      }
    });
  }

  /* Return a function that does nothing once another plan or another launch has begun. */
  function unlessReplaced(handle) {
    var mine = plan;
    return function (answer) {
      if (plan === mine) {
        handle(answer);
      }
    };
  }

  function reset() {
    plan = null;
    again.hidden = goBack.hidden = refresh.hidden = Bench.byId("balance").hidden = true;
    Bench.fill("amount", "");
    Bench.fill("time", "");
    device.setAttribute("data-state", "idle");
    stepTo(null, "todo");
    say("");
  }

  function fail(step, reason) {
    stepTo(step, "failed");
    say(reason);
    again.hidden = false;
    /* A profile can be downloaded only once, so only the failed step is tried again. */
    retry = step === "connect" ? connect : begin;
    enter("failed");
  }

  function unit(number, name) {
    var style = { style: "unit", unit: name, maximumFractionDigits: 2 };
    style.unitDisplay = name === "gigabyte" || name === "megabyte" ? "short" : "long";
    return number.toLocaleString(language, style);
  }

  function amount(balance) {
    var megabytes = balance.dataRemainingInMB;
    if (balance.type === "MODIRECT") {
      return device.getAttribute("data-not-counted");
    }
    if (balance.type === "NOTSUPPORTED") {
      return device.getAttribute("data-shut-out");
    }
    if (!megabytes) {
      return device.getAttribute("data-nothing");
    }
    return megabytes < 1000 ? unit(megabytes, "megabyte") : unit(megabytes / 1000, "gigabyte");
  }

  /* The two largest parts of an ISO 8601 duration: "P29DT23H59M" is "29 days, 23 hours left". */
  function time(duration) {
    var names = ["day", "hour", "minute", "second"];
    var text = device.getAttribute("data-left");
    var parts = /^P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?$/.exec(duration) || [];
    var largest = names.map(function (name, i) {
      return Number(parts[i + 1]) ? unit(Number(parts[i + 1]), name) : "";
    }).filter(Boolean).slice(0, 2).join(", ");
    return largest && text.replace("{time}", largest);
  }

  function places(codes) {
    var names = new Intl.DisplayNames([language], { type: "region" });
    return codes.map(function (code) {
      return names.of(code);
    }).join(", ");
  }

  function showBalance(answer) {
    var balance = answer && answer.balances && answer.balances[0];
    if (!balance) {
      fail("connect", device.getAttribute("data-no-balance"));
      return;
    }
    Bench.fill("amount", amount(balance));
    Bench.fill("time", time(balance.timeRemaining));
    Bench.fill("places", places(balance.locations || []));
    Bench.fill("type", balance.type);
    Bench.fill("iccid", iccid);
    Bench.fill("count", answer.balances.length.toLocaleString(language));
    Bench.byId("balance").hidden = refresh.hidden = false;
    stepTo("connect", "done");
    enter("connected");
  }

  function connect() {
    var url = "/v1/sims/" + encodeURIComponent(iccid) + "/balances?fieldsTemplate=full";
    if (plan.parameters.location) {
      url += "&location=" + encodeURIComponent(plan.parameters.location);
    }
    stepTo("connect", "current");
    enter("connecting");
    /* Without an ICCID there is a connection but no balance to show. */
    if (!iccid) {
      stepTo("connect", "done");
      enter("connected");
      return;
    }
    Bench.get(
      url,
      { "X-MS-DM-TransactionId": "MSFT_" + Bench.random(16) },
      unlessReplaced(showBalance)
    );
  }

  /* Return the LPA's name of an error, or `otherwise` for an error that the LPA does not know. */
  function lpaName(error, otherwise) {
    var i;
    for (i = 1; i < choice.options.length; i += 1) {
      if (choice.options[i].value === error) {
        return error;
      }
    }
    return otherwise;
  }

  /* The chosen failure happens once, so that the next try succeeds. */
  function failDownload(error) {
    choice.value = choice.options[0].value;
    failure = { code: lpaName(error, "Other"), iccid: iccid };
    goBack.hidden = false;
    fail("download", error);
    Bench.announce("downloaded", {
      call: plan.call,
      error: lpaName(error, "UnknownError"),
      iccid: iccid
    });
  }

  function install(answer) {
    if (!answer || answer.result !== "success") {
      failDownload((answer && answer.error) || "NoAnswer");
      return;
    }
    iccid = answer.iccid || iccid;
    stepTo("install", "current");
    enter("installing");
    window.setTimeout(unlessReplaced(function () {
      Bench.announce("downloaded", { call: plan.call, error: "", iccid: iccid });
      connect();
    }), STEP_MILLISECONDS);
  }

  function begin() {
    iccid = plan.outcome.iccid;
    if (!plan.outcome.activationCode) {
      iccid = iccid || plan.parameters.iccid || "";
      steps[0].setAttribute("data-status", "skipped");
      steps[1].setAttribute("data-status", "skipped");
      connect();
      return;
    }
    stepTo("download", "current");
    enter("downloading");
    window.setTimeout(unlessReplaced(function () {
      Bench.post(Bench.settings.downloadUrl, {
        activationCode: plan.outcome.activationCode,
        eid: plan.parameters.eid || "",
        download: choice.value
      }, unlessReplaced(install));
    }), STEP_MILLISECONDS);
  }

  Bench.listen("launch", reset);
  Bench.listen("plan", function (detail) {
    reset();
    plan = detail;
    begin();
  });
  again.addEventListener("click", function () {
    again.hidden = goBack.hidden = true;
    retry();
  });
  goBack.addEventListener("click", function () {
    Bench.announce("return", failure);
  });
  refresh.addEventListener("click", connect);
  reset();
}());
