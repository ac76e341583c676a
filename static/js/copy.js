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
