/* Every form is sent once at a time; the button stays alive, so that its name is sent and nobody is stuck. */
(function () {
  "use strict";

  // After this long without a new page the answer is lost, and the customer may send again.
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

  // A page that comes back out of the browser's memory is a page that was not sent yet.
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
