/* Formats the card number in groups of four and the expiry date as MM/YY during typing. A number with
   a wrong digit is not sent. */
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

  // The Luhn check of ISO/IEC 7812-1, as in the form.
  function isCardNumber(digits) {
    var sum = 0;
    var index;
    var digit;
    for (index = 0; index < digits.length; index += 1) {
      digit = Number(digits.charAt(digits.length - 1 - index));
      digit *= index % 2 ? 2 : 1;
      sum += digit > 9 ? digit - 9 : digit;
    }
    return digits.length >= 12 && digits.length <= 19 && sum % 10 === 0;
  }

  // Without a number there is nothing to check here: the form asks for it.
  function checkNumber(input, line) {
    var digits = digitsOf(input.value);
    var isWrong = digits !== "" && !isCardNumber(digits);
    var answer = document.getElementById("id_number_error");
    line.hidden = !isWrong;
    input.parentNode.classList.toggle("field-wrong", isWrong);
    if (answer) {
      answer.parentNode.removeChild(answer);
    }
    if (isWrong) {
      input.setAttribute("aria-invalid", "true");
      input.setAttribute("aria-describedby", line.id);
    } else {
      input.removeAttribute("aria-invalid");
      input.removeAttribute("aria-describedby");
    }
    return !isWrong;
  }

  function guardNumber() {
    var input = document.getElementById("id_number");
    var line = document.getElementById("number-wrong");
    if (!input) {
      return;
    }
    input.parentNode.appendChild(line);
    input.addEventListener("change", function () {
      checkNumber(input, line);
    });
    input.form.addEventListener("submit", function (event) {
      var chosen = document.querySelector(".method-radio:checked");
      var isNoNewCard = chosen && chosen.value !== "new";
      // The buttons for the terms and the like are pressed before the card is complete.
      var isAside = document.activeElement && document.activeElement.name === "aside";
      if (isNoNewCard || isAside || checkNumber(input, line)) {
        return;
      }
      event.preventDefault();
      // page.js would take the form as sent.
      event.stopPropagation();
      input.focus();
    });
  }

  watch("id_number", grouped);
  watch("id_expiry", expiry);
  guardNumber();
}());
