/* Sends each form only once at a time. The button is not disabled, so its name is sent and the customer can retry. */
(function () {
  "use strict";

  // Without a new page after this time, assume that the answer is lost and allow a new attempt.
  var GIVE_UP_AFTER = 15000;

  function release(form) {
    form.removeAttribute("data-sent");
    mark(form, "false");
  }

  function mark(form, busy) {
    var index;
    for (index = 0; index < form.elements.length; index += 1) {
      if (form.elements[index].type === "submit") {
        form.elements[index].setAttribute("aria-busy", busy);
      }
    }
  }

  function onSubmit(event) {
    var form = event.target;
    if (form.hasAttribute("data-sent")) {
      event.preventDefault();
      return;
    }
    form.setAttribute("data-sent", "");
    mark(form, "true");
    window.setTimeout(function () {
      release(form);
    }, GIVE_UP_AFTER);
  }

  // A page restored from the browser's cache has not been sent yet.
  function onPageShow() {
    var index;
    for (index = 0; index < document.forms.length; index += 1) {
      release(document.forms[index]);
    }
  }

  function leadToErrors() {
    var errors = document.getElementById("errors");
    if (errors) {
      errors.focus();
    }
  }

  document.addEventListener("submit", onSubmit);
  window.addEventListener("pageshow", onPageShow);
  leadToErrors();
}());

/* Copies the code beside a button. Without script the button stays hidden. */
(function () {
  "use strict";

  function onClick(event) {
    var button = event.currentTarget;
    var code = document.getElementById(button.getAttribute("data-copies"));
    var range = document.createRange();
    var selection = window.getSelection();
    range.selectNodeContents(code);
    selection.removeAllRanges();
    selection.addRange(range);
    if (document.execCommand("copy")) {
      button.textContent = button.getAttribute("data-done");
      document.getElementById("news").textContent = button.textContent;
    }
  }

  Array.prototype.forEach.call(document.querySelectorAll("[data-copies]"), function (button) {
    button.hidden = false;
    button.addEventListener("click", onClick);
  });
}());

/* Shows a password while it is typed. Before it is sent it is hidden again, so that no browser stores it as text. */
(function () {
  "use strict";

  var buttons = document.querySelectorAll(".show");

  function swap(button, name, text) {
    var other = button.getAttribute(name);
    button.setAttribute(name, text);
    return other;
  }

  function turn(button) {
    var input = button.previousElementSibling;
    input.type = input.type === "password" ? "text" : "password";
    button.textContent = swap(button, "data-text", button.textContent);
    button.setAttribute("aria-label", swap(button, "data-label", button.getAttribute("aria-label")));
  }

  function hideAll() {
    Array.prototype.forEach.call(buttons, function (button) {
      if (button.previousElementSibling.type === "text") {
        turn(button);
      }
    });
  }

  Array.prototype.forEach.call(buttons, function (button) {
    button.hidden = false;
    button.addEventListener("click", function () {
      turn(button);
    });
  });
  document.addEventListener("submit", hideAll);
}());

/* Names the chosen plan on the button that leads to its terms. */
(function () {
  "use strict";

  var place = document.getElementById("chosen-plan");

  function nameChosen() {
    var name = document.querySelector(".plan-radio:checked ~ .plan-name");
    if (name) {
      place.textContent = " \u00b7 ";
      place.appendChild(document.createElement("bdi")).textContent = name.textContent;
    }
  }

  if (place) {
    document.addEventListener("change", nameChosen);
    window.addEventListener("pageshow", nameChosen);
  }
}());
