// @ts-check
// One record: its fields, its error whole, all that belongs to it on one axis of time, what was done about the like of it
// and what came of that. Also two records side by side.
import { useEffect, useState } from "./hooks.mjs";
import { API, curl, useAnswer } from "./service.js";
import { ago, broken, Copy, count, html, Json, label, original, percent, Problem, Severity, span, Status, Time, Value, Waiting } from "./parts.js";
import { escaped, FIELDS, go, now, withValue, write } from "./state.js";

/** A record, whose columns are also read by their names. @typedef {import("#api").components["schemas"]["Remediation"] & Record<string, any>} Row */
/** A record of any type. @typedef {Record<string, any> & { id: number }} AnyRecord */
/** @typedef {import("#api").components["schemas"]["Timeline"]} Timeline */
/**
 * @typedef {object} Outcome
 * @property {string | null} action_type
 * @property {number} total
 * @property {number} success
 * @property {number} failed
 * @property {number} unknown
 * @property {number} held
 * @property {number} recurred
 * @property {number} too_early
 * @property {number | null} held_rate
 * @property {number | null} held_rate_bound
 * @property {string} last_seen
 * @property {number | null} duration_ms_p50
 * @property {number[]} [evidence]
 * @property {number} [similarity]
 */

/** @param {string | number} id */
const timelinePath = (id) => `${API}/audit/remediation/${id}/timeline`;

/** The address of a record's page. @param {string | number} id */
export const pageOf = (id) => write({ ...now(), page: "incident", ids: [String(id)], q: "", filters: {}, since: "", until: "", min_duration: "", max_duration: "", cursor: "", at: 1, open: "", outcomes: false, live: false, mode: "hybrid", sort: "-start_time" });

/** The columns of a record's facts, in their order. */
const FACTS = [
  "action_type", "target_name", "namespace", "cluster", "environment", "alert_name", "alert_fingerprint", "remediation_request_id",
  "phase", "start_time", "end_time", "duration_ms", "recorded_by", "correlation_id", "created_at", "updated_at", "name", "id",
];

/** @param {{ row: Row, fields: string[] }} props */
function Facts({ row, fields }) {
  return html`<dl class="facts">${fields.filter((field) => field in row).map((field) => {
    const value = row[field];
    return html`<div key=${field}><dt>${label(field)}</dt><dd><${Value} field=${field} value=${value} precise />
      <span class="narrow">${FIELDS.includes(field) && [false, true].map((out) => html`<button type="button" title=${out ? "Leave out" : "Show only"} aria-label=${`${out ? "Leave out" : "Show only"} ${label(field)} ${value ?? "absent"}`}
        onClick=${() => go({ page: "list", ids: [], filters: withValue(now().filters, field, value ?? null, out) })}>${out ? "−" : "+"}</button>`)}
      ${value != null && html`<${Copy} quiet text=${String(value)} what=${label(field)} />`}</span></dd></div>`;
  })}</dl>`;
}

/** What an alteration means. @type {Record<string, string>} */
const ALTERED = {
  cleaned: "markup that could run was removed", escaped: "its <, > and & are stored escaped, since a browser might run it; above it is as it was sent", cut: "it was longer than is kept, and was cut",
  controls_removed: "control characters were removed", unknown_severity: "the word was no severity that is known", replaced: "it could not be kept as sent, and was replaced",
};

/** @param {{ row: Row }} props */
function Altered({ row }) {
  if (!row.alterations?.length) return html`<p class="note">Nothing: it is stored as it was sent.</p>`;
  return html`<ul class="altered">${row.alterations.map((/** @type {{ pointer: string, what: string }} */ one) => html`<li><code>${one.pointer || "the whole record"}</code> ${ALTERED[one.what] ?? one.what}</li>`)}</ul>`;
}

/** The text of an error, as it was sent: nothing in it is read as markup. @param {{ text: string, what?: string }} props */
const ErrorText = ({ text, what = "Error" }) => html`<figure class="error"><figcaption>${what} <${Copy} text=${text} what="Error" /></figcaption><pre tabindex="0">${text}</pre></figure>`;

/** @type {Record<string, (record: AnyRecord) => string>} */
const NAMED = {
  remediation: (record) => record.action_type, aianalysis: (record) => record.analysis_type,
  workflow: (record) => record.workflow_name, execution: (record) => record.action_type,
};
/** @type {Record<string, string>} */
const KINDS = { remediation: "Remediation", aianalysis: "Analysis", workflow: "Workflow", execution: "Execution" };

/** When an event began and ended; an analysis ends when it is made. @param {AnyRecord} record @returns {[number, number | null]} */
function extent(record) {
  if (record.timestamp) return [Date.parse(record.timestamp) - (record.latency_ms ?? 0), Date.parse(record.timestamp)];
  return [Date.parse(record.start_time), record.end_time ? Date.parse(record.end_time) : null];
}

/** All that belongs to the record, on one axis. @param {{ timeline: Timeline }} props */
function Axis({ timeline }) {
  const events = [{ type: "remediation", record: timeline.remediation }, ...timeline.events].map(({ type, record }) => ({ type, record: original(/** @type {AnyRecord} */ (record)) }));
  const extents = events.map(({ record }) => extent(record));
  const begin = Math.min(...extents.map(([from]) => from));
  const last = Math.max(...extents.map(([from, to]) => to ?? from));
  const whole = Math.max(1, last - begin) * (extents.some(([, to]) => to === null) ? 1.08 : 1);
  const place = (/** @type {number} */ at) => ((at - begin) / whole) * 1000;
  return html`<ol class="axis" aria-label="Events in the order of time">
    <li class="ticks" aria-hidden="true"><span>${[0, 0.25, 0.5, 0.75, 1].map((part) => html`<span>${part ? `+${span(part * whole)}` : "0"}</span>`)}</span></li>
    ${events.map(({ type, record }, index) => {
      const [from, to] = extents[index];
      const status = record.status ?? "success";
      const kind = { success: "success", failed: "failed" }[/** @type {string} */ (status)] ?? "other";
      const width = Math.max(3, place(to ?? begin + whole) - place(from));
      const steps = type === "workflow" && record.step_count > 0 && record.step_count <= 60 ? record.step_count : 0;
      return html`<li key=${`${type}${record.id}`}><details><summary>
        <span class="what"><small>${KINDS[type] ?? type}${type === "execution" && `, ${record.target_kind}/${record.target_name}`}</small><b title=${NAMED[type]?.(record)}>${NAMED[type]?.(record)}</b></span>
        <svg class=${`bar ${type === "aianalysis" ? "analysis" : kind} ${to === null ? "going" : ""}`} viewBox="0 0 1000 16" preserveAspectRatio="none" aria-hidden="true">
          <rect class="track" width="1000" height="16" /><rect class="whole" x=${Math.min(997, place(from))} y="3" width=${width} height="10" />
          ${Array.from({ length: steps }, (_, step) => html`<rect class=${step < record.current_step ? "done" : "left"} x=${place(from) + (width / steps) * step} y="3" width=${Math.max(1, width / steps - 2)} height="10" />`)}
        </svg>
        <span class="came">${type === "aianalysis" ? html`<span>${percent(record.confidence)} sure</span>` : html`<${Status} of=${status} />`}
          <small>${type === "workflow" ? `${record.current_step} of ${record.step_count} steps, ` : ""}${to === null ? "not ended" : span(to - from)}${record.dry_run ? ", dry run" : ""}</small></span>
        ${record.error_message && type !== "remediation" && html`<span class="short">${record.error_message}</span>`}
      </summary><div class="more">
        ${record.recommendation && html`<p class="said-by"><strong>Recommendation</strong> ${record.recommendation}</p>`}${record.reasoning && html`<p class="said-by"><strong>Reasoning</strong> ${record.reasoning}</p>`}
        ${record.error_message && html`<${ErrorText} text=${record.error_message} />`}
        <${Json} value=${record} /></div></details></li>`;
    })}
  </ol>${timeline.truncated && html`<p class="note">Later events are left out here. <code>${API}/audit/execution?remediation_id=${timeline.remediation.id}</code> lists them all.</p>`}
  ${!timeline.events.length && html`<p class="note">No analysis, workflow or execution has been recorded for it.</p>`}`;
}

/** A share as a bar with its number beside it. @param {{ held: number, recurred: number, rest: number, failed: number }} props */
function Share({ held, recurred, rest, failed }) {
  const all = Math.max(1, held + recurred + rest + failed);
  let x = 0;
  return html`<svg class="outcome" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">${/** @type {[string, number][]} */ ([["success", held], ["other", rest], ["recurred", recurred], ["failed", failed]]).map(([kind, value]) => {
    const width = (value / all) * 100;
    x += width;
    return html`<rect class=${kind} x=${x - width} width=${width} height="8" />`;
  })}</svg>`;
}

/** Actions that are shown at first. */
const MOST_ACTIONS = 8;

/** @param {{ rows: Outcome[], ranked?: boolean }} props */
function OutcomeTable({ rows, ranked }) {
  const [all, setAll] = useState(false);
  return html`<div class="scroll" tabindex="0"><table class="outcomes"><thead><tr><th scope="col">Action</th><th scope="col">Held</th><th scope="col"><span class="offscreen">Share</span></th><th scope="col">Came back</th><th scope="col">Failed</th><th scope="col">Of</th><th scope="col">Takes</th><th scope="col">Last</th></tr></thead>
    <tbody>${(all ? rows : rows.slice(0, MOST_ACTIONS)).map((row, index) => html`<tr key=${row.action_type}>
      <th scope="row">${ranked && html`<span class="rank">${index + 1}</span>`}${row.action_type ? broken(row.action_type) : "–"}${row.evidence?.length ? html`<small class="evidence">${row.evidence.slice(0, 3).map((id, place) => html` <a href=${pageOf(id)} title=${`Record ${id}`}>record ${place + 1}</a>`)}</small>` : ""}</th>
      <td><strong>${percent(row.held_rate)}</strong>${row.held_rate_bound != null && html` <small title="The least that the evidence supports (95 %)">≥ ${percent(row.held_rate_bound)}</small>`}</td>
      <td class="share"><${Share} held=${row.held} recurred=${row.recurred} rest=${row.too_early + row.unknown} failed=${row.failed} /></td>
      <td>${count(row.recurred)}</td><td>${count(row.failed)}</td><td>${count(row.total)}</td><td>${span(row.duration_ms_p50)}</td><td>${row.last_seen ? html`<span title=${row.last_seen}>${ago(row.last_seen)}</span>` : "–"}</td></tr>`)}</tbody></table></div>
    ${rows.length > MOST_ACTIONS && html`<button type="button" class="further" aria-expanded=${all} onClick=${() => setAll(!all)}>${all ? "Show fewer" : `Show all ${count(rows.length)}`}</button>`}`;
}

/**
 * What worked: outcomes by action, or the advice for an incident.
 * @param {{ answer: { data: Outcome[], refuted?: Outcome[], insufficient?: Outcome[], insufficient_evidence?: boolean, degraded?: boolean, clusters?: string, within_ms?: number, settle_ms: number } }} props
 */
export function Outcomes({ answer }) {
  const isAdvice = answer.refuted !== undefined;
  return html`${answer.degraded && html`<p class="said">The model is away: only records of the same alert are counted.</p>`}
    ${answer.data.length > 0 && html`<${OutcomeTable} rows=${answer.data} ranked=${isAdvice} />`}
    ${isAdvice && answer.insufficient_evidence && html`<p class="note"><strong>Too little evidence to advise anything.</strong> No action has held in five or more finished records of this or a like incident.</p>`}
    ${!isAdvice && !answer.data.length && html`<p class="note">No finished record matches, so nothing is known of what works.</p>`}
    ${answer.refuted?.length ? html`<details open><summary>Tried, and it never held (${count(answer.refuted.length)})</summary><${OutcomeTable} rows=${answer.refuted} /></details>` : null}
    ${answer.insufficient?.length ? html`<details open=${!answer.data.length}><summary>Tried fewer than five times (${count(answer.insufficient.length)})</summary><${OutcomeTable} rows=${answer.insufficient} /></details>` : null}
    <p class="note outcome-legend">Bars: ${[["success", "held"], ["other", "too early to tell, or unknown"], ["recurred", "came back"], ["failed", "failed"]].map(([kind, what], index) => html`${index ? ", " : ""}<span><i class=${kind}></i>${what}</span>`)}. “Held” means: it succeeded, and the same incident did not come back within ${span(answer.settle_ms)}. “≥” is the share that so few cases support at least.${answer.clusters ? ` Counted in ${answer.clusters === "all" ? "all clusters" : `the cluster ${answer.clusters}`}.` : ""}</p>`;
}

/** @param {{ row: Row }} props */
function Advice({ row }) {
  const [all, setAll] = useState(false);
  const { alert_name, alert_fingerprint, error_message, metadata } = row;
  const said = { alert_name, alert_fingerprint, error_message, reason: metadata?.reason, message: metadata?.message };
  const asked = Object.fromEntries(Object.entries(said).filter(([, value]) => typeof value === "string" && value !== ""));
  if (all || !row.cluster) asked.clusters = "all";
  else asked.cluster = row.cluster;
  const canAsk = alert_name || alert_fingerprint || error_message;
  const { data, problem, isWaiting, begun, again } = useAnswer(canAsk ? `${API}/incidents/advice` : null, asked);
  if (!canAsk) return html`<p class="note">The record names no alert and has no error, so there is nothing to compare it by.</p>`;
  if (problem) return html`<${Problem} problem=${problem} what="What worked" again=${again} />`;
  if (!data) return isWaiting ? html`<${Waiting} begun=${begun} what="Looking up what worked" />` : null;
  return html`<${Outcomes} answer=${{ ...data, clusters: asked.clusters ?? asked.cluster }} />${row.cluster && html`<button type="button" aria-pressed=${all} onClick=${() => setAll(!all)}>Count other clusters too</button>`}`;
}

/** How often the same alert came, and what was done each time. @param {{ row: Row }} props */
function History({ row }) {
  const by = row.alert_fingerprint ? "alert_fingerprint" : "alert_name";
  const { data, problem, isWaiting, begun, again } = useAnswer(row[by] ? `${API}/incidents/history?${new URLSearchParams([[by, escaped(row[by])], ["limit", "20"]])}` : null);
  if (problem) return html`<${Problem} problem=${problem} what="Occurrences" again=${again} />`;
  if (!data) return isWaiting ? html`<${Waiting} begun=${begun} what="Looking up occurrences" />` : html`<p class="note">The record names no alert.</p>`;
  return html`<p><strong>${count(data.count)} ${data.count === 1 ? "time" : "times"}</strong>${data.count > 1 && html`, first <${Time} at=${data.first} />, last <${Time} at=${data.last} />`}.
      ${data.first_held ? html` It first stayed away after <a href=${pageOf(data.first_held.id)}>${data.first_held.action_type}</a> at <${Time} at=${data.first_held.start_time} />.` : " Nothing that was done has kept it away yet."}</p>
    <div class="scroll" tabindex="0" role="region" aria-label="Occurrences"><table class="occurrences"><thead><tr><th scope="col">Began</th><th scope="col">Action</th><th scope="col">Outcome</th><th scope="col">Took</th><th scope="col">Since the one before</th></tr></thead>
    <tbody>${data.data.map((/** @type {Row} */ one) => html`<tr key=${one.id} class=${one.id === row.id ? "open" : ""}><td>${one.id === row.id ? html`<${Time} at=${one.start_time} />` : html`<a href=${pageOf(one.id)}><${Time} at=${one.start_time} /></a>`}</td>
      <td>${broken(one.action_type)}</td><td><${Status} of=${one.outcome} /></td><td>${span(one.duration_ms)}</td><td>${one.gap_ms == null ? "the first" : span(one.gap_ms)}</td></tr>`)}</tbody></table></div>
    ${data.count > data.data.length && html`<p class="note">The newest ${count(data.data.length)}.</p>`}`;
}

/** What was done about one similar incident, in a line for each action. @param {{ rows: Outcome[] }} props */
function CameOf({ rows }) {
  return html`<ul class="came-of">${rows.map((row) => {
    const rest = row.too_early + row.unknown;
    const parts = [`held ${count(row.held)} of ${count(row.total)}`, row.recurred && `came back ${count(row.recurred)}`, row.failed && `failed ${count(row.failed)}`, rest && `open ${count(rest)}`, row.duration_ms_p50 != null && `takes ${span(row.duration_ms_p50)}`];
    return html`<li key=${row.action_type}><strong>${row.action_type ? broken(row.action_type) : "–"}</strong><${Share} held=${row.held} recurred=${row.recurred} rest=${rest} failed=${row.failed} /><span class="note">${parts.filter(Boolean).join(", ")}</span></li>`;
  })}</ul>`;
}

/** @param {{ row: Row }} props */
function Similar({ row }) {
  const { data, problem, isWaiting, begun, again } = useAnswer(`${API}/incidents/${row.id}/similar?limit=6`);
  if (problem) return html`<${Problem} problem=${problem} what="Similar incidents" again=${again} />`;
  if (!data) return isWaiting ? html`<${Waiting} begun=${begun} what="Looking for similar incidents" />` : null;
  const others = data.data.filter((/** @type {any} */ one) => !one.is_same);
  if (!others.length) return html`<p class="note">None is stored${data.degraded ? ", as far as can be told while the model is away" : ""}.</p>`;
  return html`<ul class="similar">${others.map((/** @type {any} */ one) => html`<li key=${one.key}>
    <span><a href=${pageOf(one.record.id)}><strong>${one.record.alert_name ?? one.record.action_type}</strong></a> <small title="Similarity in meaning">${one.similarity?.toFixed(2)}</small></span>
    <span class="note">${one.count_is_at_least ? "at least " : ""}${count(one.count)} ${one.count === 1 ? "record" : "records"}, last ${ago(one.last_seen)}, ${one.record.namespace}${one.record.cluster ? ` · ${one.record.cluster}` : ""}</span>
    ${one.record.error_message && html`<span class="short">${original(one.record).error_message}</span>`}
    ${one.outcomes?.length ? html`<${CameOf} rows=${one.outcomes} />` : html`<p class="note">None of them has finished.</p>`}</li>`)}</ul>`;
}

/** How much of the time around a record is looked at elsewhere. */
const AROUND = 15 * 60_000;

/** What a link's name in braces stands for. @param {Row} row @param {string} name @returns {string} */
function linked(row, name) {
  if (name === "from") return String(Date.parse(row.start_time) - AROUND);
  if (name === "to") return String((row.end_time ? Date.parse(row.end_time) : Date.now()) + AROUND);
  return String(row[name] ?? "");
}

/** The page about the record elsewhere, where the service is set to link to one. @param {{ row: Row }} props */
function Elsewhere({ row }) {
  const { data } = /** @type {import("./service.js").Answer<{ grafana_url: string | null }>} */ (useAnswer(`${API}/explorer/links`));
  if (!data?.grafana_url) return null;
  const href = data.grafana_url.replaceAll(/\{(\w+)\}/g, (_, name) => encodeURIComponent(linked(row, name)));
  return html`<a class="button" href=${href} target="_blank" rel="noreferrer">Open in Grafana</a>`;
}

/** @param {{ id: string, isPage?: boolean, compare: (id: string) => void, compared: string }} props */
export function Incident({ id, isPage = false, compare, compared }) {
  const { data: timeline, problem, isWaiting, begun, again, path } = /** @type {import("./service.js").Answer<Timeline>} */ (useAnswer(timelinePath(id)));
  useEffect(() => { if (isPage) document.title = timeline ? `${timeline.remediation.alert_name ?? timeline.remediation.name} · Data Storage` : "Data Storage"; }, [timeline, isPage]);
  if (problem) return html`<${Problem} problem=${problem} what=${`Record ${id}`} again=${again} />`;
  if (!timeline || path !== timelinePath(id)) return isWaiting ? html`<${Waiting} begun=${begun} what="Reading the record" />` : null;
  const row = original(timeline.remediation);
  const section = (/** @type {string} */ name, /** @type {any} */ children) => html`<section><h3>${name}</h3>${children}</section>`;
  return html`<article class=${isPage ? "incident page" : "incident"} aria-labelledby="incident-title">
    <header><p class="over"><${Status} of=${row.status} /><${Severity} of=${row.severity} /><span>${row.action_type}</span></p>
      <h2 id="incident-title" tabindex="-1">${broken(row.alert_name ?? row.name)}</h2>
      <p class="note">${row.namespace}${row.target_name ? ` / ${row.target_name}` : ""}${row.cluster ? ` · ${row.cluster}` : ""} · <${Time} at=${row.start_time} /> · recorded by ${row.recorded_by}</p>
      <p class="tools">${!isPage && html`<a class="button" href=${pageOf(id)}>Whole page</a>`}
        <${Copy} text=${() => new URL(pageOf(id), location.href).href} what="Link">Copy link<//><${Copy} text=${() => JSON.stringify(timeline, null, 2)} what="JSON">Copy JSON<//><${Copy} text=${() => curl(timelinePath(id))} what="Command">Copy curl<//><${Elsewhere} row=${row} />
        <button type="button" aria-pressed=${compared === id} title="Compare with another record (c)" onClick=${() => compare(id)}>${compared && compared !== id ? "Compare with the marked" : "Compare"}</button></p></header>
    ${row.error_message && html`<${ErrorText} text=${row.error_message} />`}
    ${section("What happened", html`<${Axis} timeline=${timeline} />`)}
    <div class="columns"><div>
      ${section("What worked for this", html`<${Advice} key=${id} row=${row} />`)}
      ${section("Similar incidents, and what came of them", html`<${Similar} key=${id} row=${row} />`)}
      ${section("As it is stored", html`<div class="json"><${Json} value=${timeline.remediation} depth=${1} /></div>`)}
    </div><div>
      ${section("The same alert before", html`<${History} key=${id} row=${row} />`)}
      ${section("Fields", html`<${Facts} row=${row} fields=${FACTS} />`)}
      ${section("Altered when it was stored", html`<${Altered} row=${row} />`)}
      ${section("Metadata", row.metadata ? html`<div class="json"><${Json} value=${row.metadata} /></div>` : html`<p class="note">None.</p>`)}
    </div></div></article>`;
}

/** The members of a value by their paths. @param {any} value @param {string} path @returns {[string, string][]} */
function flat(value, path = "") {
  if (value === null || typeof value !== "object" || !Object.keys(value).length) return [[path, value === undefined ? "" : JSON.stringify(value)]];
  return Object.entries(value).flatMap(([key, inner]) => flat(inner, path ? `${path}.${key}` : key));
}

/** Two records, field by field. @param {{ ids: string[] }} props */
export function Compare({ ids }) {
  const [all, setAll] = useState(false);
  const answers = /** @type {import("./service.js").Answer<Row>[]} */ ([useAnswer(`${API}/audit/remediation/${ids[0]}`), useAnswer(`${API}/audit/remediation/${ids[1]}`)]);
  const bad = answers.findIndex((answer) => answer.problem);
  if (bad >= 0) return html`<${Problem} problem=${answers[bad].problem} what=${`Record ${ids[bad]}`} again=${answers[bad].again} />`;
  if (!answers[0].data || !answers[1].data) return html`<${Waiting} begun=${answers[0].begun || Date.now()} what="Reading both records" />`;
  const [left, right] = answers.map((answer) => new Map(flat(answer.data)));
  const paths = [...new Set([...left.keys(), ...right.keys()])];
  const different = paths.filter((path) => left.get(path) !== right.get(path));
  return html`<section class="compare" aria-label="Comparison"><header><h2>${count(different.length)} of ${count(paths.length)} fields differ</h2>
    <label><input type="checkbox" checked=${all} onChange=${() => setAll(!all)} />Show equal fields too</label></header>
    <div class="scroll" tabindex="0" role="region" aria-label="Fields of both records"><table><thead><tr><th scope="col">Field</th>${ids.map((id) => html`<th scope="col"><a href=${pageOf(id)}>Record ${id}</a></th>`)}</tr></thead>
      <tbody>${(all ? paths : different).map((path) => html`<tr key=${path} class=${left.get(path) === right.get(path) ? "equal" : "differs"}><th scope="row">${path}</th>${[left, right].map((side) => html`<td>${side.get(path) ?? html`<em>absent</em>`}</td>`)}</tr>`)}</tbody></table></div></section>`;
}
