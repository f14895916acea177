// @ts-check
// The list: what is searched for, by what it is narrowed, how many there are over time, and the records.
import { useEffect, useRef, useState } from "./hooks.mjs";
import { API, send, useAnswer } from "./service.js";
import { Histogram, Numbers } from "./chart.js";
import { Outcomes } from "./incident.js";
import { count, html, label, Menu, moment, original, Problem, Value, Waiting, zoneName } from "./parts.js";
import {
  COLUMNS, escaped, FIELDS, filterOf, go, isAge, isSpan, isTime, milliseconds, MODES, SORTS, toggled, unescaped, USUAL_COLUMNS, withValue, write,
} from "./state.js";

/** @typedef {import("./state.js").View} View */
/** @typedef {import("./incident.js").Row} Row */
/** @typedef {import("#api").components["schemas"]} Schemas */
/** @typedef {Omit<Schemas["RemediationPage"], "data"> & { data: Row[] }} Page */
/** @typedef {Schemas["FilterNote"]} Note */
/** @typedef {Schemas["SearchAnswer"]} Hits */

/** Rows of a page. */
const LIMIT = 50;
/** How often the newest are asked for. */
const LIVE_PAUSE = 2000;
const RANGES = { "15m": "15 minutes", "1h": "hour", "6h": "6 hours", "24h": "24 hours", "7d": "7 days", "30d": "30 days", "90d": "90 days" };

/** @param {View} view */
export function listPath(view) {
  const query = filterOf(view);
  if (view.q) {
    query.set("q", view.q);
    query.set("mode", view.mode);
    query.set("limit", String(LIMIT));
    return `${API}/audit/search?${query}`;
  }
  query.set("sort", view.sort);
  query.set("limit", String(LIMIT));
  if (view.cursor) query.set("cursor", view.cursor);
  return `${API}/audit/remediation?${query}`;
}

/** @param {{ view: View }} props */
export function Search({ view }) {
  const [text, setText] = useState(view.q);
  useEffect(() => setText(view.q), [view.q]);
  const submit = (/** @type {Event} */ event) => {
    event.preventDefault();
    // The keys that follow are for the hits.
    if (document.activeElement instanceof HTMLElement) document.activeElement.blur();
    go({ q: text.trim(), open: "" });
  };
  return html`<form class="search" role="search" onSubmit=${submit}>
    <div class="box">
      <svg viewBox="0 0 16 16" aria-hidden="true"><path d="M7 1.5a5.5 5.5 0 1 0 3.4 9.8l3.4 3.4 1-1-3.4-3.4A5.5 5.5 0 0 0 7 1.5zm0 1.5a4 4 0 1 1 0 8 4 4 0 0 1 0-8z" /></svg>
      <input id="search" type="search" aria-label="Search" maxlength="1000" autocomplete="off" spellcheck="false" value=${text}
        placeholder="What happened? An alert, an error, or a sentence" onInput=${(/** @type {any} */ event) => setText(event.target.value)} />
      <kbd aria-hidden="true">/</kbd>
    </div>
    <fieldset class="modes"><legend class="offscreen">Search by</legend>${Object.entries(MODES).map(([mode, name]) => html`<label class=${mode === view.mode ? "chosen" : ""}>
      <input type="radio" name="mode" value=${mode} checked=${mode === view.mode} onChange=${() => go({ mode })} />${name}</label>`)}</fieldset>
    <button type="submit" class="offscreen" tabindex="-1">Search</button>
    <${Range} view=${view} />
  </form>`;
}

/** @param {View} view */
function rangeName(view) {
  if (!view.since && !view.until) return "All time";
  if (view.since in RANGES && !view.until) return `Last ${RANGES[/** @type {keyof typeof RANGES} */ (view.since)]}`;
  if (isAge(view.since) && !view.until) return `Last ${view.since}`;
  const name = (/** @type {string} */ text) => (/^\d{4}-.*T/.test(text) ? moment(text).slice(0, 16) : isAge(text) ? `${text} ago` : text);
  return [view.since && `from ${name(view.since)}`, view.until && `until ${name(view.until)}`].filter(Boolean).join(" ");
}

/** @param {{ view: View }} props */
function Range({ view }) {
  const [wrong, setWrong] = useState("");
  const submit = (/** @type {any} */ event) => {
    event.preventDefault();
    event.stopPropagation();
    const form = event.target.closest(".custom");
    const [since, until] = [...form.querySelectorAll("input")].map((input) => input.value.trim());
    const bad = [since, until].find((text) => text && !isTime(text));
    setWrong(bad ? `“${bad}” is no time.` : "");
    if (!bad) go({ since, until });
  };
  return html`<${Menu} name=${rangeName(view)} class="range" title="The time in which records began">
    <div class="presets">${Object.entries(RANGES).map(([since, name]) => html`<button type="button" aria-pressed=${view.since === since && !view.until} onClick=${() => go({ since, until: "" })}>Last ${name}</button>`)}
      <button type="button" aria-pressed=${!view.since && !view.until} onClick=${() => go({ since: "", until: "" })}>All time</button></div>
    <div class="custom" onKeyDown=${(/** @type {KeyboardEvent} */ event) => event.key === "Enter" && submit(event)}>
      <label>From<input key=${view.since} defaultValue=${view.since} placeholder="24h, 2026-01-31, …T12:00:00Z" /></label>
      <label>Until<input key=${view.until} defaultValue=${view.until} placeholder="now" /></label>
      ${wrong && html`<p class="wrong" role="alert">${wrong} Give an age such as 90m or 7d, a date, or a time as RFC 3339 has it.</p>`}
      <button type="button" class="main" onClick=${submit}>Show</button>
    </div>
  <//>`;
}

/** How a filter reads. @param {string} name @param {string} value @returns {[string, string]} */
function chipText(name, value) {
  if (name.startsWith("metadata.")) return [`${name} `, unescaped(value)];
  const [field, suffix] = name.split(".");
  const words = { undefined: "", not: "is not ", prefix: "begins with ", null: "" }[String(suffix)] ?? "";
  return [`${label(field)} ${words}`, suffix === "null" ? (value === "true" ? "is absent" : "is there") : unescaped(value)];
}

/** The filters in force, each with a button that takes it away. @param {{ view: View }} props */
export function Chips({ view }) {
  const chip = (/** @type {any} */ first, /** @type {string} */ value, /** @type {() => void} */ remove) => html`<li class="chip"><span title=${value}><small>${first}</small>${value}</span>
    <button type="button" aria-label=${`Remove ${first}${value}`} onClick=${remove}>✕</button></li>`;
  const spans = /** @type {const} */ ([["min_duration", "Took at least "], ["max_duration", "Took at most "]]);
  const chips = [
    view.q && chip("Search ", view.q, () => go({ q: "" })),
    (view.since || view.until) && chip("Began ", rangeName(view).replace(/^Last/, "in the last"), () => go({ since: "", until: "" })),
    ...spans.map(([name, words]) => view[name] && chip(words, view[name], () => go({ [name]: "" }))),
    ...Object.entries(view.filters).flatMap(([name, values]) => values.map((value) => {
      const [first, rest] = chipText(name, value);
      return chip(first, rest, () => go({ filters: toggled(view.filters, name, value) }));
    })),
  ].filter(Boolean);
  return html`<div class="chips"><ul aria-label="Filters in force">${chips.length ? chips : html`<li class="note">No filter: all records are shown.</li>`}</ul>
    <${AddFilter} view=${view} />${chips.length > 1 && html`<button type="button" class="quiet" onClick=${() => go({ q: "", since: "", until: "", min_duration: "", max_duration: "", filters: {} })}>Remove all</button>`}
  </div>`;
}

/** @param {{ view: View }} props */
function AddFilter({ view }) {
  const [field, setField] = useState("alert_name");
  const [how, setHow] = useState("");
  const [value, setValue] = useState("");
  const isDuration = field.endsWith("_duration");
  const isMetadata = field === "metadata";
  const wrong = isDuration && value !== "" && !isSpan(value) ? "Give a length of time such as 250ms or 5m."
    : isMetadata && value !== "" && !/^[^=]+=/.test(value) ? "Give a key and its value, as in reason=OOMKilled." : "";
  const add = () => {
    if (wrong || (!value && how !== ".null")) return;
    if (isDuration) go({ [field]: value });
    else if (isMetadata) {
      const [, key, text] = /** @type {RegExpMatchArray} */ (value.match(/^([^=]+)=(.*)$/s));
      go({ filters: { ...view.filters, [`metadata.${key}`]: [escaped(text)] } });
    } else if (how === ".null") go({ filters: { ...view.filters, [`${field}.null`]: ["true"] } });
    else go({ filters: toggled(view.filters, field + how, escaped(value)) });
    setValue("");
  };
  return html`<${Menu} name="+ Filter" class="add">
    <div class="custom" onKeyDown=${(/** @type {KeyboardEvent} */ event) => event.key === "Enter" && add()}>
      <label>Column<select value=${field} onChange=${(/** @type {any} */ event) => { setField(event.target.value); setHow(""); }}>
        ${FIELDS.map((name) => html`<option value=${name}>${label(name)}</option>`)}
        <option value="min_duration">Took at least</option><option value="max_duration">Took at most</option><option value="metadata">Metadata</option></select></label>
      ${!isDuration && !isMetadata && html`<label>How<select value=${how} onChange=${(/** @type {any} */ event) => setHow(event.target.value)}>
        <option value="">is</option><option value=".not">is not</option>${!["severity", "status", "phase"].includes(field) && html`<option value=".prefix">begins with</option>`}<option value=".null">is absent</option></select></label>`}
      ${how !== ".null" && html`<label>Value<input value=${value} onInput=${(/** @type {any} */ event) => setValue(event.target.value)} /></label>`}
      ${wrong && html`<p class="wrong" role="alert">${wrong}</p>`}
      <button type="button" class="main" disabled=${Boolean(wrong)} onClick=${add}>Add</button>
    </div><//>`;
}

/** The lengths of time between which the sliders choose; beyond the first and the last there is no limit. */
const LENGTHS = ["", "100ms", "1s", "5s", "15s", "30s", "1m", "2m", "5m", "10m", "15m", "30m", "1h", "2h", "6h", "12h", ""];

/** Where a length of time is on the sliders. @param {string} text @param {number} otherwise */
const placed = (text, otherwise) => (text ? Math.max(1, LENGTHS.slice(0, -1).findLastIndex((one) => milliseconds(one) <= milliseconds(text))) : otherwise);

/** How long records took, at least and at most. @param {{ view: View }} props */
function Took({ view }) {
  const most = LENGTHS.length - 1;
  const set = [placed(view.min_duration, 0), placed(view.max_duration, most)];
  const [moved, setMoved] = useState(/** @type {number[] | null} */ (null));
  const [low, high] = moved ?? set;
  const texts = moved ? [LENGTHS[low], LENGTHS[high]] : [view.min_duration, view.max_duration];
  const said = texts[0] && texts[1] ? `${texts[0]} to ${texts[1]}` : texts[0] ? `${texts[0]} or longer` : texts[1] ? `at most ${texts[1]}` : "any time";
  const slider = (/** @type {number} */ end) => {
    const at = (/** @type {any} */ event) => (end ? [low, Math.max(low + 1, Number(event.target.value))] : [Math.min(high - 1, Number(event.target.value)), high]);
    return html`<input type="range" min="0" max=${most} value=${end ? high : low} aria-label=${end ? "Took at most" : "Took at least"} aria-valuetext=${texts[end] || "no limit"}
      onInput=${(/** @type {any} */ event) => { const next = at(event); setMoved(next); event.target.value = next[end]; }}
      onChange=${(/** @type {any} */ event) => { const [from, to] = at(event); setMoved(null); go({ min_duration: from === set[0] ? view.min_duration : LENGTHS[from], max_duration: to === set[1] ? view.max_duration : LENGTHS[to] }); }} />`;
  };
  return html`<fieldset class="took"><legend>Took <output>${said}</output></legend>
    <div class="slider"><svg viewBox="0 0 ${most} 4" preserveAspectRatio="none" aria-hidden="true"><rect class="rail" width=${most} height="4" /><rect x=${low} width=${high - low} height="4" /></svg>${slider(0)}${slider(1)}</div></fieldset>`;
}

/** @typedef {{ field: string, values: { value: string | null, count: number }[], truncated?: boolean }} Facet */

/** How many there are of each value, whatever its own filter says. @param {{ view: View }} props */
export function Facets({ view }) {
  const answer = /** @type {import("./service.js").Answer<{ data: Facet[] }>} */ (useAnswer(`${API}/incidents/facets?${filterOf(view)}&fields=severity,status,phase,action_type,namespace&limit=12`));
  const { data, problem, isWaiting, begun, again } = answer;
  return html`<aside class=${`facets ${isWaiting && data ? "old" : ""}`} tabindex="0" aria-label="Counts by value">
    ${problem && !isWaiting && html`<${Problem} problem=${problem} what="Counts by value" again=${again} />`}
    ${!data && isWaiting && html`<${Waiting} begun=${begun} what="Counting" />`}
    ${view.q && data && html`<p class="note">Counts and bars are of all records that the filters leave, not of the hits alone.</p>`}
    ${!problem && data?.data.map(({ field, values, truncated }) => {
      const most = Math.max(1, ...values.map((one) => one.count));
      const chosen = view.filters[field] ?? [];
      // A value that is filtered for stays in sight with nothing to count.
      const missing = chosen.map(unescaped).filter((one) => !values.some(({ value }) => value === one)).map((value) => ({ value, count: 0 }));
      return html`${field === "action_type" && html`<${Took} view=${view} />`}<fieldset key=${field}><legend>${label(field)}</legend>
        ${[...values, ...missing].map(({ value, count: many }) => {
          const isOn = value === null ? (view.filters[`${field}.null`] ?? []).includes("true") : chosen.includes(escaped(value));
          const change = () => go({ filters: value === null ? toggled(view.filters, `${field}.null`, "true") : toggled(view.filters, field, escaped(value)) });
          return html`<label key=${String(value)} class=${isOn ? "on" : ""}>
            <input type="checkbox" checked=${isOn} onChange=${change} /><span class="value">${value === null ? html`<em>absent</em>` : html`<${Value} field=${field} value=${value} />`}</span>
            <span class="count">${count(many)}</span><svg class="share" preserveAspectRatio="none" viewBox="0 0 100 1" aria-hidden="true"><rect width=${(many / most) * 100} height="1" /></svg></label>`;
        })}
        ${values.length === 0 && !missing.length && html`<p class="note">none</p>`}
        ${truncated && html`<p class="note">The most frequent; add a filter for others.</p>`}
      </fieldset>`;
    })}
  </aside>`;
}

/** The records over time. @param {{ view: View, marks: string[] }} props */
export function Trend({ view, marks }) {
  const { data, problem, isWaiting, begun, again } = /** @type {import("./service.js").Answer<{ interval: string, data: import("./chart.js").Bucket[] }>} */ (
    useAnswer(`${API}/incidents/aggregate/trend?${filterOf(view)}&interval=auto`));
  return html`<section class=${`trend ${isWaiting && data ? "old" : ""}`} aria-label="Records over time">
    ${problem ? html`<${Problem} problem=${problem} what="Records over time" again=${again} />`
      : data ? html`<${Histogram} buckets=${data.data} interval=${data.interval} marks=${marks} zoom=${(/** @type {string} */ since, /** @type {string} */ until) => go({ since, until })} />
        <details class="table"><summary>Numbers as a table</summary><${Numbers} buckets=${data.data} interval=${data.interval} /></details>`
      : html`<div class="histogram empty"><${Waiting} begun=${begun} what="Counting over time" /></div>`}
  </section>`;
}

/**
 * What is said of the records that an advice counts, and a choice of their cluster. The choice is the view's filter.
 * @param {{ view: View, cluster: string }} props
 */
function Counted({ view, cluster }) {
  const { data } = /** @type {import("./service.js").Answer<{ data: Facet[] }>} */ (useAnswer(`${API}/incidents/facets?fields=cluster&since=30d&limit=100`));
  const names = (data?.data[0]?.values ?? []).flatMap(({ value }) => (value === null ? [] : [value]));
  const choose = (/** @type {any} */ event) => {
    const { cluster: _, ...others } = view.filters;
    go({ filters: event.target.value ? { ...others, cluster: [escaped(event.target.value)] } : others });
  };
  return html`<p class="counted note"><label>Counted are like incidents of all time in <select value=${cluster} onChange=${choose}><option value="">all clusters</option>
    ${[...new Set([...(cluster ? [cluster] : []), ...names])].map((name) => html`<option value=${name}>${name}</option>`)}</select></label>, whatever the other filters say.</p>`;
}

/** How often which action worked, for what the view shows. @param {{ view: View }} props */
export function Worked({ view }) {
  const clusters = view.filters.cluster ?? [];
  const cluster = clusters.length === 1 ? unescaped(clusters[0]) : "";
  const path = view.q ? `${API}/incidents/advice?${new URLSearchParams({ q: view.q, ...(cluster ? { cluster } : { clusters: "all" }) })}` : `${API}/incidents/outcomes?${filterOf(view)}&by=action_type`;
  const { data, problem, isWaiting, begun, again } = useAnswer(path);
  return html`<section class="worked" aria-label="What worked"><header><h2>What worked ${view.q ? "for this" : "here"}</h2><button type="button" class="quiet" aria-label="Close what worked" onClick=${() => go({ outcomes: false })}>✕</button></header>
    ${view.q && html`<${Counted} view=${view} cluster=${cluster} />`}
    ${problem ? html`<${Problem} problem=${problem} what="What worked" again=${again} />` : !data && isWaiting ? html`<${Waiting} begun=${begun} what="Looking up outcomes" />` : data && html`<${Outcomes} answer=${data} />`}</section>`;
}

/**
 * The newest, asked for again and again. Rows stay where they are while the pointer is on them, a record is open, or the
 * reader has scrolled; then only their number is told.
 * @param {string} path @param {Page | null} shown @param {boolean} isOn @param {boolean} isHeld
 */
export function useLive(path, shown, isOn, isHeld) {
  const [newer, setNewer] = useState(/** @type {{ path: string, page: Page, fresh: number } | null} */ (null));
  const [applied, setApplied] = useState(/** @type {{ path: string, page: Page } | null} */ (null));
  const held = useRef(isHeld);
  held.current = isHeld;
  const page = applied?.path === path && isOn ? applied.page : shown;
  const known = useRef(page);
  known.current = page;
  useEffect(() => {
    if (!isOn) return;
    const stop = new AbortController();
    let isAsking = false;
    const ask = async () => {
      if (document.hidden || isAsking || !known.current) return;
      isAsking = true;
      try {
        const next = /** @type {Page} */ (await (await send(path, { signal: stop.signal })).json());
        const ids = new Set(known.current.data.map((row) => row.id));
        const fresh = next.data.filter((row) => !ids.has(row.id)).length;
        if (fresh && held.current) setNewer({ path, page: next, fresh });
        else { setApplied({ path, page: next }); setNewer(null); }
      } catch {
        // The next turn asks again; a service that stays away is told of by every other part of the page.
      } finally {
        isAsking = false;
      }
    };
    const timer = setInterval(ask, LIVE_PAUSE);
    return () => { clearInterval(timer); stop.abort(); setNewer(null); };
  }, [path, isOn]);
  const apply = () => { if (newer) setApplied(newer); setNewer(null); };
  return { page, fresh: newer?.path === path ? newer.fresh : 0, apply };
}

/** What the service says beside the records. @param {{ view: View, hits: Hits | null, notes: Note[] }} props */
function Said({ view, hits, notes }) {
  const lines = [
    hits?.degraded && "Something that should have taken part in this search was away: there may be better hits.",
    hits?.pending && `${count(hits.pending)} records are stored and cannot be found by meaning yet.`,
    hits?.truncated && "The worst hits are left out, since the records are large. Add a filter.",
    hits && view.cursor && "A search has no pages: the best hits are shown.",
    ...notes.map((note) => `“${note.given}” (${note.parameter}) is compared as “${note.compared}”.`),
  ].filter(Boolean);
  return lines.length ? html`<ul class="said" role="status">${lines.map((line) => html`<li>${line}</li>`)}</ul>` : null;
}

/**
 * @param {{ view: View, answer: import("./service.js").Answer<any>, page: Page | null, hits: Hits | null, rows: Row[], fresh: number, apply: () => void,
 *   hover: (isOver: boolean) => void, exportAll: () => void, compared: string, compare: (id: string) => void }} props
 */
export function Results({ view, answer, page, hits, rows, fresh, apply, hover, exportAll, compared, compare }) {
  const { problem, isWaiting, begun, again } = answer;
  const sortable = /** @type {Record<string, string>} */ ({ start_time: "start_time", duration_ms: "duration_ms" });
  const heading = (/** @type {string} */ column) => {
    const key = hits ? undefined : sortable[column];
    const isDown = view.sort === `-${key}`;
    const sorted = key && (isDown ? "descending" : view.sort === key ? "ascending" : undefined);
    return html`<th scope="col" key=${column} class=${`of-${column}`} aria-sort=${sorted}>${key
      ? html`<button type="button" onClick=${() => go({ sort: isDown ? key : `-${key}` })}>${label(column)}${sorted && html`<span aria-hidden="true">${isDown ? " ↓" : " ↑"}</span>`}</button>` : label(column)}</th>`;
  };
  const cell = (/** @type {Row} */ row, /** @type {string} */ column) => {
    const value = original(row)[column] ?? null;
    const canFilter = FIELDS.includes(column);
    return html`<td key=${column} class=${`of-${column}`}><${Value} field=${column} value=${value} />${canFilter && html`<span class="narrow">
      ${[false, true].map((out) => html`<button type="button" tabindex="-1" title=${`${out ? "Leave out" : "Only"} ${label(column)} ${value ?? "absent"}`} aria-label=${`${out ? "Leave out" : "Only"} ${label(column)} ${value ?? "absent"}`}
        onClick=${(/** @type {Event} */ event) => { event.stopPropagation(); go({ filters: withValue(view.filters, column, value, out), open: "" }); }}>${out ? "−" : "+"}</button>`)}</span>`}</td>`;
  };
  const total = page?.pagination.total;
  const summary = hits ? `${count(rows.length)} best hits`
    : page && (rows.length ? `${count(view.at)}–${count(view.at + rows.length - 1)}${total == null ? "" : ` of ${count(total)} ${total === 1 ? "record" : "records"}`}` : "No records");
  const { next_cursor: next } = page?.pagination ?? { next_cursor: null };
  const previous = answer.links.prev ? new URL(answer.links.prev, location.href).searchParams.get("cursor") : null;
  return html`<section class=${`results ${isWaiting && rows.length ? "old" : ""}`} aria-label="Records">
    <header>
      <h2><output id="total">${summary || "Records"}</output></h2>
      ${fresh > 0 && html`<button type="button" class="pill" onClick=${apply}>${count(fresh)} new</button>`}
      <span class="tools">
        ${!view.q && html`<button type="button" aria-pressed=${view.live} title="Ask for the newest every two seconds (newest first)" onClick=${() => go({ live: !view.live, sort: "-start_time", cursor: "", at: 1 })}>${view.live ? "● Live" : "Live"}</button>`}
        <button type="button" aria-pressed=${view.outcomes} title="How often which action worked" onClick=${() => go({ outcomes: !view.outcomes })}>What worked</button>
        ${!hits && html`<label class="sort"><span class="offscreen">Order</span><select value=${view.sort} onChange=${(/** @type {any} */ event) => go({ sort: event.target.value })}>${Object.entries(SORTS).map(([sort, name]) => html`<option value=${sort}>${name}</option>`)}</select></label>`}
        <${Menu} name="Columns" class="columns"><div class="presets">${COLUMNS.map((column) => html`<button type="button" aria-pressed=${view.columns.includes(column)} onClick=${() => {
          const columns = COLUMNS.filter((one) => (one === column) !== view.columns.includes(one));
          go({ columns: columns.length ? columns : USUAL_COLUMNS }, { replace: true });
        }}>${label(column)}</button>`)}</div><button type="button" onClick=${() => go({ columns: USUAL_COLUMNS }, { replace: true })}>As usual</button><//>
        <button type="button" title="Export what is shown (e)" disabled=${!rows.length} onClick=${exportAll}>Export</button>
      </span>
    </header>
    ${problem && html`<${Problem} problem=${problem} what=${rows.length ? "Records (those shown are old)" : "Records"} again=${again} />`}
    <${Said} view=${view} hits=${hits} notes=${(hits ?? page)?.filter_notes ?? []} />
    ${!problem && isWaiting && (!rows.length || Date.now() - begun > 2000) && html`<${Waiting} begun=${begun} what=${view.q ? "Searching" : "Reading records"} />`}
    ${rows.length > 0 && html`<div class="scroll" onPointerEnter=${() => hover(true)} onPointerLeave=${() => hover(false)}><table class="records">
      <caption class="offscreen">Records, ${hits ? "the best first" : SORTS[/** @type {keyof typeof SORTS} */ (view.sort)]}. Times are ${zoneName()}.</caption>
      <thead><tr>${hits && html`<th scope="col" class="found">Found by</th>`}${view.columns.map(heading)}</tr></thead>
      <tbody>${rows.map((row, index) => {
        const id = String(row.id);
        const href = write({ ...view, open: id });
        const [first, ...rest] = view.columns;
        return html`<tr key=${id} data-id=${id} class=${[id === view.open && "open", id === compared && "compared"].filter(Boolean).join(" ")} onClick=${(/** @type {MouseEvent} */ event) => { if (!getSelection()?.toString() && !event.defaultPrevented) go({ open: id }); }}>
          ${hits && html`<td class="found">${hits.data[index]?.matched.map((by) => (by === "lexical" ? "words" : "meaning")).join(" + ")}${hits.data[index]?.similarity != null && html` <small title="Similarity in meaning">${hits.data[index].similarity?.toFixed(2)}</small>`}</td>`}
          <td class=${`of-${first}`}><a class="row" href=${href} aria-current=${id === view.open ? "true" : undefined} aria-label=${`${row.alert_name ?? row.name}, ${row.status}, ${moment(row.start_time)}`}
            onClick=${(/** @type {MouseEvent} */ event) => { if (event.metaKey || event.ctrlKey || event.shiftKey) { event.stopPropagation(); return; } event.preventDefault(); event.stopPropagation(); go({ open: id }); }}><${Value} field=${first} value=${row[first]} /></a></td>
          ${rest.map((column) => cell(row, column))}</tr>`;
      })}</tbody></table></div>`}
    ${!problem && !isWaiting && !rows.length && html`<div class="empty"><p><strong>Nothing matches.</strong></p>
      <p>${view.since || view.until || Object.keys(view.filters).length ? "Take away a filter above, or look further back." : view.q ? "Say it with other words, or search by meaning." : "No record is stored yet. What a controller writes shows up here at once."}</p>
      ${(view.since || view.until) && html`<button type="button" onClick=${() => go({ since: "", until: "" })}>Look at all time</button>`}</div>`}
    ${!hits && (previous || next) && html`<nav class="pager" aria-label="Pages of records">
      <button type="button" disabled=${!previous} onClick=${() => previous && go({ cursor: previous, at: Math.max(1, view.at - LIMIT), open: "" })}>← Previous</button>
      ${view.at > 1 && html`<button type="button" onClick=${() => go({ cursor: "", at: 1, open: "" })}>First</button>`}
      <span>${summary}</span>
      <button type="button" disabled=${!next} onClick=${() => next && go({ cursor: next, at: view.at + rows.length, open: "", live: false })}>Next →</button></nav>`}
    ${rows.length > 0 && compared && html`<p class="note">Record ${compared} is marked for comparison: choose another and press <kbd>c</kbd>. <button type="button" class="quiet" onClick=${() => compare("")}>Unmark</button></p>`}
  </section>`;
}
