/* The size of the app's window: the buttons below it, and the size shown after dragging. */
(function () {
  "use strict";
  var Bench = window.Bench;
  var stage = Bench.byId("stage");
  var buttons = document.querySelectorAll("[data-size]");

  function showSize() {
    var size = [stage.clientWidth, stage.clientHeight];
    Bench.byId("size").textContent = size.join(" × ");
    Array.prototype.forEach.call(buttons, function (button) {
      var isIt = button.getAttribute("data-size") === size.join("x");
      button.setAttribute("aria-pressed", String(isIt));
    });
  }

  function resize(event) {
    var size = event.currentTarget.getAttribute("data-size").split("x");
    stage.style.width = size[0] + "px";
    stage.style.height = size[1] + "px";
    showSize();
  }

  Array.prototype.forEach.call(buttons, function (button) {
    button.addEventListener("click", resize);
  });
  if (window.ResizeObserver) {
    new window.ResizeObserver(showSize).observe(stage);
  }
  showSize();
}());
