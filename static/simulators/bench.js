/* Functions that the page's scripts share: texts, events between the scripts, requests. */
(function () {
  "use strict";
  var settings = document.body.dataset;

  function byId(id) {
    return document.getElementById(id);
  }

  /* Write a text into every element with this slot. */
  function fill(slot, text) {
    var places = document.querySelectorAll("[data-slot=" + slot + "]");
    var i;
    for (i = 0; i < places.length; i += 1) {
      places[i].textContent = text;
    }
  }

  function announce(name, detail) {
    document.dispatchEvent(new CustomEvent("simulator:" + name, { detail: detail }));
  }

  function listen(name, handle) {
    document.addEventListener("simulator:" + name, function (event) {
      handle(event.detail);
    });
  }

  function send(request, body, done) {
    request.onload = function () {
      var answer = null;
      try {
        answer = JSON.parse(request.responseText);
      } catch (error) {
        answer = null;
      }
      done(request.status === 200 ? answer : null);
    };
    request.onerror = function () {
      done(null);
    };
    request.send(body);
  }

  /* `done` receives the JSON of an answer with status 200, and null otherwise. */
  function get(url, headers, done) {
    var request = new XMLHttpRequest();
    var name;
    request.open("GET", url);
    for (name in headers) {
      if (Object.prototype.hasOwnProperty.call(headers, name)) {
        request.setRequestHeader(name, headers[name]);
      }
    }
    send(request, null, done);
  }

  function encode(fields) {
    return Object.keys(fields).map(function (name) {
      return encodeURIComponent(name) + "=" + encodeURIComponent(fields[name]);
    }).join("&");
  }

  /* Fetch a new CSRF token first: sign-in and sign-out in the frame invalidate the old one. */
  function post(url, fields, done) {
    get(settings.tokenUrl, {}, function (answer) {
      var request = new XMLHttpRequest();
      request.open("POST", url);
      request.setRequestHeader("Content-Type", "application/x-www-form-urlencoded");
      request.setRequestHeader("X-CSRFToken", answer ? answer.token : "");
      send(request, encode(fields), done);
    });
  }

  /* The middleware and host.js in the frame read this cookie to behave like the WebView. */
  function setOptions(options) {
    document.cookie = "mobile_plans_simulator=" + encode(options) + "; path=/; SameSite=Lax";
  }

  /* Return random letters and digits, as in the app's ids. */
  function random(length) {
    var alphabet = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789";
    var bytes = window.crypto.getRandomValues(new Uint8Array(length));
    return Array.prototype.map.call(bytes, function (byte) {
      return alphabet.charAt(byte % alphabet.length);
    }).join("");
  }

  window.Bench = {
    announce: announce,
    byId: byId,
    encode: encode,
    fill: fill,
    get: get,
    listen: listen,
    post: post,
    random: random,
    setOptions: setOptions,
    settings: settings
  };
}());
