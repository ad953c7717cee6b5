// Everything here is a convenience: each page works without it.
"use strict";

const typing = (target) =>
  target.closest("textarea, select, input:not([type=checkbox]):not([type=radio]), [contenteditable]");

// ── Keys ────────────────────────────────────────────────────────────────
const rows = () => [...document.querySelectorAll("table[data-rows] tbody tr")].filter((row) => row.querySelector("a, input"));

function moveRow(by) {
  const all = rows();
  if (!all.length) return;
  const here = all.findIndex((row) => row.contains(document.activeElement));
  const next = here < 0 ? (by > 0 ? 0 : all.length - 1) : Math.min(Math.max(here + by, 0), all.length - 1);
  const target = all[next].querySelector("a") || all[next].querySelector("input");
  target.focus();
  all[next].scrollIntoView({ block: "nearest" });
}

function tick() {
  const row = document.activeElement.closest("tr");
  const box = row && row.querySelector("td.pick input");
  if (box) box.click();
}

function follow(rel) {
  const link = document.querySelector(`a[rel~=${rel}]`);
  if (link) link.click();
}

// The key of a decision leads to its form: the opinion when there is one, else the button.
function lead(key) {
  const target = document.querySelector(`[data-key="${key}"]`);
  if (!target) return;
  const folded = target.closest("details");
  if (folded) folded.open = true;
  const form = target.closest("form");
  const first = form && form.querySelector("textarea, input:not([type=hidden]), select");
  (first || target).focus();
  target.scrollIntoView({ block: "center" });
}

function search() {
  const field = document.querySelector("[data-key='/'], input[type=search]");
  if (field) { field.focus(); field.select(); }
}

function openDialog(id) {
  const dialog = document.getElementById(id);
  if (dialog && !dialog.open) dialog.showModal();
}

const keys = {
  j: () => moveRow(1), k: () => moveRow(-1), x: tick,
  n: () => follow("next"), p: () => follow("prev"),
  a: () => lead("a"), r: () => lead("r"),
  "/": search, "?": () => openDialog("keys"),
};

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey || event.isComposing || typing(event.target)) return;
  if (document.querySelector("dialog[open]")) return;
  const act = keys[event.key];
  if (!act) return;
  event.preventDefault();
  act();
});

// From the opinion straight to the decision.
document.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
  const form = event.target.closest("form");
  const button = form && form.querySelector("button[data-key]");
  if (button) { event.preventDefault(); form.requestSubmit(button); }
});

for (const opener of document.querySelectorAll("[data-open]")) {
  opener.hidden = false;
  opener.addEventListener("click", () => openDialog(opener.dataset.open));
}

// ── Bulk tables ─────────────────────────────────────────────────────────
for (const all of document.querySelectorAll("input[data-all]")) {
  const table = all.closest("table");
  const form = table.closest("form");
  const boxes = [...table.querySelectorAll("td.pick input[type=checkbox]")];
  const show = () => {
    const picked = boxes.filter((box) => box.checked).length;
    all.checked = picked > 0 && picked === boxes.length;
    all.indeterminate = picked > 0 && picked < boxes.length;
    for (const box of boxes) box.closest("tr").classList.toggle("selected", box.checked);
    if (form) for (const count of form.querySelectorAll("[data-count]")) count.textContent = picked;
  };
  const clean = form && form.querySelector("[data-pick-clean]");
  if (clean) {
    clean.hidden = false;
    clean.addEventListener("click", () => { for (const box of boxes) box.checked = box.hasAttribute("data-clean"); show(); });
  }
  let last = -1;
  all.hidden = false;
  all.addEventListener("change", () => { for (const box of boxes) box.checked = all.checked; show(); });
  boxes.forEach((box, place) => box.addEventListener("click", (event) => {
    if (event.shiftKey && last >= 0) {
      const [from, to] = [Math.min(last, place), Math.max(last, place)];
      for (const between of boxes.slice(from, to + 1)) between.checked = box.checked;
    }
    last = place;
    show();
  }));
  show();
}

// ── Sending once ────────────────────────────────────────────────────────
// A double click is normal. The server would answer it, but with a refusal nobody needs to read.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!form.hasAttribute("data-once") || event.defaultPrevented) return;
  if (form.dataset.sent) { event.preventDefault(); return; }
  form.dataset.sent = "1";
  setTimeout(() => delete form.dataset.sent, 5000); // a download leaves the page where it is
  if (event.submitter) event.submitter.setAttribute("aria-disabled", "true");
});
window.addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) {
    delete form.dataset.sent;
    for (const button of form.querySelectorAll("[aria-disabled]")) button.removeAttribute("aria-disabled");
  }
});

// ── Progress ────────────────────────────────────────────────────────────
// While a long piece of work is being answered, its form shows how far it has come.
document.addEventListener("submit", (event) => {
  const place = event.target.querySelector("[data-progress]");
  if (!place || event.defaultPrevented) return;
  const look = async () => {
    try {
      const answer = await fetch(place.dataset.progress, { credentials: "same-origin" });
      if (answer.ok && !answer.redirected) place.innerHTML = await answer.text();
    } catch { /* the node is busy or gone: what was shown last stays */ }
    setTimeout(look, 1000);
  };
  setTimeout(look, 500);
});

// ── Drafts ──────────────────────────────────────────────────────────────
// Typed text goes to this browser at once and to the node a moment later. What the node has
// is forgotten here; what it never got (power cut, node stopped) is put back at the next visit.
const person = document.body.dataset.user || "";
const drawer = (url) => `wuji:draft:${person}:${url}`;
const KEPT_DAYS = 14;

function stored(key) {
  try { return JSON.parse(localStorage.getItem(key)); } catch { return null; }
}
function keep(key, value) {
  try { localStorage.setItem(key, JSON.stringify(value)); } catch { /* full or forbidden: the node still has it */ }
}

function keptKeys() {
  try { return Object.keys(localStorage).filter((name) => name.startsWith("wuji:draft:")); } catch { return []; }
}

function typedIn(form) {
  return [...new FormData(form)].filter(([name, value]) => {
    const field = form.elements[name];
    return typeof value === "string" && name !== "csrf_token" && !(field && field.type === "password");
  });
}

function putBack(form, pairs) {
  const byName = new Map();
  for (const [name, value] of pairs) byName.set(name, [...(byName.get(name) || []), value]);
  for (const field of form.elements) {
    if (!field.name || ["hidden", "password", "file", "submit", "button"].includes(field.type)) continue;
    const values = byName.get(field.name) || [];
    if (field.type === "checkbox" || field.type === "radio") field.checked = values.includes(field.value);
    else if (values.length) field.value = values.shift();
  }
}

function saveDrafts(form) {
  const { draft: url, saved, kept, restored, discard } = form.dataset;
  const key = drawer(url);
  const status = form.querySelector("[data-draft-status]");
  const say = (text) => { if (status) status.textContent = text; };
  let timer = 0;
  let turn = 0;

  async function send() {
    const mine = ++turn;
    const body = new URLSearchParams(typedIn(form));
    const token = form.elements.csrf_token;
    if (token) body.set("csrf_token", token.value);
    try {
      const answer = await fetch(url, { method: "POST", body, credentials: "same-origin", keepalive: true });
      // A session that ended sends us to the login page, which is an answer but saves nothing.
      if (!answer.ok || new URL(answer.url).pathname.startsWith("/login")) throw new Error(String(answer.status));
      if (mine === turn) localStorage.removeItem(key);
      const clock = new Date().toLocaleTimeString("zh-CN", { hour: "2-digit", minute: "2-digit" });
      say(`${saved} ${clock}`);
    } catch {
      say(kept);
    }
  }

  function note() {
    turn += 1; // an answer still under way is about older text
    keep(key, { at: Date.now(), typed: typedIn(form) });
    clearTimeout(timer);
    timer = setTimeout(send, 800);
  }

  const left = stored(key);
  const refused = form.querySelector(".summary") || document.getElementById("problems");
  const same = left && JSON.stringify(left.typed) === JSON.stringify(typedIn(form));
  const taken = left && left.sent && location.hash === "#papers"; // sent with a picture, and taken
  if (same || taken || (left && refused)) localStorage.removeItem(key); // the node just gave back what was typed
  else if (left) {
    const before = typedIn(form);
    putBack(form, left.typed);
    say(`${restored} `);
    const undo = document.createElement("button");
    undo.type = "button";
    undo.className = "link";
    undo.textContent = discard;
    undo.addEventListener("click", () => { localStorage.removeItem(key); putBack(form, before); say(""); });
    if (status) status.append(undo);
  }
  form.addEventListener("input", note);
  form.addEventListener("change", note);
  form.addEventListener("submit", () => {
    clearTimeout(timer);
    turn += 1;
    keep(key, { at: Date.now(), typed: typedIn(form), sent: true });
  });
}

const drafts = [...document.querySelectorAll("form[data-draft]")];
const onPage = new Set(drafts.map((form) => drawer(form.dataset.draft)));
// Reaching any other page means the sent form arrived; what is old is nobody's any more.
for (const key of keptKeys()) {
  const entry = stored(key);
  const old = !entry || Date.now() - entry.at > KEPT_DAYS * 86400000;
  if (old || (entry.sent && !onPage.has(key))) localStorage.removeItem(key);
}
drafts.forEach(saveDrafts);

// ── Pictures ────────────────────────────────────────────────────────────
// A chosen picture goes to the node at once: there it is safe, and shown.
for (const field of document.querySelectorAll("input[data-upload]")) {
  field.addEventListener("change", () => {
    const button = field.form.querySelector(`button[value="${field.dataset.upload}"]`);
    if (field.files.length && button) field.form.requestSubmit(button);
  });
}

// ── Leaving ─────────────────────────────────────────────────────────────
// Off unless a form asks for it (data-guard): drafts make the question needless.
for (const form of document.querySelectorAll("form[data-guard]")) {
  let touched = false;
  form.addEventListener("input", () => { touched = true; });
  form.addEventListener("submit", () => { touched = false; });
  window.addEventListener("beforeunload", (event) => { if (touched) event.preventDefault(); });
}

// After a refusal the summary is where reading begins.
const problems = document.getElementById("problems");
if (problems) problems.focus();
