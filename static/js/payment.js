/* Formats the card number in groups of four and the expiry date as MM/YY during typing. */
(function () {
  "use strict";

  var EASTERN_DIGITS = /[\u0660-\u0669\u06f0-\u06f9]/g;

  // Arabic and Persian keyboards type their own digits. Cards use western digits.
  function western(text) {
    return text.replace(EASTERN_DIGITS, function (digit) {
      return String(digit.charCodeAt(0) & 15);
    });
  }

  function digitsOf(text) {
    return western(text).replace(/\D/g, "");
  }

  function grouped(digits) {
    return digits.slice(0, 19).replace(/(\d{4})(?=\d)/g, "$1 ");
  }

  // "9/27" means September, so a first digit above 1 is a whole month.
  function expiry(digits) {
    var whole = /^[2-9]/.test(digits) ? "0" + digits : digits;
    if (whole.length > 4 && whole.slice(2, 4) === "20") {
      whole = whole.slice(0, 2) + whole.slice(4);
    }
    whole = whole.slice(0, 4);
    return whole.length > 2 ? whole.slice(0, 2) + "/" + whole.slice(2) : whole;
  }

  function placeOf(text, count) {
    var index = 0;
    var seen = 0;
    while (index < text.length && seen < count) {
      if (/\d/.test(text.charAt(index))) {
        seen += 1;
      }
      index += 1;
    }
    return index;
  }

  function write(input, format) {
    var caret = input.selectionStart;
    var atEnd = caret === input.value.length;
    var before = digitsOf(input.value.slice(0, caret)).length;
    var text = format(digitsOf(input.value));
    if (text === input.value) {
      return;
    }
    input.value = text;
    if (document.activeElement === input) {
      caret = atEnd ? text.length : placeOf(text, before);
      input.setSelectionRange(caret, caret);
    }
  }

  function watch(id, format) {
    var input = document.getElementById(id);
    if (!input) {
      return;
    }
    input.addEventListener("input", function () {
      write(input, format);
    });
    write(input, format);
  }

  watch("id_number", grouped);
  watch("id_expiry", expiry);
}());
