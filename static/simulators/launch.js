/* The launch form: presets, the address that the app opens, and the headers that it adds. */
(function () {
  "use strict";
  var Bench = window.Bench;
  var form = Bench.byId("launch-form");
  var presets = JSON.parse(Bench.byId("presets").textContent);
  var transaction = Bench.byId("id_transaction");
  var language = Bench.byId("id_language");
  var buttons = form.querySelectorAll("[data-preset]");
  var errors = {
    lpa_codes: "X-MP-LPAError-Codes",
    lpa_times: "X-MP-LPAError-TimeStamps",
    lpa_iccids: "X-MP-LPAError-ICCIDs"
  };
  var isOwnTransaction = false;
  var launched = null;

  function value(name) {
    return Bench.byId("id_" + name).value;
  }

  function freshTransaction() {
    return "MSFT_" + Bench.random(8) + "/" + Bench.random(10) + "+" + Bench.random(4);
  }

  function press(pressed) {
    var i;
    for (i = 0; i < buttons.length; i += 1) {
      buttons[i].setAttribute("aria-pressed", String(buttons[i] === pressed));
    }
  }

  /* Without a button, no preset is chosen: the launch was changed by hand. */
  function choosePreset(button) {
    press(button);
    Bench.byId("purpose").textContent = button
      ? presets[Number(button.getAttribute("data-preset"))].purpose
      : "";
  }

  function fillIn(values) {
    Object.keys(values).forEach(function (name) {
      var field = Bench.byId("id_" + name);
      if (field) {
        field.value = values[name];
      }
    });
  }

  function choose(event) {
    fillIn(presets[Number(event.currentTarget.getAttribute("data-preset"))]);
    choosePreset(event.currentTarget);
    preview();
  }

  function parameters() {
    var names = ["eid", "iccid", "iccids", "imei", "location", "market"];
    var chosen = {};
    names.forEach(function (name) {
      if (value(name)) {
        chosen[name] = value(name);
      }
    });
    if (transaction.value) {
      chosen.transactionId = transaction.value;
    }
    return chosen;
  }

  function address() {
    return "/?" + Bench.encode(parameters());
  }

  function errorsToSend() {
    return Object.keys(errors).filter(function (name) {
      return value(name);
    });
  }

  function preview() {
    var lines = errorsToSend().map(function (name) {
      return errors[name] + ": " + value(name);
    });
    Bench.byId("row_accept_language").hidden = language.value !== "other";
    Bench.byId("sent").textContent = ["GET " + address()].concat(lines).join("\n");
  }

  /* Return the language, the kind of app, and the errors of the last download. */
  function webViewOptions() {
    var isOther = language.value === "other";
    var asked = {
      language: isOther ? value("accept_language") : language.value,
      host: value("host")
    };
    errorsToSend().forEach(function (name) {
      asked[name] = value(name);
    });
    return asked;
  }

  /* Return all values of the form except the result of the next download. */
  function filledIn() {
    var kept = {};
    Array.prototype.forEach.call(form.elements, function (field) {
      if (field.name && field.name !== "download") {
        kept[field.name] = field.value;
      }
    });
    return kept;
  }

  function launch() {
    launched = filledIn();
    preview();
    Bench.announce("launch", {
      url: address(),
      parameters: parameters(),
      host: value("host"),
      options: webViewOptions()
    });
  }

  /* Return a time in the app's format, such as 3/9/2026 4:05:00 PM. It is UTC without saying so. */
  function timestamp(now) {
    var hours = now.getUTCHours();
    var clock = [hours % 12 || 12].concat([now.getUTCMinutes(), now.getUTCSeconds()].map(twoDigits));
    var date = [now.getUTCMonth() + 1, now.getUTCDate(), now.getUTCFullYear()].join("/");
    return date + " " + clock.join(":") + (hours < 12 ? " AM" : " PM");
  }

  function twoDigits(number) {
    return (number < 10 ? "0" : "") + number;
  }

  /* The app repeats the launch whose download failed, even if the form has changed since. */
  function launchAgain(failure) {
    fillIn(launched);
    fillIn({
      transaction: freshTransaction(),
      lpa_codes: failure.code,
      lpa_times: timestamp(new Date()),
      lpa_iccids: failure.iccid
    });
    isOwnTransaction = false;
    choosePreset(null);
    Bench.byId("lpa").open = true;
    launch();
  }

  Array.prototype.forEach.call(buttons, function (button) {
    button.addEventListener("click", choose);
  });
  form.addEventListener("input", function (event) {
    if (event.target === transaction) {
      isOwnTransaction = true;
    } else if (event.target.id !== "id_download") {
      choosePreset(null);
    }
    preview();
  });
  form.addEventListener("submit", function (event) {
    event.preventDefault();
    if (!isOwnTransaction) {
      transaction.value = freshTransaction();
    }
    launch();
  });
  Bench.listen("return", launchAgain);
  transaction.value = freshTransaction();
  preview();
  Bench.byId("insecure").hidden = window.isSecureContext;
}());
