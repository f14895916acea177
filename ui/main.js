// @ts-check
// The page: its head, the view that the address names, the keys, and the dialogs.
import { render } from "./preact.mjs";
import { useCallback, useEffect, useRef, useState } from "./hooks.mjs";
import { API, askAgain, curl, download, setToken, token, useAnswer } from "./service.js";
import { Compare, Incident, pageOf } from "./incident.js";
import { Chips, Facets, listPath, Results, Search, Trend, useLive, Worked } from "./list.js";
import { copy, Copy, count, Dialog, html, isLocal, Menu, moment, paint, Problem, size, span, Status, tell, Time, Told, Waiting, zoneName } from "./parts.js";
import { filterOf, go, moved, now, remember, remembered, useView, without, write } from "./state.js";

/** @typedef {import("./state.js").View} View */
/** @typedef {import("#api").components["schemas"]["Whoami"]} Who */

/** Rows beyond which an export is left to a shell: a browser holds a download in memory. */
const MOST_EXPORTED = 100_000;

const KEYS = {
  "/": "search", "j k": "next and previous record", "Enter": "open the record; once more, its whole page", "Esc": "close what is open", "[ ]": "move the time back and forward",
  "e": "export what is shown", "y": "copy the link to this view", "c": "mark for comparison, then compare", "o": "what worked", "r": "ask again", "?": "this help",
};

/** The parts of the address that could not be read, here or by the service. @param {{ view: View, refused?: View["unread"] }} props */
function Unread({ view, refused = [] }) {
  const parts = [...view.unread, ...refused];
  if (!parts.length) return null;
  return html`<div class="problem mild" role="alert"><strong>A part of this address cannot be read. The view is shown without it.</strong>
    <ul>${parts.map((one) => html`<li><code>${one.part}</code>: ${one.why}</li>`)}</ul>${view.unread.length > 0 && html`<button type="button" onClick=${() => go({}, { replace: true })}>Tidy the address</button>`}</div>`;
}

/** Saved views: named addresses that stay in this browser. @returns {{ name: string, hash: string }[]} */
function savedViews() {
  try {
    const views = JSON.parse(remembered("views", "[]"));
    return Array.isArray(views) ? views.filter((one) => typeof one?.name === "string" && /^#\//.test(one?.hash)).slice(0, 200) : [];
  } catch {
    return [];
  }
}

function Views() {
  const [views, setViews] = useState(savedViews);
  const [name, setName] = useState("");
  const keep = (/** @type {typeof views} */ next) => { remember("views", JSON.stringify(next)); setViews(savedViews()); };
  const save = () => { if (name.trim()) keep([...views.filter((one) => one.name !== name.trim()), { name: name.trim(), hash: write(now()) }]); setName(""); };
  const take = async (/** @type {any} */ event) => {
    const lines = event.target.value.split("\n").map((/** @type {string} */ line) => line.split("\t")).filter((/** @type {string[]} */ [, hash]) => hash?.startsWith("#/"));
    const taken = new Map([...views.map((one) => [one.name, one.hash]), ...lines]);
    if (lines.length) keep([...taken].map(([name, hash]) => ({ name, hash })));
    tell(lines.length ? `${count(lines.length)} ${lines.length === 1 ? "view" : "views"} taken` : "No line has a name, a tab and an address that begins with #/.");
  };
  return html`<${Menu} name="Views" class="views">
    ${views.length ? html`<ul>${views.map((one) => html`<li key=${one.name}><a href=${one.hash}>${one.name}</a><button type="button" class="quiet" aria-label=${`Forget ${one.name}`} onClick=${() => keep(views.filter((other) => other !== one))}>✕</button></li>`)}</ul>` : html`<p class="note">No view is saved in this browser.</p>`}
    <div class="custom" onKeyDown=${(/** @type {KeyboardEvent} */ event) => event.key === "Enter" && save()}><label>Save this view as<input value=${name} maxlength="80" onInput=${(/** @type {any} */ event) => setName(event.target.value)} /></label><button type="button" class="main" disabled=${!name.trim()} onClick=${save}>Save</button></div>
    <details class="table"><summary>As text</summary><textarea aria-label="Saved views as text" rows="4" spellcheck="false" value=${views.map((one) => `${one.name}\t${one.hash}`).join("\n")} onChange=${take}></textarea></details><//>`;
}

/** The list that was shown last: what leads back to the records leads there. */
let lastList = "#";

/** What a printed page says of itself: paper has no address. @param {{ view: View, who: Who | null }} props */
function Printed({ view, who }) {
  const [at, setAt] = useState(() => new Date());
  useEffect(() => {
    const note = () => setAt(new Date());
    addEventListener("beforeprint", note);
    return () => removeEventListener("beforeprint", note);
  }, []);
  return html`<p class="printed">${new URL(write(view), location.href).href}<br />Printed ${moment(at.toISOString(), false, false)} UTC${who && ` for ${who.caller}`}. Times are ${zoneName()}.</p>`;
}

/** @param {{ draw: () => void, help: () => void, identify: () => void, view: View, who: Who | null }} props */
function Head({ draw, help, identify, view, who }) {
  const colours = remembered("colours", "system");
  const zone = () => { remember("zone", isLocal() ? "utc" : "local"); draw(); };
  const dark = () => { paint({ system: "light", light: "dark", dark: "system" }[colours] ?? "system"); draw(); };
  return html`<header class="head"><h1><a class="mark" href="#"><svg viewBox="0 0 20 20" aria-hidden="true"><rect x="2" y="3" width="16" height="3" /><rect x="2" y="8.5" width="10" height="3" /><rect x="2" y="14" width="13" height="3" /></svg>Data Storage</a></h1>
    <nav aria-label="Main"><a href=${view.page === "list" ? location.hash : lastList} aria-current=${view.page === "list" ? "page" : undefined}>Records</a><a href="#/health" aria-current=${view.page === "health" ? "page" : undefined}>Health</a></nav>
    <span class="tools"><${Views} />
      <button type="button" class="quiet" title="How times are shown" onClick=${zone}>${zoneName()}</button>
      <button type="button" class="quiet" title="Colours: as the system, light, dark" onClick=${dark}>${{ light: "☀ Light", dark: "☾ Dark" }[colours] ?? "◐ System"}</button>
      <button type="button" class="quiet who" title="Who you are here" onClick=${identify}>${who?.caller ?? (token() ? "Token" : "No token")}</button>
      <button type="button" class="quiet" title="Keys (?)" aria-label="Keys" onClick=${help}>?</button></span></header>`;
}

/** @param {{ close: () => void, refused: import("./service.js").Problem | null }} props */
function TokenDialog({ close, refused }) {
  const [text, setText] = useState("");
  const { data: who, problem } = useAnswer(`${API}/whoami`);
  const submit = (/** @type {Event} */ event) => { event.preventDefault(); setToken(text.trim()); setText(""); close(); };
  return html`<${Dialog} title="Who you are" close=${close}>
    ${refused && html`<p class="wrong" role="alert">${token() ? "The service does not accept this token." : "The service asks who you are."} ${refused.detail}</p>`}
    ${who && !problem && html`<p>You are <strong>${who.caller}</strong>, with ${who.permissions.length ? who.permissions.map((/** @type {string} */ one) => html` <code>${one}</code>`) : "no permission"}${who.expires_at && html`, until <${Time} at=${who.expires_at} />`}.</p>`}
    <form onSubmit=${submit}><label>Bearer token<input type="password" autofocus autocomplete="off" value=${text} onInput=${(/** @type {any} */ event) => setText(event.target.value)} /></label>
      <p class="note">It stays in this tab and is gone when the tab closes. Reading needs the permission <code>audit:read</code>. To get a token from Kubernetes:</p>
      <p class="command"><code>kubectl create token auditor --audience=datastorage --duration=1h</code><${Copy} quiet text="kubectl create token auditor --audience=datastorage --duration=1h" what="Command" /></p>
      <p class="buttons"><button type="submit" class="main" disabled=${!text.trim()}>Use this token</button>${token() && html`<button type="button" onClick=${() => { setToken(""); close(); }}>Forget the token</button>`}</p></form><//>`;
}

/** @param {Blob} blob @param {string} name */
function save(blob, name) {
  const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

/** @param {{ view: View, total: number | null, hits: { record: any }[] | null, close: () => void }} props */
function ExportDialog({ view, total, hits, close }) {
  const [format, setFormat] = useState("ndjson");
  const [bytes, setBytes] = useState(/** @type {number | null} */ (null));
  const [problem, setProblem] = useState(/** @type {import("./service.js").Problem | null} */ (null));
  const stop = useRef(new AbortController());
  useEffect(() => () => stop.current.abort(), []);
  const query = filterOf(view);
  query.set("sort", view.sort);
  query.set("format", format);
  if (format === "csv") query.set("bom", "true");
  const path = `${API}/audit/remediation/export?${query}`;
  const isLarge = !hits && total !== null && total > MOST_EXPORTED;
  const name = `records-${moment(new Date().toISOString(), false, false).replaceAll(/[ :]/g, "-")}.${hits ? "ndjson" : format}`;
  const begin = async () => {
    if (hits) {
      save(new Blob(hits.map((hit) => `${JSON.stringify(hit.record)}\n`), { type: "application/x-ndjson" }), name);
      close();
      return;
    }
    setProblem(null);
    setBytes(0);
    const result = await download(path, setBytes, stop.current.signal);
    if ("blob" in result) {
      save(result.blob, name);
      tell(`${name}: ${size(result.blob.size)}`);
      close();
    } else if ("problem" in result) {
      setBytes(null);
      setProblem(result.problem);
    }
  };
  return html`<${Dialog} title="Export what is shown" close=${close}>
    <p>${hits ? `${count(hits.length)} hits, as NDJSON.` : `${total === null ? "All" : count(total)} records: those of the filters in force, on all pages, in the order shown.`}</p>
    ${!hits && html`<fieldset class="modes"><legend class="offscreen">Format</legend>${[["ndjson", "NDJSON"], ["csv", "CSV"]].map(([value, name]) => html`<label class=${value === format ? "chosen" : ""}><input type="radio" name="format" value=${value} checked=${value === format} onChange=${() => setFormat(value)} />${name}</label>`)}</fieldset>`}
    ${isLarge && html`<p class="said">More than ${count(MOST_EXPORTED)} records are too many for a browser to hold. Export them with a shell:</p>`}
    ${!hits && html`<p class="command"><code>${curl(path, " --compressed")}</code><${Copy} quiet text=${curl(path, " --compressed")} what="Command" /></p>`}
    ${problem && html`<${Problem} problem=${problem} what="Export" />`}
    ${bytes !== null && html`<p class="waiting" role="status">${size(bytes)} received …</p>`}
    <p class="buttons"><button type="button" class="main" autofocus disabled=${isLarge || bytes !== null} onClick=${begin}>Export</button><button type="button" onClick=${() => { stop.current.abort(); close(); }}>Cancel</button></p><//>`;
}

/** How far the vector index is behind, and how each part of the service is. */
function Health() {
  const ready = useAnswer("/ready");
  const projection = useAnswer(`${API}/audit/projection`);
  const version = useAnswer("/version");
  useEffect(() => {
    const timer = setInterval(() => { if (!document.hidden) { ready.again(); projection.again(); } }, 5000);
    return () => clearInterval(timer);
  }, []);
  const told = projection.data;
  const dependencies = told?.dependencies ?? ready.data?.dependencies;
  const figure = (/** @type {string} */ name, /** @type {any} */ value, /** @type {string} */ note) => html`<div><dt>${name}</dt><dd>${value}</dd><dd class="note">${note}</dd></div>`;
  return html`<section class="health" aria-label="Health"><header><h2>Health</h2>${ready.data && html`<${Status} of=${ready.data.status} />`}</header>
    ${projection.problem && html`<${Problem} problem=${projection.problem} what="Vector index" again=${projection.again} />`}
    ${told && html`<dl class="figures">${figure("Waiting", count(told.waiting), "records that are stored and cannot be found by meaning yet")}
      ${figure("Oldest", told.oldest_age_ms == null ? "–" : span(told.oldest_age_ms), "how long the first of them has waited")}
      ${figure("Parked", count(told.parked), "records that could not be indexed; an operator must look")}
      ${figure("Drift", told.drift == null ? "–" : count(told.drift), "differences that the last comparison found")}
      ${figure("Last comparison", told.last_reconcile ? html`<${Time} at=${told.last_reconcile} />` : "–", "of the database with the index")}</dl>`}
    ${ready.problem && html`<${Problem} problem=${ready.problem} what="Readiness" again=${ready.again} />`}
    ${!dependencies && ready.isWaiting && html`<${Waiting} begun=${ready.begun} what="Asking" />`}
    ${dependencies && html`<div class="scroll" tabindex="0" role="region" aria-label="Parts"><table class="dependencies"><caption>What the service depends on</caption><thead><tr><th scope="col">Part</th><th scope="col">State</th><th scope="col">Answers in</th><th scope="col">Note</th></tr></thead>
      <tbody>${Object.entries(dependencies).map(([name, one]) => html`<tr key=${name}><th scope="row">${name}</th><td><${Status} of=${one.state} /></td><td>${span(one.latency_ms)}</td><td>${one.note ?? ""}</td></tr>`)}</tbody></table></div>`}
    ${version.data && html`<p class="note">Version ${Object.values(version.data).filter((one) => typeof one === "string").join(" · ")}</p>`}</section>`;
}

/** @param {{ view: View, exporting: boolean, setExporting: (isOn: boolean) => void, compared: string, compare: (id: string) => void }} props */
function List({ view, exporting, setExporting, compared, compare }) {
  const path = listPath(view);
  const answer = /** @type {import("./service.js").Answer<any>} */ (useAnswer(path));
  const isSearch = answer.path.startsWith(`${API}/audit/search`);
  const [refused, setRefused] = useState(/** @type {{ hash: string, parts: View["unread"] }} */ ({ hash: "", parts: [] }));
  const errors = answer.problem?.status === 400 ? (answer.problem.errors ?? []).filter((one) => one.parameter) : [];
  useEffect(() => {
    if (!errors.length) return;
    go(without(view, errors.map((one) => one.parameter ?? "")), { replace: true });
    setRefused({ hash: location.hash, parts: [...view.unread, ...errors.map((one) => ({ part: one.parameter ?? "", why: one.message }))] });
  }, [answer.problem]);
  const [isOver, hover] = useState(false);
  const [hasScrolled, setScrolled] = useState(false);
  useEffect(() => {
    const follow = () => setScrolled(scrollY > 80);
    addEventListener("scroll", follow, { passive: true });
    return () => removeEventListener("scroll", follow);
  }, []);
  const live = useLive(path, isSearch ? null : answer.data, view.live && !view.q, isOver || hasScrolled || Boolean(view.open));
  const hits = isSearch ? answer.data : null;
  const rows = hits ? hits.data.map((/** @type {any} */ hit) => hit.record) : live.page?.data ?? [];
  useEffect(() => { document.title = `${view.q || "Records"} · Data Storage`; }, [view.q]);
  return html`<div class=${view.open ? "list beside" : "list"}>
    <section class="top" aria-label="Search and filters"><${Search} view=${view} /><${Chips} view=${view} /></section>
    <${Facets} view=${view} />
    <main tabindex="-1" id="main"><${Unread} view=${view} refused=${refused.hash === write(view) ? refused.parts : []} />
      <${Trend} view=${view} marks=${hits ? rows.map((/** @type {any} */ row) => row.start_time) : []} />
      ${view.outcomes && html`<${Worked} view=${view} />`}
      <${Results} view=${view} answer=${answer} page=${live.page} hits=${hits} rows=${rows} fresh=${live.fresh} apply=${live.apply} hover=${hover} exportAll=${() => setExporting(true)} compared=${compared} compare=${compare} /></main>
    ${view.open && html`<aside class="panel" aria-label="Record"><button type="button" class="quiet close" aria-label="Close the record" onClick=${() => go({ open: "" })}>✕</button><${Incident} key=${view.open} id=${view.open} compare=${compare} compared=${compared} /></aside>`}
    ${exporting && html`<${ExportDialog} view=${view} total=${live.page?.pagination.total ?? null} hits=${hits?.data ?? null} close=${() => setExporting(false)} />`}
  </div>`;
}

/** Moves to another row, and opens it where a record is open beside the table. @param {1 | -1} step @param {View} view */
function step(step, view) {
  const links = /** @type {HTMLAnchorElement[]} */ ([...document.querySelectorAll("a.row")]);
  const open = links.findIndex((link) => link.closest("tr")?.dataset.id === view.open);
  const focused = links.findIndex((link) => link === document.activeElement);
  const at = focused >= 0 ? focused : open;
  const link = links[Math.max(0, Math.min(links.length - 1, at < 0 ? 0 : at + step))];
  if (!link) return;
  link.focus();
  link.scrollIntoView({ block: "nearest" });
  if (view.open) go({ open: link.closest("tr")?.dataset.id ?? "" }, { replace: true });
}

function App() {
  const view = useView();
  const { data: who } = /** @type {import("./service.js").Answer<Who>} */ (useAnswer(`${API}/whoami`));
  const [, setTurn] = useState(0);
  const draw = useCallback(() => setTurn((turn) => turn + 1), []);
  const [dialog, setDialog] = useState(/** @type {"" | "help" | "token" | "export"} */ (""));
  const [refused, setRefused] = useState(/** @type {import("./service.js").Problem | null} */ (null));
  const [compared, setCompared] = useState("");
  const close = () => { setDialog(""); setRefused(null); };
  const compare = (/** @type {string} */ id) => {
    if (compared && id && compared !== id) {
      setCompared("");
      go({ page: "compare", ids: [compared, id], open: "" });
    } else setCompared(compared === id ? "" : id);
  };
  useEffect(() => {
    const ask = (/** @type {any} */ event) => { setRefused(event.detail); setDialog("token"); };
    addEventListener("unauthorized", ask);
    return () => removeEventListener("unauthorized", ask);
  }, []);
  useEffect(() => {
    const press = (/** @type {KeyboardEvent} */ event) => {
      const target = event.target instanceof HTMLElement || event.target instanceof SVGElement ? event.target : document.body;
      if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
      const isTyping = target.matches("input:not([type=checkbox], [type=radio], [type=range]), textarea, select");
      if (isTyping) {
        if (event.key === "Escape") target.blur();
        return;
      }
      const row = /** @type {HTMLElement | null} */ (target.closest("tr[data-id]"))?.dataset.id ?? view.open;
      /** @type {Record<string, () => void>} */
      const actions = {
        "/": () => { /** @type {HTMLInputElement | null} */ (document.querySelector("#search"))?.select(); },
        j: () => step(1, view), k: () => step(-1, view),
        Escape: () => (view.open ? go({ open: "" }) : view.page !== "list" && history.length > 1 ? history.back() : undefined),
        "[": () => go(moved(view, -1)), "]": () => go(moved(view, 1)),
        e: () => view.page === "list" && document.querySelector("a.row") && setDialog("export"),
        y: () => copy(new URL(write(view), location.href).href, "Link"),
        c: () => row && compare(row), o: () => view.page === "list" && go({ outcomes: !view.outcomes }), r: askAgain, "?": () => setDialog("help"),
      };
      const isRowOpen = event.key === "Enter" && view.page === "list" && view.open !== "" && row === view.open && (target === document.body || target.matches("a.row"));
      if (isRowOpen) location.hash = pageOf(view.open);
      else if (actions[event.key]) actions[event.key]();
      else return;
      event.preventDefault();
    };
    addEventListener("keydown", press);
    return () => removeEventListener("keydown", press);
  });
  useEffect(() => { if (location.hash === "" || location.hash === "#") go({}, { replace: true }); }, [view]);
  if (view.page === "list") lastList = write({ ...view, open: "" });
  const page = view.page === "list" ? html`<${List} view=${view} exporting=${dialog === "export"} setExporting=${(/** @type {boolean} */ isOn) => setDialog(isOn ? "export" : "")} compared=${compared} compare=${compare} />`
    : html`<main class="single" tabindex="-1" id="main"><${Unread} view=${view} />${view.page === "incident" ? html`<${Incident} key=${view.ids[0]} id=${view.ids[0]} isPage compare=${compare} compared=${compared} />`
      : view.page === "compare" ? html`<${Compare} key=${view.ids.join()} ids=${view.ids} />` : html`<${Health} />`}</main>`;
  return html`<a class="skip" href="#main" onClick=${(/** @type {Event} */ event) => { event.preventDefault(); document.getElementById("main")?.focus(); }}>To the records</a>
    <${Head} draw=${draw} help=${() => setDialog("help")} identify=${() => setDialog("token")} view=${view} who=${who} /><${Printed} view=${view} who=${who} />${page}
    ${dialog === "help" && html`<${Dialog} title="Keys" close=${close}><dl class="keys">${Object.entries(KEYS).map(([key, what]) => html`<div><dt>${key.split(" ").map((one) => html`<kbd>${one}</kbd> `)}</dt><dd>${what}</dd></div>`)}</dl><p class="note">In the bars over time: arrow keys move, Shift marks a range, Enter shows it.</p><//>`}
    ${dialog === "token" && html`<${TokenDialog} close=${close} refused=${refused} />`}
    <${Told} />`;
}

paint(remembered("colours", "system"));
render(html`<${App} />`, document.body);
