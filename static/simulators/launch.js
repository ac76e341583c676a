/* The launch form: presets, the address the app would open, and the cookie of the WebView. */
(function () {
  "use strict";
  var Bench = window.Bench;
  var form = Bench.byId("launch-form");
  var presets = JSON.parse(Bench.byId("presets").textContent);
  var transaction = Bench.byId("id_transaction");
  var language = Bench.byId("id_language");
  var buttons = form.querySelectorAll("[data-preset]");
  var isOwnTransaction = false;

  function freshTransaction() {
    return "MSFT_" + Bench.random(8) + "/" + Bench.random(10) + "+" + Bench.random(4);
  }

  function press(pressed) {
    var i;
    for (i = 0; i < buttons.length; i += 1) {
      buttons[i].setAttribute("aria-pressed", String(buttons[i] === pressed));
    }
  }

  function choose(event) {
    var preset = presets[Number(event.currentTarget.getAttribute("data-preset"))];
    Object.keys(preset).forEach(function (name) {
      var field = Bench.byId("id_" + name);
      if (field && field.type === "checkbox") {
        field.checked = preset[name];
      } else if (field) {
        field.value = preset[name];
      }
    });
    press(event.currentTarget);
    preview();
  }

  function parameters() {
    var names = ["eid", "iccid", "iccids", "imei", "location", "market"];
    var chosen = {};
    names.forEach(function (name) {
      var value = Bench.byId("id_" + name).value;
      if (value) {
        chosen[name] = value;
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

  function preview() {
    Bench.byId("row_accept_language").hidden = language.value !== "other";
    Bench.byId("sent").textContent = "GET " + address();
  }

  /* The middleware reads it: how the WebView asks, and whether the app's object is in its pages. */
  function setCookie() {
    var isOther = language.value === "other";
    var wishes = { language: isOther ? Bench.byId("id_accept_language").value : language.value };
    if (Bench.byId("id_has_object").checked) {
      wishes.object = "1";
    }
    document.cookie = "mobile_plans_simulator=" + Bench.encode(wishes) + "; path=/; SameSite=Lax";
  }

  function launch(event) {
    event.preventDefault();
    if (!isOwnTransaction) {
      transaction.value = freshTransaction();
    }
    preview();
    setCookie();
    Bench.announce("launch", { url: address(), parameters: parameters() });
  }

  Array.prototype.forEach.call(buttons, function (button) {
    button.addEventListener("click", choose);
  });
  form.addEventListener("input", function (event) {
    if (event.target === transaction) {
      isOwnTransaction = true;
    } else {
      press(null);
    }
    preview();
  });
  form.addEventListener("submit", launch);
  transaction.value = freshTransaction();
  preview();
  Bench.byId("insecure").hidden = window.isSecureContext;
}());
