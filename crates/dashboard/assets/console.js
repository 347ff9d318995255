// The console's script: what it adds to a page that works without it. Statements are sent by fetch, so that they can be
// cancelled and the text stays as it is; long tables get pages; what was run is kept in this tab (sessionStorage) alone, for
// this session ([data-console] says which) and branch. As in bough.js it sets attributes, classes and text, never a style.

const $ = (selector, root = document) => root.querySelector(selector);
const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];
const make = (name, set = {}) => Object.assign(document.createElement(name), set);
const PAGE_ROWS = 50, HISTORY_MAX = 50, SHOWN_CHARS = 120, CLOCK_MS = 1000, KEPT = "bough-console:";

const place = $("[data-console]"), form = $("[data-console-form]"), area = $("#statement"), role = $("#role");
const results = $("[data-console-results]"), refused = $("[data-console-refused]"), said = $("[data-console-said]");
const runButton = $("[data-console-run]"), cancelButton = $("[data-console-cancel]"), clock = $("[data-console-clock]");

// --- Pages of long tables ---

function paged(box) {
  const rows = $$("tbody > tr", box), scroll = $(".rows-scroll", box);
  if (rows.length <= PAGE_ROWS) return;
  const nav = make("nav", { className: "pages", ariaLabel: "Pages" }), text = make("span", { className: "muted" });
  const [back, on] = ["Previous", "Next"].map((textContent) => make("button", { type: "button", className: "button small", textContent }));
  let first = 0;
  const show = (to) => {
    first = to;
    rows.forEach((row, at) => { row.hidden = at < first || at >= first + PAGE_ROWS; });
    text.textContent = `Rows ${(first + 1).toLocaleString("en")}–${Math.min(first + PAGE_ROWS, rows.length).toLocaleString("en")} of ${rows.length.toLocaleString("en")}`;
    scroll.scrollTop = 0;
    // A button that cannot be pressed keeps the focus, so that it is not lost.
    back.ariaDisabled = String(first === 0);
    on.ariaDisabled = String(first + PAGE_ROWS >= rows.length);
  };
  back.addEventListener("click", () => { if (first > 0) show(first - PAGE_ROWS); });
  on.addEventListener("click", () => { if (first + PAGE_ROWS < rows.length) show(first + PAGE_ROWS); });
  text.role = "status";
  nav.append(text, back, on);
  box.append(nav);
  show(0);
}

// --- History ---

const key = KEPT + place.dataset.console, session = KEPT + place.dataset.console.split("-")[0];

function remembered() {
  try { return JSON.parse(sessionStorage.getItem(key)) ?? []; } catch { return []; }
}

function remember(entries) {
  // A full or forbidden storage costs the history, and nothing else.
  try { sessionStorage.setItem(key, JSON.stringify(entries)); } catch { /* not kept */ }
  list(entries);
}

function list(entries) {
  const history = $("[data-console-history]");
  history.hidden = entries.length === 0;
  $("ol", history).replaceChildren(...entries.map(({ statement, as }) => {
    const line = statement.trim().replace(/\s+/g, " "), item = make("li");
    const button = make("button", { type: "button" });
    const code = make("code", { textContent: line.length > SHOWN_CHARS ? `${line.slice(0, SHOWN_CHARS)}…` : line });
    const option = $$("option", role).find(({ value }) => value === as);
    button.append(code, make("span", { textContent: option?.textContent ?? "" }));
    button.addEventListener("click", () => {
      write(statement);
      if (option && !option.disabled) role.value = as;
    });
    item.append(button);
    return item;
  }));
}

// As if it were typed, so that the browser can undo it.
function write(text) {
  area.focus();
  area.select();
  if (!document.execCommand("insertText", false, text)) area.value = text;
}

// --- Running ---

let under = null;

function busy(aborting) {
  under = aborting;
  form.ariaBusy = aborting ? "true" : null;
  runButton.ariaDisabled = aborting ? "true" : null;
  cancelButton.hidden = !aborting;
  if (!aborting) { clock.textContent = ""; return; }
  const begun = Date.now(), tick = () => {
    if (under !== aborting) return;
    clock.textContent = `${Math.floor((Date.now() - begun) / 1000)} s`;
    setTimeout(tick, CLOCK_MS);
  };
  tick();
}

// What was wrong before anything was run.
function complain(page) {
  const words = $$("#statement-error, #role-error", page).map(({ textContent }) => textContent);
  const notice = $(".notice", $("[data-console-refused]", page)) ?? (words.length ? make("div", { className: "notice danger", role: "alert", tabIndex: -1 }) : null);
  if (words.length) notice.append(...words.map((textContent) => make("p", { textContent })));
  refused.replaceChildren(...(notice ? [notice] : []));
  return notice !== null;
}

function show(page, sent) {
  const part = $("[data-console-results]", page), fresh = $("[data-console-form] [name=run]", page);
  // Another page than this one, for instance that the session is over.
  if (!part || !fresh) {
    results.replaceChildren(...($("main", page) ?? page.body).childNodes);
    said.textContent = "Not run.";
    results.scrollIntoView({ block: "nearest" });
    return;
  }
  $("[name=run]", form).value = fresh.value;
  const failed = complain(page);
  results.replaceChildren(...part.childNodes);
  said.textContent = failed ? "Not run." : $("[data-console-said]", page).textContent;
  $$("[data-console-table]", results).forEach(paged);
  const wrong = $("[data-console-place]", results);
  if (wrong && area.value === sent) {
    area.focus();
    area.setSelectionRange(...wrong.dataset.consolePlace.split(" ").map(Number));
  }
  (failed ? refused : results).scrollIntoView({ block: "nearest" });
}

async function run() {
  if (under) return;
  const body = new URLSearchParams(new FormData(form)), sent = area.value, aborting = new AbortController();
  const entry = { statement: sent, as: role.value }, before = remembered();
  const same = ({ statement, as }) => statement === entry.statement && as === entry.as;
  if (sent.trim()) remember([entry, ...before.filter((each) => !same(each))].slice(0, HISTORY_MAX));
  busy(aborting);
  said.textContent = "Running…";
  try {
    const answer = await fetch(form.action, { method: "POST", body, headers: { "X-Bough-Fragment": "console" }, signal: aborting.signal });
    if (answer.redirected) { location.assign(answer.url); return; }
    show(new DOMParser().parseFromString(await answer.text(), "text/html"), sent);
  } catch {
    said.textContent = aborting.signal.aborted ? "Cancelled." : "Bough did not answer. Whether it was run is not known.";
  }
  if (document.activeElement === cancelButton) area.focus();
  busy(null);
}

// Ends what runs; where even that gets no answer, the request is given up, which ends it, too.
async function cancel() {
  const aborting = under;
  if (!aborting) return;
  said.textContent = "Cancelling…";
  const body = new URLSearchParams({ csrf: $("[name=csrf]", form).value, run: $("[name=run]", form).value });
  try {
    // As a part of this page: what is said of it stands here, and not on the page that is opened next.
    await fetch(cancelButton.dataset.consoleCancel, { method: "POST", body, headers: { "X-Bough-Fragment": "console" }, redirect: "manual" });
  } catch {
    aborting.abort();
  }
}

form.addEventListener("submit", (event) => { event.preventDefault(); run(); });
cancelButton.addEventListener("click", cancel);
area.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey) || event.isComposing) return;
  event.preventDefault();
  if (!runButton.disabled) form.requestSubmit(runButton);
});
$("[data-console-forget]").addEventListener("click", () => { remember([]); area.focus(); });
if (/Mac|iPhone|iPad/.test(navigator.platform)) $("[data-console-keys]").textContent = "⌘ Enter";
// What another session has left in this tab is not for this one.
for (const name of Object.keys(sessionStorage)) if (name.startsWith(KEPT) && !name.startsWith(`${session}-`)) sessionStorage.removeItem(name);
list(remembered());
$$("[data-console-table]", results).forEach(paged);
