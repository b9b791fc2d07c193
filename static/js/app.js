// What the pages do beyond plain HTML. Every page works without this file; it only makes things quicker and
// quieter. It is the one place that listens to htmx, under the event names of htmx 2 and of htmx 4.

(function () {
  "use strict";

  const root = document.documentElement;
  root.classList.add("scripted");

  function on(names, handler) {
    for (const name of names) {
      document.addEventListener(name, handler);
    }
  }

  function closest(event, selector) {
    return event.target instanceof Element ? event.target.closest(selector) : null;
  }

  // ---- htmx: the form token, quiet polls, honest errors, the keyboard's place ---------------------------

  function isPoll(element) {
    const trigger = element && element.getAttribute && element.getAttribute("hx-trigger");
    return Boolean(trigger && trigger.includes("every"));
  }

  function element(event) {
    const { requestConfig, ctx, elt } = event.detail;
    return (requestConfig && requestConfig.elt) || (ctx && ctx.sourceElement) || elt || event.target;
  }

  on(["htmx:configRequest", "htmx:config:request"], function (event) {
    const token = document.querySelector('meta[name="csrf-token"]');
    const headers = event.detail.headers || (event.detail.ctx && event.detail.ctx.request.headers);
    if (token && headers) {
      headers["X-CSRFToken"] = token.content;
    }
  });

  // A poll of a tab that nobody sees costs the server and tells no one.
  on(["htmx:beforeRequest", "htmx:before:request"], function (event) {
    if (document.hidden && isPoll(element(event))) {
      event.preventDefault();
    }
  });

  function notUpdating(shown) {
    const bar = document.getElementById("updates-bar");
    if (bar) {
      bar.hidden = !shown;
    }
  }

  on(["htmx:responseError", "htmx:sendError", "htmx:timeout", "htmx:error"], function (event) {
    if (isPoll(element(event))) {
      notUpdating(true);
    } else {
      say(document.body.dataset.failed, "bad");
    }
  });

  on(["htmx:beforeSwap", "htmx:before:swap"], function (event) {
    if (isPoll(element(event))) {
      notUpdating(false);
    }
  });

  let hadFocus = false;
  on(["htmx:beforeSwap", "htmx:before:swap"], function (event) {
    const target = event.detail.target || event.target;
    hadFocus = Boolean(target && target.contains && target.contains(document.activeElement));
  });

  // After a swap that took the focused control away, or that brought errors, go to the region's own mark.
  on(["htmx:afterSettle", "htmx:after:swap"], function (event) {
    const region = event.detail.elt || event.detail.target || event.target;
    if (!region || !region.querySelector) {
      return;
    }
    ready(region);
    const lost = hadFocus && (!document.activeElement || document.activeElement === document.body);
    const mark = region.matches("[data-focus]") ? region : region.querySelector("[data-focus]");
    if (mark && (lost || mark.matches(".error-summary"))) {
      mark.focus();
    }
    hadFocus = false;
  });

  // ---- menus: one open at a time, closed by Escape and by a click elsewhere -----------------------------

  function openMenus() {
    return document.querySelectorAll("details[data-menu][open]");
  }

  // A menu near the right edge opens to the other side.
  document.addEventListener(
    "toggle",
    function (event) {
      const menu = event.target.matches("details[data-menu][open]") && event.target.querySelector(".menu");
      if (menu && menu.getBoundingClientRect().right > root.clientWidth) {
        menu.classList.add("end");
      }
    },
    true,
  );

  document.addEventListener("click", function (event) {
    for (const menu of openMenus()) {
      if (!menu.contains(event.target)) {
        menu.open = false;
      }
    }
  });

  document.addEventListener("keydown", function (event) {
    if (event.key !== "Escape") {
      return;
    }
    for (const menu of openMenus()) {
      menu.open = false;
      menu.querySelector("summary").focus();
    }
  });

  // ---- dialogs: a link that opens one instead of leaving the page ---------------------------------------

  document.addEventListener("click", function (event) {
    const link = closest(event, "[data-dialog]");
    const dialog = link && document.getElementById(link.dataset.dialog);
    if (!dialog || !dialog.showModal || dialog.open || event.ctrlKey || event.metaKey || event.shiftKey) {
      return;
    }
    event.preventDefault();
    dialog.showModal();
  });

  document.addEventListener("click", function (event) {
    if (event.target instanceof HTMLDialogElement && event.target.open) {
      event.target.close();
    }
  });

  // ---- messages ------------------------------------------------------------------------------------------

  function say(sentence, tone) {
    const region = document.getElementById("toasts");
    if (!region || !sentence) {
      return;
    }
    const toast = document.createElement("div");
    toast.className = "toast " + tone;
    toast.dataset.toast = "";
    const words = document.createElement("p");
    words.textContent = sentence;
    toast.append(words);
    region.append(toast);
    setTimeout(function () {
      toast.remove();
    }, 12000);
  }

  document.addEventListener("click", function (event) {
    const button = closest(event, "[data-dismiss]");
    if (button) {
      button.closest("[data-toast]").remove();
    }
  });

  // ---- ticking -------------------------------------------------------------------------------------------

  document.addEventListener("click", function (event) {
    const button = closest(event, "[data-tick-all]");
    if (button) {
      const boxes = button.closest("form").querySelectorAll("tbody input[type=checkbox]");
      const all = Array.from(boxes).every(function (box) {
        return box.checked;
      });
      boxes.forEach(function (box) {
        box.checked = !all;
      });
    }
  });

  // ---- copying -------------------------------------------------------------------------------------------

  document.addEventListener("click", function (event) {
    const button = closest(event, "[data-copy]");
    const input = button && document.getElementById(button.dataset.copy);
    if (!input) {
      return;
    }
    input.select();
    const label = button.querySelector("[data-label]");
    const before = label.textContent;
    const done = function () {
      label.textContent = button.dataset.copied;
      setTimeout(function () {
        label.textContent = before;
      }, 2000);
    };
    // The clipboard is missing on plain http; then the text stays selected, ready for the keyboard.
    if (navigator.clipboard) {
      navigator.clipboard.writeText(input.value).then(done, function () {});
    }
  });

  // ---- showing a password --------------------------------------------------------------------------------
  // The words come with the field, so that they are in the reader's language.

  document.querySelectorAll("input[data-show]").forEach(function (input) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "button quiet small reveal";
    button.textContent = input.dataset.show;
    button.addEventListener("click", function () {
      const hidden = input.type === "password";
      input.type = hidden ? "text" : "password";
      button.textContent = hidden ? input.dataset.hide : input.dataset.show;
    });
    input.insertAdjacentElement("afterend", button);
  });

  // ---- counting characters -------------------------------------------------------------------------------
  // The server's number is the true one; this answers at once, in code points, while it is on its way.

  function count(text) {
    const box = document.getElementById(text.dataset.counter + "-box");
    if (!box) {
      return;
    }
    const limit = Number(text.dataset.limit);
    const signature = document.getElementById(text.dataset.extraFrom || "");
    const signed = signature ? Array.from(signature.value).length : 0;
    const extra = !signature || signed ? signed + Number(text.dataset.extra || 0) : 0;
    const used = Array.from(text.value).length + extra;
    const over = used > limit;
    const was = box.classList.contains("over");
    box.querySelector("[data-count]").textContent = String(used);
    box.querySelector("progress").value = Math.min(used, limit);
    box.classList.toggle("over", over);
    if (over !== was) {
      const voice = box.querySelector("[data-say]");
      voice.textContent = over ? voice.dataset.over : voice.dataset.within;
    }
  }

  document.addEventListener("input", function (event) {
    const text = closest(event, "[data-counter]");
    if (text) {
      count(text);
    }
    if (event.target.id) {
      document.querySelectorAll("[data-extra-from='" + CSS.escape(event.target.id) + "']").forEach(count);
    }
  });

  document.addEventListener("click", function (event) {
    const button = closest(event, "[data-insert]");
    const text = button && document.getElementById(button.dataset.into);
    if (text) {
      text.setRangeText(button.dataset.insert, text.selectionStart, text.selectionEnd, "end");
      text.focus();
      text.dispatchEvent(new Event("input", { bubbles: true }));
    }
  });

  // ---- dropping a file on the box of a file input --------------------------------------------------------

  for (const name of ["dragover", "dragleave", "drop"]) {
    document.addEventListener(name, function (event) {
      const box = closest(event, "[data-drop]");
      if (!box) {
        return;
      }
      event.preventDefault();
      box.classList.toggle("over", name === "dragover");
      if (name === "drop" && event.dataTransfer.files.length) {
        const input = box.querySelector('input[type="file"]');
        input.files = event.dataTransfer.files;
        input.dispatchEvent(new Event("change", { bubbles: true }));
      }
    });
  }

  // ---- a form is sent once -------------------------------------------------------------------------------
  // The server holds a one-time key for what must not happen twice; this only spares the second click.

  document.addEventListener("submit", function (event) {
    const form = event.target;
    if (form.dataset.once === undefined || event.defaultPrevented) {
      return;
    }
    if (form.dataset.sent) {
      event.preventDefault();
    }
    form.dataset.sent = "yes";
  });

  window.addEventListener("pageshow", function () {
    for (const form of document.querySelectorAll("form[data-sent]")) {
      delete form.dataset.sent;
    }
  });

  // ---- a form waits for its own saving that is under way ----------------------------------------------------
  // Both would begin from the same version, and the later one would be taken for somebody else's.

  let waiting = null;

  document.addEventListener(
    "submit",
    function (event) {
      const saver = document.getElementById(event.target.dataset.after || "");
      if (saver && saver.classList.contains("htmx-request")) {
        event.preventDefault();
        event.stopPropagation();
        waiting = { form: event.target, button: event.submitter, saver: saver };
      }
    },
    true,
  );

  on(["htmx:afterRequest", "htmx:after:request"], function (event) {
    if (waiting && element(event) === waiting.saver) {
      const { form, button } = waiting;
      waiting = null;
      // Its class is taken off after this event.
      setTimeout(() => form.requestSubmit(button), 0);
    }
  });

  // ---- what somebody opened stays open when its region is exchanged -----------------------------------------

  let opened = [];
  on(["htmx:beforeSwap", "htmx:before:swap"], function () {
    opened = Array.from(document.querySelectorAll("details[id][open]"), (box) => box.id);
  });

  on(["htmx:afterSettle", "htmx:after:swap"], function () {
    for (const id of opened) {
      const box = document.getElementById(id);
      if (box) {
        box.open = true;
      }
    }
  });

  // ---- at the start --------------------------------------------------------------------------------------

  function ready(region) {
    for (const text of region.querySelectorAll("[data-counter]")) {
      count(text);
    }
  }

  ready(document);
  const summary = document.querySelector(".error-summary[data-focus]");
  if (summary) {
    summary.focus();
  }
})();
