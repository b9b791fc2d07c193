// What the compose page does beyond its form: it only opens and closes, and fills in what is obvious.

(function () {
  "use strict";

  const form = document.getElementById("compose");
  if (!form) {
    return;
  }

  // ---- the time is asked for when it is wanted ----------------------------------------------------------

  const later = form.querySelector("[data-later]");
  const time = later && document.getElementById(later.dataset.later);
  let kept = "";

  function whenChosen() {
    const chosen = form.querySelector('input[name="when"]:checked');
    const now = !chosen || chosen.value === "now";
    // A time that is not shown must not be sent along: the server would have to guess which was meant.
    if (now && time.value) {
      kept = time.value;
      time.value = "";
    } else if (!now && !time.value) {
      time.value = kept;
    }
    later.hidden = now;
  }

  if (time) {
    form.addEventListener("change", function (event) {
      if (event.target.name === "when") {
        whenChosen();
      }
    });
    if (!time.value) {
      whenChosen();
    }
  }

  // ---- what to do about names matters once a name stands in the text --------------------------------------

  form.addEventListener("input", function (event) {
    for (const box of form.querySelectorAll("details[data-opens-on]")) {
      if (event.target.name === "body" && event.target.value.includes(box.dataset.opensOn)) {
        box.open = true;
      }
    }
  });

  document.addEventListener("click", function (event) {
    const link = event.target instanceof Element && event.target.closest("[data-reveal]");
    const box = link && document.querySelector(link.getAttribute("href"));
    if (box) {
      box.open = true;
    }
  });

  // ---- Ctrl+Enter goes on to the review; it never sends ---------------------------------------------------

  form.addEventListener("keydown", function (event) {
    const button = form.querySelector("[data-review]");
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && button) {
      event.preventDefault();
      form.requestSubmit(button);
    }
  });

  // A page that the browser kept may show a version that was saved over since.
  window.addEventListener("pageshow", function (event) {
    if (event.persisted) {
      location.reload();
    }
  });
})();
