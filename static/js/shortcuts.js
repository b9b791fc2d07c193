// Single-key shortcuts, for those who like them: "/" search, "c" new campaign, "g" and a letter to go somewhere,
// "?" the list. They rest while somebody types, and the list has a switch that turns them off in this browser.

(function () {
  "use strict";

  const STORE = "tidings-shortcuts";
  const list = document.getElementById("shortcuts");
  if (!list) {
    return;
  }
  let going = 0;

  function on() {
    try {
      return localStorage.getItem(STORE) !== "off";
    } catch {
      return true;
    }
  }

  function show() {
    const knob = list.querySelector("[data-shortcuts-switch]");
    knob.setAttribute("aria-pressed", String(on()));
    knob.textContent = on() ? knob.dataset.on : knob.dataset.off;
  }

  list.querySelector("[data-shortcuts-switch]").addEventListener("click", function () {
    try {
      localStorage.setItem(STORE, on() ? "off" : "on");
    } catch {
      return;
    }
    show();
  });
  show();

  function typing(target) {
    return target instanceof Element && target.closest("input, textarea, select, [contenteditable], dialog[open]");
  }

  function press(selector) {
    const found = document.querySelector(selector);
    if (found) {
      found.click();
    }
    return Boolean(found);
  }

  document.addEventListener("keydown", function (event) {
    if (!on() || event.ctrlKey || event.metaKey || event.altKey || event.isComposing || typing(event.target)) {
      return;
    }
    const key = event.key.toLowerCase();
    const followed = Date.now() - going < 1500;
    going = 0;
    let done = false;
    if (followed && /^[a-z]$/.test(key)) {
      done = press('.side [data-key="' + key + '"]');
    } else if (key === "g") {
      going = Date.now();
    } else if (key === "c") {
      done = press(".side [data-new-campaign]");
    } else if (key === "/") {
      const search = document.querySelector("[data-search]");
      done = Boolean(search);
      if (search) {
        search.focus();
      }
    } else if (key === "?") {
      list.showModal();
      done = true;
    }
    if (done) {
      event.preventDefault();
    }
  });

  // In a form that says so, Ctrl+Enter presses its main button: to review, never to send.
  document.addEventListener("keydown", function (event) {
    const form = event.target instanceof Element && event.target.closest("form[data-ctrl-enter]");
    if (form && event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      form.requestSubmit();
    }
  });
})();
