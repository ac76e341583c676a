/* Shows the button that prints the page. Without script the button stays hidden. */
(function () {
  "use strict";

  var button = document.getElementById("print");

  function onClick() {
    window.print();
  }

  if (button) {
    button.hidden = false;
    button.addEventListener("click", onClick);
  }
}());
