// Bough's script: what it adds to pages that work without it. One module, nothing inline; it sets attributes, classes
// and text, never a style, and is asked for by attributes:
//
// data-dialog="id"          opens the <dialog id>; without it the link is followed
// data-close                closes the dialog around it
// data-fragment-form="name" on a form: sends it by fetch (header X-Bough-Fragment: name) and shows the [data-fragment="name"]
//                           of the answer (else its <main>) instead of that around the form; a redirect is followed
// data-secret               its dialog and page ask before they go, until [data-copy-secret] in it was pressed:
//                           [data-question] is the question, [data-stay] and [data-leave] its answers
// data-reload-on-close      in a dialog: loads the page again once the dialog is closed
// data-focus                takes the focus when it appears
// data-copy="#id"           copies that element's text
// data-filter="#id"         on an input: hides those [data-filter-item], else rows of a table's body, that lack the words,
//                           and [data-filter-group]s without any left; [data-filter-count="#id"] says how many are shown
// data-confirm-path="text"  on an input: the danger button waits until just this is typed
// data-submit-once          on a form: sent once, until the page is shown again
// data-guard                on a form: the page asks before it goes while the form is changed and not sent;
//                           with data-unsaved it was changed before it was shown
// data-live="address"       server-sent events, see live()
// data-relative             on <time>: keeps "3 minutes ago" true
// data-palette="address"    on a link: opens the command palette, see askPalette()
// data-grants               on a form of accesses, see grants()
// data-try                  on a button in an operation of the reference, see openTry()

const $ = (selector, root = document) => root.querySelector(selector);
const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];
const by = (id) => document.getElementById(id);
const make = (name, set = {}) => Object.assign(document.createElement(name), set);
const TOAST_MS = 4000, DEBOUNCE_MS = 150, FRESHEN_MS = 20000;

// Words for everybody, also for those who listen. An open dialog hides the rest of the page from them, so it has its own place.
function say(textContent) {
  const toast = make("p", { textContent });
  ($("dialog[open] .toasts-here") ?? by("toasts")).append(toast);
  setTimeout(() => toast.remove(), TOAST_MS);
}

function debounced(call) {
  let timer;
  return () => { clearTimeout(timer); timer = setTimeout(call, DEBOUNCE_MS); };
}

// --- Dialogs and menus ---

const secretIn = (root) => $("[data-secret]:not([data-taken])", root);
const openDialog = () => $("dialog[open]");

// Closes it, or asks when there is a secret in it that nobody has copied.
function closeDialog(dialog, event) {
  if (!dialog || (event && !secretIn(dialog))) return;
  event?.preventDefault();
  const question = secretIn(dialog) && $("[data-question]", dialog);
  if (!question) { dialog.close(); return; }
  question.hidden = false;
  $("[data-stay]", question).focus();
}

addEventListener("cancel", (event) => closeDialog(event.target.closest?.("dialog"), event), true);

addEventListener("close", ({ target }) => {
  if (!target.matches?.("dialog")) return;
  // A browser may close a dialog though it was asked not to: the secret is still there, so show it again.
  if (secretIn(target) && $("[data-question]", target)) { target.showModal(); closeDialog(target); }
  else if ($("[data-reload-on-close]", target)) location.reload();
}, true);

addEventListener("keydown", (event) => {
  if (event.key === "Escape") {
    closeDialog(openDialog(), event);
    const menu = event.target.closest("details.menu[open]");
    if (menu) { menu.open = false; $("summary", menu).focus(); }
  } else if (event.key.toLowerCase() === "k" && (event.ctrlKey || event.metaKey) && !event.shiftKey && !event.altKey && by("palette")) {
    event.preventDefault();
    if (!openDialog()) openPalette();
  }
});

const CLICKS = {
  dialog: (at) => {
    const dialog = by(at.dataset.dialog);
    if (!dialog) return false;
    dialog.showModal();
    ($("[data-focus], [aria-invalid]", dialog) ?? $(".dialog-body :is(input:not([type=hidden]), select, button, a)", dialog))?.focus();
  },
  palette: () => by("palette") ? openPalette() : false,
  close: (at) => at.closest("dialog") ? closeDialog(at.closest("dialog")) : false,
  leave: (at) => { for (const secret of $$("[data-secret]")) secret.dataset.taken = ""; at.closest("dialog")?.close(); },
  stay: (at) => { at.closest("[data-question]").hidden = true; },
  copy,
  reload: () => location.reload(),
  try: (at) => openTry(at.closest("[data-method]")),
};

addEventListener("click", (event) => {
  for (const menu of $$("details.menu[open]")) if (!menu.contains(event.target)) menu.open = false;
  if (event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
  for (const [name, act] of Object.entries(CLICKS)) {
    const at = event.target.closest?.(`[data-${name}]`);
    if (at) { if (act(at) !== false) event.preventDefault(); return; }
  }
});

async function copy(button) {
  const from = $(button.dataset.copy);
  try {
    await navigator.clipboard.writeText(from.textContent);
  } catch {
    // A page that came over plain http from another machine has no clipboard: select it and try the old way.
    getSelection().selectAllChildren(from);
    if (!document.execCommand("copy")) { say("Your browser did not let this be copied. It is selected: press Ctrl+C."); return; }
  }
  if ("copySecret" in button.dataset) button.closest("[data-secret]")?.setAttribute("data-taken", "");
  say(`Copied: ${$(".copy-label, figcaption", button.closest("figure, .copy") ?? document)?.textContent.split(" Copy")[0] ?? "the text"}`);
  button.classList.add("copied");
  setTimeout(() => button.classList.remove("copied"), TOAST_MS);
}

// --- Forms ---

const pictures = new WeakMap();
const fields = (form, button) => new URLSearchParams(new FormData(form, button));
const isChanged = (form) => "unsaved" in form.dataset || pictures.get(form) !== `${fields(form)}`;
const isAnyChanged = (among = "form[data-guard]") => $$(among).some(isChanged);
let leaving = false;

addEventListener("beforeunload", (event) => {
  if (secretIn(document) || (!leaving && isAnyChanged())) event.preventDefault();
});

addEventListener("submit", (event) => {
  const form = event.target;
  if (event.defaultPrevented) return;
  // What a tab keeps of a session goes with it.
  if (form.getAttribute("action") === "/logout") sessionStorage.clear();
  if ("sent" in form.dataset) event.preventDefault();
  else if ("fragmentForm" in form.dataset) { event.preventDefault(); sendFragment(form, event.submitter); }
  else {
    if ("submitOnce" in form.dataset) form.dataset.sent = "";
    if ("guard" in form.dataset) leaving = true;
  }
});

addEventListener("pageshow", () => {
  leaving = false;
  for (const form of $$("form[data-sent]")) delete form.dataset.sent;
});

// Sends a form and answers with the part of that name, out of a fragment or a whole page; with nothing when the answer
// lies elsewhere (the page goes there, if it may) or there is none.
async function fetchPart(address, body, name, follow) {
  try {
    const answer = await fetch(address, { method: "POST", body, headers: { "X-Bough-Fragment": name } });
    if (answer.redirected) { if (follow) location.assign(answer.url); return null; }
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    return $(`[data-fragment="${name}"]`, page) ?? (follow && ($("main", page) ?? page.body));
  } catch {
    say("Bough did not answer. Try again: nothing is done twice.");
    return null;
  }
}

async function sendFragment(form, button) {
  const place = form.closest("[data-fragment]"), name = form.dataset.fragmentForm;
  form.dataset.sent = "";
  form.ariaBusy = "true";
  const part = await fetchPart(button?.getAttribute("formaction") ?? form.action, fields(form, button), name, true);
  delete form.dataset.sent;
  form.ariaBusy = null;
  if (!part) return;
  place.className = part.className;
  for (const key of ["title", "secret", "reloadOnClose"]) if (key in part.dataset) place.dataset[key] = part.dataset[key];
  place.replaceChildren(...part.childNodes);
  const title = place.closest("dialog")?.querySelector(".dialog-head h2");
  if (title && part.dataset.title) title.textContent = part.dataset.title;
  start(place);
  $("[data-focus], [aria-invalid]", place)?.focus();
  if (!place.contains(document.activeElement)) $(":is(button, a, input:not([type=hidden]))", place)?.focus();
}

function confirmPath(input) {
  const look = () => { $(".button.danger", input.form).disabled = input.value.trim() !== input.dataset.confirmPath; };
  input.addEventListener("input", look);
  look();
}

function filter(input) {
  const root = $(input.dataset.filter), count = $(`[data-filter-count="${input.dataset.filter}"]`);
  if (!root) return;
  const marked = $$("[data-filter-item]", root), items = marked.length ? marked : $$("tbody > tr", root);
  const look = () => {
    const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const item of items) {
      const text = item.textContent.toLowerCase();
      item.hidden = !words.every((word) => text.includes(word));
    }
    for (const group of $$("[data-filter-group]", root)) group.hidden = !$("[data-filter-item]:not([hidden])", group);
    if (count) count.textContent = words.length ? `${items.filter((item) => !item.hidden).length} of ${items.length} shown` : "";
  };
  input.addEventListener("input", look);
  look();
}

// --- Time: the same rule as the server's, whole units rounded down ---

const UNITS = [[31536e6, "year"], [2592e6, "month"], [864e5, "day"], [36e5, "hour"], [6e4, "minute"]];

function relative(at, now) {
  const away = Math.abs(at - now), [ms, unit] = UNITS.find(([each]) => away >= each) ?? [];
  if (!ms) return at > now ? "in less than a minute" : "just now";
  const n = Math.floor(away / ms), words = `${n} ${unit}${n === 1 ? "" : "s"}`;
  return at > now ? `in ${words}` : `${words} ago`;
}

function freshen() {
  for (const time of $$("time[data-relative]")) {
    const at = Date.parse(time.dateTime), text = at && relative(at, Date.now());
    if (text && text !== time.textContent) time.textContent = text;
  }
}

// --- Live state ---

// Each message is JSON: {"text": {id: text}, "attributes": {id: {name: value or null}}, "say": words, "reload": true, "end": true}.
// Texts and attributes of the elements with these ids are set, `say` is shown and read out, `reload` loads the page again (or
// shows #stale while something is typed or a dialog is open), `end` ends it. Only these attributes can be set, so no message
// runs or loads anything. The first message after connecting is the whole present state.
const SETTABLE = new Set(["data-state", "datetime", "title", "hidden", "aria-busy", "value", "max"]);

// A page that loads itself again goes on saying what it was asked to say, and whoever was at a link or a field stays there.
const KEPT = "bough-notice", KEPT_FOCUS = "bough-focus";
const REACHED = "a[href], button, input, select, textarea, summary, [tabindex]";
const told = (element) => [element.tagName, element.id, element.name, element.getAttribute("href"), element.textContent.trim()].join("\n");
function reload() {
  const notice = $("main > .notice.success"), focus = document.activeElement;
  if (notice) sessionStorage.setItem(KEPT, notice.textContent.trim());
  if (focus?.matches(REACHED)) sessionStorage.setItem(KEPT_FOCUS, told(focus));
  location.reload();
}
function take(key) {
  const kept = sessionStorage.getItem(key);
  sessionStorage.removeItem(key);
  return kept;
}
function goOn() {
  const notice = take(KEPT), focus = take(KEPT_FOCUS);
  if (notice && !$("main > .notice")) say(notice);
  if (focus) $$(REACHED).find((element) => told(element) === focus)?.focus({ preventScroll: true });
}

function live(element) {
  let source, ended = false;
  const stop = () => { source?.close(); source = null; };
  const tell = ({ data }) => {
    const message = JSON.parse(data);
    for (const [id, text] of Object.entries(message.text ?? {})) {
      const to = by(id);
      if (to && to.textContent !== text) to.textContent = text;
    }
    for (const [id, set] of Object.entries(message.attributes ?? {})) {
      for (const [name, value] of Object.entries(set)) {
        if (SETTABLE.has(name)) value === null ? by(id)?.removeAttribute(name) : by(id)?.setAttribute(name, value);
      }
    }
    if (message.say) say(message.say);
    ended ||= message.end || message.reload;
    if (ended) stop();
    if (message.reload) { if (openDialog() || isAnyChanged("form")) by("stale")?.removeAttribute("hidden"); else reload(); }
  };
  const go = () => {
    if (source || ended || document.hidden) return;
    source = new EventSource(element.dataset.live);
    source.onmessage = tell;
    source.onerror = refused;
  };
  // A browser tries again by itself, but not where it was refused: what is shown may not be true any more.
  const refused = async () => {
    if (source?.readyState !== EventSource.CLOSED) return;
    stop();
    const { status } = await fetch(element.dataset.live, { method: "HEAD" }).catch(() => ({}));
    if (status === 401) say("Your session has ended. Log in again to see how this page goes on.");
    if (status !== 403 && status !== 404) return;
    ended = true;
    by("gone")?.removeAttribute("hidden");
    say("What this page shows is gone, or is not open to you any more.");
  };
  // A hidden page gives its connection back: a browser has only six for all its tabs.
  document.addEventListener("visibilitychange", () => (document.hidden ? stop() : go()));
  addEventListener("pagehide", stop);
  addEventListener("pageshow", go);
  go();
}

// --- The command palette ---

let options = [], chosen = -1, asked = 0;

function openPalette() {
  by("palette").showModal();
  by("palette-input").select();
  askPalette();
}

function choose(at) {
  options[chosen]?.setAttribute("aria-selected", "false");
  chosen = options.length ? (at + options.length) % options.length : -1;
  options[chosen]?.setAttribute("aria-selected", "true");
  options[chosen]?.scrollIntoView({ block: "nearest" });
  by("palette-input").setAttribute("aria-activedescendant", options[chosen]?.id ?? "");
}

// GET address?q=words with Accept: application/json answers {"results": [{"kind", "name", "href"}], "more": bool}.
async function askPalette() {
  const mine = ++asked, input = by("palette-input");
  const address = `${$("[data-palette]").dataset.palette}?q=${encodeURIComponent(input.value)}`;
  const answer = await fetch(address, { headers: { Accept: "application/json" } }).then((response) => response.json()).catch(() => null);
  if (mine !== asked) return;
  options = (answer?.results ?? []).map(({ kind, name, href }, at) => {
    const option = make("li", { id: `palette-${at}`, role: "option", ariaSelected: "false" });
    option.dataset.href = href;
    option.append(make("span", { textContent: kind }), make("bdi", { textContent: name }));
    return option;
  });
  by("palette-list").replaceChildren(...options);
  input.ariaExpanded = String(options.length > 0);
  by("palette-said").textContent = !answer ? "Bough did not answer as it should. Is your session over? Load the page again."
    : !options.length ? "Nothing has a name like that." : answer.more ? "More match: type on." : `${options.length} found`;
  choose(0);
}

function goTo(option) {
  const to = option && new URL(option.dataset.href, location);
  if (to?.origin === location.origin) { by("palette").close(); location.assign(to); }
}

function palette(dialog) {
  const input = by("palette-input");
  if (/Mac|iPhone|iPad/.test(navigator.platform)) $("[data-shortcut]").textContent = "⌘ K";
  input.addEventListener("input", debounced(askPalette));
  input.addEventListener("keydown", (event) => {
    if (event.isComposing) return;
    if (event.key === "ArrowDown") choose(chosen + 1);
    else if (event.key === "ArrowUp") choose(chosen - 1);
    else if (event.key === "Enter") goTo(options[chosen]);
    else return;
    event.preventDefault();
  });
  dialog.addEventListener("click", (event) => (event.target === dialog ? dialog.close() : goTo(event.target.closest("li"))));
}

// --- Accesses ---

// A form of boxes with `data-access`. While the box named by `data-implied-by` is ticked, a box is ticked and locked and its
// [data-implied] words are shown; after that it is as it was (a hidden [data-own] field keeps that, and sends it).
// `data-preset="name …"` on a button ticks just these in every [data-preset-here], as far as the viewer may. With
// `data-preview="address"` the form is sent there after each change, and the answer's [data-fragment="preview"] is shown.
function grants(form) {
  const boxes = $$("input[data-access]", form), implied = boxes.filter((box) => by(box.dataset.impliedBy));
  const imply = () => {
    for (const box of implied) {
      const words = $("[data-implied]", box.parentElement), own = $("[data-own]", box.parentElement);
      const now = by(box.dataset.impliedBy).checked, refused = "refused" in box.dataset;
      if (now !== words.hidden) continue;
      if (now && box.checked && !own) {
        const kept = make("input", { type: "hidden", name: box.name, value: box.value });
        kept.dataset.own = "";
        box.after(kept);
      }
      box.checked = now || own !== null;
      if (!now && !refused) own?.remove();
      box.disabled = now || refused;
      words.hidden = !now;
    }
  };
  let turn = 0;
  const preview = debounced(async () => {
    const place = $('[data-fragment="preview"]'), mine = ++turn;
    if (!place) return;
    place.ariaBusy = "true";
    const part = await fetchPart(form.dataset.preview, fields(form), "preview");
    if (mine !== turn) return;
    place.ariaBusy = null;
    if (part) {
      // What was unfolded stays unfolded.
      const unfolded = $$("details", place).map((each) => each.open);
      place.replaceChildren(...part.childNodes);
      $$("details", place).forEach((each, at) => { each.open = unfolded[at] ?? each.open; });
      start(place);
    }
    else say("What this token can do could not be worked out. Save, or load the page again.");
  });
  const changed = () => { imply(); if (form.dataset.preview) preview(); };
  form.addEventListener("change", (event) => { if ("access" in event.target.dataset) changed(); });
  form.addEventListener("click", (event) => {
    const preset = event.target.closest("[data-preset]");
    if (!preset) return;
    event.preventDefault();
    const names = preset.dataset.preset.split(/\s+/);
    for (const box of $$("[data-preset-here] input[data-access]:enabled", form)) box.checked = names.includes(box.value);
    changed();
    say(`${preset.textContent.trim()}: ticked, not saved yet`);
  });
  imply();
}

// --- The reference: try it ---

// The dialog asks for what the [data-in] names of an operation say and sends it to the API. No field has a name and nothing is
// kept, so what is typed goes nowhere else. All that is no GET is asked about first. What comes back is shown as text.
const TRY_MS = 90000, TRY_MAX_CHARS = 100000;
let tries = 0;

function openTry(operation) {
  const dialog = by("try"), { method, path, body } = operation.dataset;
  const kept = new Map($$("[data-try-name]", dialog).map((input) => [input.dataset.tryName, input.value]));
  const inputs = $$("dt[data-in]", operation).map((term, at) => {
    const name = term.textContent.trim(), field = make("div", { className: "field" });
    const label = make("label", { htmlFor: `try-${at}`, textContent: name });
    const input = make("input", { id: `try-${at}`, type: "text", className: "mono", autocomplete: "off", autocapitalize: "off", spellcheck: false });
    input.value = kept.get(name) ?? "";
    input.required = term.dataset.in === "path";
    input.dataset.tryName = name;
    input.dataset.tryIn = term.dataset.in;
    if (!input.required) label.append(" ", make("span", { className: "optional", textContent: "optional" }));
    field.append(label, input);
    return field;
  });
  $("[data-try-fields]", dialog).replaceChildren(...inputs);
  $("[data-try-method]", dialog).textContent = method;
  $("[data-try-method]", dialog).className = `method ${method.toLowerCase()}`;
  $("[data-try-path]", dialog).textContent = path;
  by("try-body").value = body ?? "";
  by("try-body").parentElement.hidden = body === undefined;
  $("[data-try-question]", dialog).hidden = $("[data-try-answer]", dialog).hidden = true;
  tries++;
  dialog.showModal();
  (by("try-id").value && by("try-0") ? by("try-0") : by("try-id")).focus();
}

// Address and contents of the call; with an error where a part of the path would lead elsewhere.
function tryCall(form) {
  const method = $("[data-try-method]", form).textContent, query = new URLSearchParams(), headers = { Accept: "application/json" };
  let path = $("[data-try-path]", form).textContent;
  for (const { value, dataset: { tryName, tryIn } } of $$("[data-try-name]", form)) {
    if (tryIn === "path") path = path.replace(`{${tryName}}`, () => encodeURIComponent(value));
    else if (value && tryIn === "query") query.append(tryName, value);
    else if (value) headers[tryName] = value;
  }
  const address = new URL(path, location.origin), body = by("try-body");
  if (address.pathname !== path) throw new Error("A part of the path is no name or id.");
  address.search = query;
  const id = by("try-id").value.trim(), token = by("try-token").value.trim();
  if (id || token) headers.Authorization = `${id}:${token}`;
  const sent = !body.parentElement.hidden && body.value.trim() ? body.value : undefined;
  if (sent) headers["Content-Type"] = "application/json";
  return [address, { method, headers, body: sent, credentials: "omit", cache: "no-store", redirect: "error", referrerPolicy: "no-referrer", signal: AbortSignal.timeout(TRY_MS) }];
}

function pretty(text) {
  try { return JSON.stringify(JSON.parse(text), null, 2); } catch { return text; }
}

async function sendTry(form) {
  const mine = ++tries, figure = $("[data-try-answer]", form);
  let status, text;
  form.ariaBusy = "true";
  try {
    const answer = await fetch(...tryCall(form));
    status = `${answer.status} ${answer.statusText}`;
    text = pretty(await answer.text());
    if (text.length > TRY_MAX_CHARS) text = `${text.slice(0, TRY_MAX_CHARS)}\n… cut off here`;
  } catch (error) {
    status = "No answer";
    text = error.message;
  }
  form.ariaBusy = null;
  if (mine !== tries) return;
  $("figcaption", figure).textContent = status;
  $("code", figure).textContent = text;
  $("pre", figure).hidden = !text;
  figure.hidden = false;
  figure.scrollIntoView({ block: "nearest" });
  say(`Answer: ${status}`);
}

function tryForm(form) {
  const question = $("[data-try-question]", form);
  const ask = (shown) => { question.hidden = !shown; if (shown) $("[data-try-stay]", question).focus(); };
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if ($("[data-try-method]", form).textContent === "GET") sendTry(form); else ask(true);
  });
  form.addEventListener("input", () => ask(false));
  $("[data-try-stay]", form).addEventListener("click", () => { ask(false); $(".form-end .primary", form).focus(); });
  $("[data-try-go]", form).addEventListener("click", () => { ask(false); $(".form-end .primary", form).focus(); if (form.reportValidity()) sendTry(form); });
  // A page that the browser keeps for going back must not keep these.
  addEventListener("pagehide", () => { by("try-id").value = by("try-token").value = ""; });
}

// --- Start ---

function start(root) {
  const each = (selector, act) => $$(selector, root).forEach(act);
  each("input[data-confirm-path]", confirmPath);
  each("input[data-filter]", filter);
  each("form[data-grants]", grants);
  each("form", (form) => pictures.set(form, `${fields(form)}`));
  each("[data-live]", live);
  each("form[data-try-form]", tryForm);
}

start(document);
goOn();
if (by("palette")) palette(by("palette"));
$("main :is([data-focus], [aria-invalid])")?.focus();
setInterval(freshen, FRESHEN_MS);
freshen();
