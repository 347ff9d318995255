// Bough's script: what it adds to pages that work without it. One module, no dependency, nothing inline;
// it sets attributes, classes and text, never a style. Everything is asked for by an attribute:
//
// data-dialog="id"           a link or button that opens the <dialog id>; without it the link is followed
// data-close                 closes the dialog around it
// data-fragment-form="name"  on a form: sends it by fetch (header X-Bough-Fragment: name) and puts the answer's
//                            [data-fragment="name"] (else its <main>) in the place of the nearest [data-fragment]
//                            or .dialog-body; an answer that was redirected is gone to
// data-secret                shows a secret: its dialog and its page ask before they go, until [data-copy-secret] was
//                            pressed; [data-question] is the question, [data-leave] and [data-stay] its answers
// data-reload-on-close       on something in a dialog: the page is loaded again once the dialog is closed
// data-focus                 takes the focus when it appears
// data-copy="#id"            copies that element's text (or value)
// data-filter="#id"          on an input: hides those [data-filter-item], or else rows of a table's body, that lack
//                            the words; [data-filter-group] without any left too; [data-filter-count="#id"] says how many
// data-confirm-path="text"   on an input: its form's danger button waits until just this is typed
// data-submit-once           on a form: sent once; the buttons come back with the page
// data-guard                 on a form: the page asks before it goes while the form is changed and not sent
// data-live="address"        server-sent events about this page; the protocol stands at live()
// data-relative              on <time>: keeps "3 minutes ago" true
// data-themes                the theme form of the account menu
// data-palette="address"     the link that opens the command palette; answers stand at palette()
// data-grants                on a form of accesses: see grants()

const $ = (selector, root = document) => root.querySelector(selector);
const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];
const by = (id) => document.getElementById(id);
const named = (selector) => by(selector.replace(/^#/, ""));
const TOAST_MS = 4000, COPIED_MS = 2000, DEBOUNCE_MS = 150, FRESHEN_MS = 20000;

// Words for everybody, also for those who listen.
function say(text) {
  const toast = document.createElement("p");
  toast.textContent = text;
  const place = $("dialog[open] .toasts-here") ?? by("toasts");
  place.append(toast);
  setTimeout(() => toast.remove(), TOAST_MS);
}

// Calls it once, when for `ms` it was not asked again.
function debounced(ms, call) {
  let timer;
  return (...args) => { clearTimeout(timer); timer = setTimeout(call, ms, ...args); };
}

// --- Dialogs --------------------------------------------------------------------------------------

function openDialog(dialog) {
  dialog.showModal();
  ($("[autofocus], [aria-invalid]", dialog) ?? $(".dialog-body :is(input:not([type=hidden]), select, button, a)", dialog))?.focus();
}

const secretIn = (root) => $("[data-secret]:not([data-taken])", root);

function askToLeave(dialog) {
  const question = $("[data-question]", dialog);
  if (question) { question.hidden = false; $("[data-stay]", question)?.focus(); }
}

function closeDialog(dialog) {
  if (secretIn(dialog)) askToLeave(dialog);
  else dialog.close();
}

document.addEventListener("cancel", (event) => {
  if (event.target.matches?.("dialog") && secretIn(event.target)) { event.preventDefault(); askToLeave(event.target); }
}, true);

document.addEventListener("close", (event) => {
  const dialog = event.target;
  if (!dialog.matches?.("dialog")) return;
  // A browser may close a dialog though it was asked not to: the secret is still there, so show it.
  if (secretIn(dialog)) { dialog.showModal(); askToLeave(dialog); return; }
  if ($("[data-reload-on-close]", dialog)) location.reload();
}, true);

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  const dialog = $("dialog[open]");
  if (dialog && secretIn(dialog)) { event.preventDefault(); askToLeave(dialog); }
  const menu = event.target.closest?.("details.menu[open]");
  if (menu) { menu.open = false; $("summary", menu).focus(); }
});

// --- Clicks ---------------------------------------------------------------------------------------

const plain = (event) => event.button === 0 && !(event.ctrlKey || event.metaKey || event.shiftKey || event.altKey);

document.addEventListener("click", (event) => {
  for (const menu of $$("details.menu[open]")) if (!menu.contains(event.target)) menu.open = false;
  const at = (selector) => event.target.closest(selector);
  let found;
  if ((found = at("[data-dialog]")) && plain(event)) {
    const dialog = by(found.dataset.dialog);
    if (dialog) { event.preventDefault(); openDialog(dialog); }
  } else if ((found = at("[data-palette]")) && plain(event)) {
    if (by("palette")) { event.preventDefault(); openPalette(); }
  } else if ((found = at("[data-leave]"))) {
    for (const secret of $$("[data-secret]")) secret.dataset.taken = "";
    found.closest("dialog")?.close();
  } else if ((found = at("[data-stay]"))) {
    found.closest("[data-question]").hidden = true;
  } else if ((found = at("[data-close]"))) {
    closeDialog(found.closest("dialog"));
  } else if ((found = at("[data-copy]"))) {
    copy(found);
  } else if ((found = at("[data-reload]"))) {
    location.reload();
  }
});

async function copy(button) {
  const from = named(button.dataset.copy);
  if (!from) return;
  try {
    await navigator.clipboard.writeText(from.value ?? from.textContent);
  } catch {
    // No clipboard on a page that came over plain http from another machine: select it and try the old way.
    getSelection().selectAllChildren(from);
    if (!document.execCommand("copy")) { say("Your browser did not let this be copied. It is selected: press Ctrl+C."); return; }
  }
  if (button.dataset.copySecret !== undefined) button.closest("[data-secret]")?.setAttribute("data-taken", "");
  say(`Copied: ${button.closest("figure, .copy")?.querySelector(".copy-label, figcaption")?.firstChild?.textContent.trim() || "the text"}`);
  button.classList.add("copied-here");
  setTimeout(() => button.classList.remove("copied-here"), COPIED_MS);
}

// --- Forms ----------------------------------------------------------------------------------------

const pictured = new WeakMap();
const picture = (form) => new URLSearchParams(new FormData(form)).toString();
const isChanged = (form) => pictured.has(form) && pictured.get(form) !== picture(form);
let leaving = false;

addEventListener("beforeunload", (event) => {
  if (secretIn(document) || (!leaving && $$("form[data-guard]").some(isChanged))) event.preventDefault();
});

document.addEventListener("submit", (event) => {
  const form = event.target, button = event.submitter;
  if (event.defaultPrevented) return;
  if (form.dataset.sent !== undefined) { event.preventDefault(); return; }
  if (form.dataset.themes !== undefined && button) { event.preventDefault(); setTheme(form, button); return; }
  if (form.dataset.fragmentForm !== undefined) { event.preventDefault(); sendFragment(form, button); return; }
  if (form.dataset.submitOnce !== undefined) form.dataset.sent = "";
  if (form.dataset.guard !== undefined) leaving = true;
});

addEventListener("pageshow", () => {
  leaving = false;
  for (const form of $$("form[data-sent]")) delete form.dataset.sent;
});

function body(form, button) {
  const fields = new URLSearchParams(new FormData(form));
  if (button?.name) fields.append(button.name, button.value);
  return fields;
}

// The part of that name in an answer, which is a fragment or a whole page.
async function partOf(answer, name) {
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  return $(`[data-fragment="${CSS.escape(name)}"]`, page) ?? $("main", page) ?? page.body;
}

async function sendFragment(form, button) {
  const name = form.dataset.fragmentForm;
  const place = form.closest("[data-fragment]") ?? form.closest(".dialog-body");
  form.dataset.sent = "";
  form.setAttribute("aria-busy", "true");
  try {
    const answer = await fetch(button?.getAttribute("formaction") ?? form.action, { method: "POST", body: body(form, button), headers: { "X-Bough-Fragment": name } });
    if (answer.redirected) { location.assign(answer.url); return; }
    const part = await partOf(answer, name);
    place.replaceChildren(...part.childNodes);
    if (part.dataset.title) { const title = $(".dialog-head h2", place.closest("dialog")); if (title) title.textContent = part.dataset.title; }
    for (const key of ["secret", "reloadOnClose"]) if (key in part.dataset) place.dataset[key] = "";
    start(place);
    ($("[data-focus], [aria-invalid], [autofocus]", place) ?? $("a, button, input:not([type=hidden])", place))?.focus();
  } catch {
    say("Bough did not answer. Nothing was sent twice: try again.");
  } finally {
    delete form.dataset.sent;
    form.removeAttribute("aria-busy");
  }
}

function setTheme(form, button) {
  if (button.value === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = button.value;
  for (const each of $$("button", form)) each.setAttribute("aria-pressed", String(each === button));
  fetch(form.action, { method: "POST", body: body(form, button), redirect: "manual" }).catch(() => say("The theme could not be kept."));
}

function confirmPath(input) {
  const button = $(".button.danger", input.form);
  const look = () => { button.disabled = input.value.trim() !== input.dataset.confirmPath; };
  input.addEventListener("input", look);
  look();
}

// --- Filters --------------------------------------------------------------------------------------

function filter(input) {
  const root = named(input.dataset.filter), count = $(`[data-filter-count="${CSS.escape(input.dataset.filter)}"]`);
  if (!root) return;
  const marked = $$("[data-filter-item]", root);
  const items = marked.length ? marked : $$("tbody > tr", root);
  const texts = items.map((item) => item.textContent.toLowerCase());
  const look = () => {
    const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    items.forEach((item, at) => {
      item.hidden = !words.every((word) => texts[at].includes(word));
      shown += item.hidden ? 0 : 1;
    });
    for (const group of $$("[data-filter-group]", root)) group.hidden = !$$("[data-filter-item]", group).some((item) => !item.hidden);
    if (count) count.textContent = words.length ? `${shown} of ${items.length} shown` : "";
  };
  input.addEventListener("input", look);
  look();
}

// --- Time -----------------------------------------------------------------------------------------

const UNITS = [[31536e6, "year"], [2592e6, "month"], [864e5, "day"], [36e5, "hour"], [6e4, "minute"]];

// The same rule as the server's: whole units, rounded down.
function relative(at, now) {
  const away = Math.abs(at - now), unit = UNITS.find(([ms]) => away >= ms);
  if (!unit) return at > now ? "in less than a minute" : "just now";
  const n = Math.floor(away / unit[0]), words = `${n} ${unit[1]}${n === 1 ? "" : "s"}`;
  return at > now ? `in ${words}` : `${words} ago`;
}

function freshen() {
  for (const time of $$("time[data-relative]")) {
    const at = Date.parse(time.dateTime), text = Number.isNaN(at) ? time.textContent : relative(at, Date.now());
    if (text !== time.textContent) time.textContent = text;
  }
}

// --- Live state -----------------------------------------------------------------------------------

// Each message is JSON. {"text": {id: text}, "attributes": {id: {name: value|null}}, "say": "words", "reload": true}:
// texts and attributes of elements with these ids are replaced, `say` is shown and read out, `reload` loads the page
// again (asks first while something is typed or a dialog is open). Only the attributes below can be set, so no message
// can run or load anything. The first message after connecting is the whole present state. {"end": true} ends it.
const SETTABLE = new Set(["data-state", "datetime", "title", "hidden", "aria-busy", "value", "max"]);

function live(element) {
  let source;
  const tell = (event) => {
    let message;
    try { message = JSON.parse(event.data); } catch { return; }
    for (const [id, text] of Object.entries(message.text ?? {})) { const to = by(id); if (to && to.textContent !== text) to.textContent = text; }
    for (const [id, set] of Object.entries(message.attributes ?? {})) {
      for (const [name, value] of Object.entries(set)) {
        if (!SETTABLE.has(name)) continue;
        if (value === null) by(id)?.removeAttribute(name); else by(id)?.setAttribute(name, value);
      }
    }
    if (message.say) say(message.say);
    if (message.end || message.reload) stop();
    if (message.reload) {
      if ($("dialog[open]") || $$("form[data-guard]").some(isChanged)) by("stale")?.removeAttribute("hidden");
      else location.reload();
    }
    if (message.end) done = true;
  };
  let done = false;
  const stop = () => { source?.close(); source = null; };
  const go = () => {
    if (source || done) return;
    source = new EventSource(element.dataset.live);
    source.addEventListener("message", tell);
  };
  // A hidden page gives its connection back: a browser has only six for all tabs.
  document.addEventListener("visibilitychange", () => (document.hidden ? stop() : go()));
  addEventListener("pagehide", stop);
  addEventListener("pageshow", go);
  if (!document.hidden) go();
}

// --- The command palette --------------------------------------------------------------------------

// GET address?q=words with Accept: application/json answers
// {"results": [{"kind": "branch", "name": "shop/dev", "href": "/my-org/shop/dev"}], "more": false}.
let options = [], chosen = -1, asked = 0;

function openPalette() {
  const dialog = by("palette"), input = by("palette-input");
  if (dialog.open) return;
  dialog.showModal();
  input.select();
  askPalette();
}

function choose(at) {
  const input = by("palette-input");
  options[chosen]?.setAttribute("aria-selected", "false");
  chosen = options.length ? (at + options.length) % options.length : -1;
  const option = options[chosen];
  if (!option) { input.removeAttribute("aria-activedescendant"); return; }
  option.setAttribute("aria-selected", "true");
  option.scrollIntoView({ block: "nearest" });
  input.setAttribute("aria-activedescendant", option.id);
}

async function askPalette() {
  const mine = ++asked, input = by("palette-input"), said = by("palette-said");
  let answer;
  try {
    const response = await fetch(`${$("[data-palette]").dataset.palette}?q=${encodeURIComponent(input.value)}`, { headers: { Accept: "application/json" } });
    answer = await response.json();
  } catch { answer = null; }
  if (mine !== asked) return;
  const results = answer?.results ?? [];
  options = results.map((result, at) => {
    const option = document.createElement("li"), kind = document.createElement("span"), name = document.createElement("bdi");
    option.id = `palette-${at}`;
    option.setAttribute("role", "option");
    option.setAttribute("aria-selected", "false");
    option.dataset.href = result.href;
    kind.textContent = result.kind;
    name.textContent = result.name;
    option.append(kind, name);
    return option;
  });
  by("palette-list").replaceChildren(...options);
  input.setAttribute("aria-expanded", String(options.length > 0));
  said.textContent = !answer ? "Bough did not answer. Is your session still open? Load the page again."
    : !options.length ? "Nothing has a name like that." : answer.more ? "More match: type on." : `${options.length} found`;
  choose(0);
}

function goTo(option) {
  // Only addresses of our own: a path, and not one of another host.
  const to = option && new URL(option.dataset.href, location.origin);
  if (to?.origin === location.origin) { by("palette").close(); location.assign(to); }
}

function palette(dialog) {
  const input = by("palette-input"), ask = debounced(DEBOUNCE_MS, askPalette);
  if (/Mac|iPhone|iPad/.test(navigator.platform)) for (const key of $$("[data-shortcut]")) key.textContent = "⌘ K";
  document.addEventListener("keydown", (event) => {
    if (event.key.toLowerCase() === "k" && (event.ctrlKey || event.metaKey) && !event.shiftKey && !event.altKey) { event.preventDefault(); if (!$("dialog[open]")) openPalette(); }
  });
  input.addEventListener("input", ask);
  input.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) { event.preventDefault(); choose(chosen + step); }
    if (event.key === "Enter") { event.preventDefault(); goTo(options[chosen]); }
  });
  by("palette-list").addEventListener("click", (event) => goTo(event.target.closest("li")));
  dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
}

// --- Accesses -------------------------------------------------------------------------------------

// A form of boxes with `data-access`. `data-implied-by="id"` on a box: while the box with that id is ticked, this one is
// ticked and locked, its [data-implied] words are shown, and what it was before comes back after. `data-preset="name …"`
// on a button: ticks just these in every [data-preset-here] of the form, as far as the viewer may. With
// `data-preview="address"` the form is sent there after each change, and [data-fragment="preview"] of the answer takes
// the place of that on the page.
function grants(form) {
  const boxes = $$("input[data-access]", form);
  const imply = () => {
    for (const box of boxes) {
      const by_ = box.dataset.impliedBy && by(box.dataset.impliedBy);
      if (!by_) continue;
      const words = $("[data-implied]", box.parentElement), own = $("input[data-own]", box.parentElement);
      const locked = words && !words.hidden;
      if (by_.checked === locked) continue;
      const fixed = box.dataset.refused !== undefined;
      if (by_.checked) {
        if (box.checked && !own) {
          const kept = document.createElement("input");
          Object.assign(kept, { type: "hidden", name: box.name, value: box.value });
          kept.dataset.own = "";
          box.after(kept);
        }
        box.checked = true;
      } else {
        box.checked = own !== null;
        if (!fixed) own?.remove();
      }
      box.disabled = by_.checked || fixed;
      if (words) words.hidden = !by_.checked;
    }
  };
  let turn = 0;
  const preview = debounced(DEBOUNCE_MS, async () => {
    const place = $('[data-fragment="preview"]'), mine = ++turn;
    if (!place) return;
    place.setAttribute("aria-busy", "true");
    try {
      const answer = await fetch(form.dataset.preview, { method: "POST", body: body(form), headers: { "X-Bough-Fragment": "preview" } });
      const part = answer.ok && !answer.redirected ? await partOf(answer, "preview") : null;
      if (mine !== turn) return;
      if (part) { place.replaceChildren(...part.childNodes); start(place); }
      else say("What this token can do could not be worked out. Save, or load the page again.");
    } catch {
      say("Bough did not answer.");
    } finally {
      if (mine === turn) place.removeAttribute("aria-busy");
    }
  });
  const changed = () => { imply(); if (form.dataset.preview) preview(); };
  form.addEventListener("change", (event) => { if (event.target.dataset.access !== undefined) changed(); });
  form.addEventListener("click", (event) => {
    const preset = event.target.closest("[data-preset]");
    if (!preset) return;
    event.preventDefault();
    const names = new Set(preset.dataset.preset.split(/\s+/));
    for (const box of boxes) if (!box.disabled && box.closest("[data-preset-here]")) box.checked = names.has(box.dataset.access);
    changed();
    say(`${preset.textContent.trim()}: ticked, not saved yet`);
  });
  imply();
}

// --- Start ----------------------------------------------------------------------------------------

function start(root) {
  for (const input of $$("input[data-confirm-path]", root)) confirmPath(input);
  for (const input of $$("input[data-filter]", root)) filter(input);
  for (const form of $$("form[data-grants]", root)) grants(form);
  for (const form of $$("form[data-guard]", root)) pictured.set(form, picture(form));
  for (const element of $$("[data-live]", root)) live(element);
}

start(document);
if (by("palette")) palette(by("palette"));
$("main [data-focus]")?.focus();
setInterval(freshen, FRESHEN_MS);
freshen();
