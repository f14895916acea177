// @ts-check
// The small parts that every view is made of: times, marks, copying, problems, JSON.
import { h } from "./preact.mjs";
import { useEffect, useRef, useState } from "./hooks.mjs";
import htm from "./htm.mjs";
import { remember, remembered } from "./state.js";

/** Makes elements. Text between them stays text: nothing here parses markup that comes from a record. */
export const html = htm.bind(h);

/** The words of columns. @type {Record<string, string>} */
export const LABELS = {
  start_time: "Began", end_time: "Ended", status: "Status", severity: "Severity", alert_name: "Alert", action_type: "Action",
  namespace: "Namespace", target_name: "Target", duration_ms: "Took", cluster: "Cluster", environment: "Environment",
  phase: "Phase", recorded_by: "Recorded by", error_message: "Error", remediation_request_id: "Request",
  alert_fingerprint: "Fingerprint", name: "Name", id: "Id", correlation_id: "Correlation id", created_at: "Stored",
  updated_at: "Last changed", dry_run: "Dry run", target_kind: "Kind of target", workflow_name: "Workflow",
  current_step: "Step", step_count: "Steps", analysis_type: "Analysis", confidence: "Confidence", model: "Model",
  tokens_used: "Tokens", latency_ms: "Latency", recommendation: "Recommendation", reasoning: "Reasoning", timestamp: "Made",
};

/** @param {string} field */
export const label = (field) => LABELS[field] ?? field;

const numbers = new Intl.NumberFormat("en");
/** @param {number} value */
export const count = (value) => numbers.format(value);
/** @param {number | null | undefined} value */
export const percent = (value) => (value == null ? "–" : `${Math.round(value * 1000) / 10} %`);
/** @param {number} bytes */
export const size = (bytes) => (bytes < 1e6 ? `${Math.ceil(bytes / 1000)} kB` : `${(bytes / 1e6).toFixed(1)} MB`);

/** A name that breaks between its words, and inside one only where there is no room for it. @param {string} text */
export const broken = (text) => text.split(/(?<=[_\-./:])(?=.)|(?<=[a-z])(?=[A-Z])/).flatMap((part, index) => (index ? [html`<wbr />`, part] : [part]));

/** Whether times are shown as this browser's place has them; otherwise in UTC. */
export const isLocal = () => remembered("zone", "utc") === "local";

const pad = (/** @type {number} */ value, width = 2) => String(value).padStart(width, "0");

/** A moment, always whole: an auditor compares it with other logs. @param {string} iso @param {boolean} [precise] @param {boolean} [local] */
export function moment(iso, precise = false, local = isLocal()) {
  const date = new Date(iso);
  if (Number.isNaN(date.getTime())) return iso;
  // The service knows microseconds, which a date of the browser does not.
  const fraction = precise ? `.${(iso.match(/\.(\d+)/)?.[1] ?? "").padEnd(6, "0").slice(0, 6)}` : "";
  const shifted = local ? new Date(date.getTime() - date.getTimezoneOffset() * 60_000) : date;
  return shifted.toISOString().slice(0, 19).replace("T", " ") + fraction;
}

/** How far from UTC the times are that are shown. */
export function zoneName() {
  if (!isLocal()) return "UTC";
  const minutes = -new Date().getTimezoneOffset();
  const sign = minutes < 0 ? "−" : "+";
  return `UTC${sign}${pad(Math.floor(Math.abs(minutes) / 60))}:${pad(Math.abs(minutes) % 60)}`;
}

/** A length of time, in its two largest units. @param {number | null | undefined} ms */
export function span(ms) {
  if (ms == null) return "–";
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(ms < 10_000 ? 1 : 0)} s`;
  const minutes = Math.floor(ms / 60_000);
  const [large, small, units] = minutes < 60 ? [minutes, Math.floor((ms % 60_000) / 1000), ["m", "s"]]
    : minutes < 2880 ? [Math.floor(minutes / 60), minutes % 60, ["h", "m"]] : [Math.floor(minutes / 1440), Math.floor((minutes % 1440) / 60), ["d", "h"]];
  return small ? `${large} ${units[0]} ${small} ${units[1]}` : `${large} ${units[0]}`;
}

/** @param {string} iso */
export function ago(iso) {
  const ms = Date.now() - Date.parse(iso);
  return ms >= 0 ? `${span(ms)} ago` : `in ${span(-ms)}`;
}

/** @param {{ at: string | null, precise?: boolean }} props */
export function Time({ at, precise = false }) {
  if (!at) return html`<span class="absent">–</span>`;
  const other = isLocal() ? `${moment(at, true, false)} UTC` : `${moment(at, true, true)} local`;
  return html`<time datetime=${at} title=${`${ago(at)} · ${other}`}>${moment(at, precise)}</time>`;
}

/** The marks of states differ in shape, not only in colour. @type {Record<string, string>} */
const SHAPES = {
  success: "M8 1.5a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13zm3.4 4.6L7.2 11 4.6 8.5l1-1 1.5 1.4 3.2-3.8z",
  failed: "M2.2 1 1 2.2 6.8 8 1 13.8 2.2 15 8 9.2l5.8 5.8 1.2-1.2L9.2 8 15 2.2 13.8 1 8 6.8z",
  running: "M8 1.5a6.5 6.5 0 1 0 0 13zM8 1.5a6.5 6.5 0 0 1 0 13v-1.6a4.9 4.9 0 0 0 0-9.8z",
  pending: "M8 1.5a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13zm0 1.6a4.9 4.9 0 1 1 0 9.8 4.9 4.9 0 0 1 0-9.8z",
  unknown: "M8 1 15 8 8 15 1 8zm0 2.4L3.4 8 8 12.6 12.6 8z",
};
/** Words that mean the same to the eye. @type {Record<string, string>} */
const ALIKE = {
  completed: "success", held: "success", up: "success", ready: "success", processing: "running", executing: "running",
  planning: "pending", too_early: "running", recurred: "failed", down: "failed", stalled: "failed", unfinished: "pending",
  degraded: "unknown",
};

/** @param {{ of: string | null }} props */
export function Status({ of }) {
  if (!of) return html`<span class="absent">–</span>`;
  const shape = ALIKE[of] ?? (of in SHAPES ? of : "unknown");
  return html`<span class=${`state ${shape}`}><svg viewBox="0 0 16 16" aria-hidden="true"><path d=${SHAPES[shape]} /></svg><span>${of.replaceAll("_", " ")}</span></span>`;
}

/** @type {Record<string, number>} */
const STEPS = { critical: 4, high: 3, warning: 2, medium: 2, low: 1, info: 0 };

/** @param {{ of: string | null }} props */
export function Severity({ of }) {
  if (!of) return html`<span class="absent">–</span>`;
  const filled = STEPS[of] ?? 0;
  return html`<span class=${`severity ${of}`} title=${of}><svg viewBox="0 0 16 12" aria-hidden="true">
    ${[0, 1, 2, 3].map((step) => html`<rect class=${step < filled ? "on" : ""} x=${step * 4} y=${9 - step * 3} width="3" height=${3 + step * 3} />`)}
  </svg>${of}</span>`;
}

/** A value of a record's column. @param {{ field: string, value: any, precise?: boolean }} props */
export function Value({ field, value, precise }) {
  if (value == null || value === "") return html`<span class="absent">–</span>`;
  if (field.endsWith("_time") || field.endsWith("_at") || field === "timestamp") return html`<${Time} at=${value} precise=${precise} />`;
  if (field === "status" || field === "phase" || field === "outcome") return html`<${Status} of=${value} />`;
  if (field === "severity") return html`<${Severity} of=${value} />`;
  if (field.endsWith("_ms")) return html`<span title=${`${count(value)} ms`}>${span(value)}</span>`;
  const text = String(value);
  return html`<span class="text" title=${text.length > 24 ? text.slice(0, 500) : undefined}>${text.length > 255 ? text : broken(text)}</span>`;
}

/** @type {Record<string, string>} */
const ENTITIES = { "&lt;": "<", "&gt;": ">", "&amp;": "&" };

/** @param {any} value @param {string} path @param {string[]} escaped @returns {any} */
function restored(value, path, escaped) {
  const isEscaped = escaped.some((pointer) => path === pointer || path.startsWith(`${pointer}/`));
  if (typeof value === "string") return isEscaped ? value.replaceAll(/&(lt|gt|amp);/g, (entity) => ENTITIES[entity]) : value;
  if (value === null || typeof value !== "object") return value;
  if (Array.isArray(value)) return value.map((one, index) => restored(one, `${path}/${index}`, escaped));
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, restored(one, `${path}/${key.replaceAll("~", "~0").replaceAll("/", "~1")}`, escaped)]));
}

/**
 * The record as its client sent it: the service escapes texts that a browser might run, and says which.
 * @template {Record<string, any>} R
 * @param {R} record @returns {R}
 */
export function original(record) {
  const escaped = (record.alterations ?? []).flatMap((/** @type {{ pointer: string, what: string }} */ one) => (one.what === "escaped" ? [one.pointer] : []));
  return escaped.length ? restored(record, "", escaped) : record;
}

/** @type {((text: string) => void) | undefined} */
let announce;

/** Tells what has been done, to eyes and to screen readers. @param {string} text */
export const tell = (text) => announce?.(text);

/** Where that is told. */
export function Told() {
  const [text, setText] = useState("");
  useEffect(() => {
    announce = setText;
    return () => { announce = undefined; };
  }, []);
  useEffect(() => {
    const timer = setTimeout(() => setText(""), 4000);
    return () => clearTimeout(timer);
  }, [text]);
  return html`<div class=${text ? "told shown" : "told"} role="status">${text}</div>`;
}

/** @param {string} text @param {string} what */
export async function copy(text, what) {
  try {
    await navigator.clipboard.writeText(text);
    tell(`${what} copied`);
  } catch {
    // Without TLS a browser gives no clipboard to pages of other machines.
    const area = Object.assign(document.createElement("textarea"), { value: text, className: "offscreen" });
    document.body.append(area);
    area.select();
    tell(document.execCommand("copy") ? `${what} copied` : `This browser does not let the page copy the ${what.toLowerCase()}.`);
    area.remove();
  }
}

/** @param {{ text: string | (() => string), what: string, children?: any, quiet?: boolean }} props */
export const Copy = ({ text, what, children, quiet }) => html`<button type="button" class=${quiet ? "quiet" : ""}
  title=${`Copy ${what}`} aria-label=${quiet ? `Copy ${what}` : undefined}
  onClick=${() => copy(typeof text === "string" ? text : text(), what)}>${children ?? (quiet ? html`<svg class="copy" viewBox="0 0 16 16" aria-hidden="true"><path d="M5 1h8.5A1.5 1.5 0 0 1 15 2.5V11h-1.5V2.5H5zM2.5 4h8A1.5 1.5 0 0 1 12 5.5v8a1.5 1.5 0 0 1-1.5 1.5h-8A1.5 1.5 0 0 1 1 13.5v-8A1.5 1.5 0 0 1 2.5 4zm0 1.5v8h8v-8z" /></svg>` : "Copy")}</button>`;

/**
 * Whether the service lacks what the page asks for: while a new version is rolled out, the page may be newer than the replica
 * that answers it.
 * @param {import("./service.js").Problem} problem
 */
const isOlder = (problem) => problem.type === "/problems/route-not-found" || problem.status === 405;

/** What went wrong, and what can be done. @param {{ problem: import("./service.js").Problem, what: string, again?: () => void }} props */
export function Problem({ problem, what, again }) {
  const [left, setLeft] = useState(problem.retryAfter ?? 0);
  useEffect(() => setLeft(problem.retryAfter ?? 0), [problem]);
  useEffect(() => {
    if (left <= 0) return;
    const timer = setTimeout(() => setLeft(left - 1), 1000);
    return () => clearTimeout(timer);
  }, [left]);
  if (isOlder(problem)) {
    return html`<p class="note">${what}: not available in this version of the service.</p>`;
  }
  return html`<div class="problem" role="alert">
    <strong>${what}: ${problem.title}</strong>
    ${problem.detail && html`<p>${problem.detail}</p>`}
    ${problem.errors?.length ? html`<ul>${problem.errors.map((one) => html`<li><code>${one.pointer ?? one.parameter}</code> ${one.message}</li>`)}</ul>` : null}
    ${problem.status === 401 && html`<button type="button" onClick=${() => dispatchEvent(new CustomEvent("unauthorized", { detail: problem }))}>Give a token</button>`}
    ${again && problem.status !== 401 && html`<button type="button" disabled=${left > 0} onClick=${again}>${left > 0 ? `Try again in ${left} s` : "Try again"}</button>`}
    <p class="where">
      ${problem.type?.startsWith("/") && html`<a href=${problem.type} target="_blank" rel="noreferrer">What this means</a>`}
      ${problem.instance && html`<span>Correlation id <code>${problem.instance}</code> <${Copy} quiet text=${problem.instance} what="Correlation id" /></span>`}
    </p>
  </div>`;
}

/** Says that something is awaited, and, when it takes long, for how long. @param {{ begun: number, what: string }} props */
export function Waiting({ begun, what }) {
  const [, draw] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => draw((turn) => turn + 1), 1000);
    return () => clearInterval(timer);
  }, []);
  const seconds = Math.floor((Date.now() - begun) / 1000);
  return html`<p class="waiting" role="status">${what}${seconds >= 2 ? ` – still waiting after ${seconds} s` : " …"}</p>`;
}

/** A tree of JSON whose branches fold. @param {{ value: any, name?: string, depth?: number }} props */
export function Json({ value, name, depth = 0 }) {
  const key = name === undefined ? null : html`<span class="key">${name}</span><span class="mark">: </span>`;
  if (value === null || typeof value !== "object") {
    return html`<div class="leaf">${key}<span class=${value === null ? "null" : typeof value}>${JSON.stringify(value)}</span></div>`;
  }
  const [open, close] = Array.isArray(value) ? "[]" : "{}";
  const entries = Object.entries(value);
  if (entries.length === 0) return html`<div class="leaf">${key}<span class="mark">${open}${close}</span></div>`;
  return html`<details open=${depth < 2 && entries.length <= 60}>
    <summary>${key}<span class="mark">${open}</span><span class="folded"> ${count(entries.length)} ${Array.isArray(value) ? "items" : "members"} ${close}</span></summary>
    <div class="branch">${entries.map(([name, value]) => html`<${Json} name=${name} value=${value} depth=${depth + 1} />`)}</div>
    <span class="mark closing">${close}</span>
  </details>`;
}

/** A dialog of the browser's own, which keeps the focus and closes by Escape. @param {{ title: string, close: () => void, children: any, wide?: boolean }} props */
export function Dialog({ title, close, children, wide }) {
  const dialog = useRef(/** @type {HTMLDialogElement | null} */ (null));
  useEffect(() => {
    const before = /** @type {HTMLElement | null} */ (document.activeElement);
    dialog.current?.showModal();
    return () => before?.focus();
  }, []);
  return html`<dialog ref=${dialog} class=${wide ? "wide" : ""} aria-labelledby="dialog-title" onClose=${close}
    onClick=${(/** @type {MouseEvent} */ event) => event.target === dialog.current && dialog.current?.close()}>
    <div class="inside"><header><h2 id="dialog-title">${title}</h2><button type="button" class="quiet" aria-label="Close" onClick=${() => dialog.current?.close()}>✕</button></header>${children}</div>
  </dialog>`;
}

/** What opens below a button and closes when the focus or the pointer goes elsewhere. @param {{ name: any, children: any, class?: string, title?: string }} props */
export function Menu({ name, children, class: kind = "", title }) {
  const menu = useRef(/** @type {HTMLDetailsElement | null} */ (null));
  useEffect(() => {
    const close = (/** @type {Event} */ event) => {
      if (menu.current && !menu.current.contains(/** @type {Node} */ (event.target))) menu.current.open = false;
    };
    addEventListener("pointerdown", close);
    addEventListener("focusin", close);
    return () => { removeEventListener("pointerdown", close); removeEventListener("focusin", close); };
  }, []);
  const escape = (/** @type {KeyboardEvent} */ event) => {
    if (event.key !== "Escape" || !menu.current?.open) return;
    event.stopPropagation();
    menu.current.open = false;
    menu.current.querySelector("summary")?.focus();
  };
  return html`<details ref=${menu} class=${`menu ${kind}`} onKeyDown=${escape}><summary title=${title}>${name}</summary><div class="drop">${children}</div></details>`;
}

/** Remembers how the page is to look; the view is drawn again by who calls. @param {string} colours */
export function paint(colours) {
  remember("colours", colours);
  if (colours === "system") delete document.documentElement.dataset.colours;
  else document.documentElement.dataset.colours = colours;
}
