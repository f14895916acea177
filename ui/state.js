// @ts-check
// What is shown, as the part of the address behind `#` says it. That part is never sent, so no search text gets into
// the logs of servers and proxies; a copied address shows the same view to someone else.
import { useEffect, useState } from "./hooks.mjs";

/** The columns that can be filtered, in the order in which they are offered. */
export const FIELDS = [
  "alert_name", "namespace", "severity", "action_type", "status", "phase", "cluster", "environment", "target_name",
  "name", "alert_fingerprint", "remediation_request_id", "recorded_by",
];

/** Columns that hold one of a few words: they are not filtered by prefix. */
const SETS = ["severity", "status", "phase"];

/** The orders that the service knows, by name. */
export const SORTS = {
  "-start_time": "newest first", "start_time": "oldest first", "-updated_at": "last changed first",
  "-duration_ms": "longest first", "duration_ms": "shortest first",
};

export const COLUMNS = [
  "start_time", "status", "severity", "alert_name", "action_type", "namespace", "target_name", "duration_ms",
  "cluster", "environment", "phase", "recorded_by", "error_message", "remediation_request_id", "alert_fingerprint",
  "name", "end_time", "id",
];

/** The columns of a table that nobody has changed. */
export const USUAL_COLUMNS = COLUMNS.slice(0, 8);

export const MODES = { hybrid: "Both", semantic: "Meaning", lexical: "Words" };

const AGE = /^([0-9]{1,10}[wdhms]){1,5}$/;
const SPAN = /^([0-9]{1,10}(ms|[wdhms])){1,6}$/;
const TIME = /^\d{4}-\d\d-\d\d(T\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d))?$/;
const ID = /^[0-9]{1,18}$/;

/**
 * @typedef {object} View
 * @property {"list" | "incident" | "compare" | "health"} page
 * @property {string[]} ids the records of the page: one of `incident`, two of `compare`
 * @property {string} q what is searched for
 * @property {string} mode
 * @property {Record<string, string[]>} filters by the parameter of the API, suffix included
 * @property {string} since
 * @property {string} until
 * @property {string} min_duration
 * @property {string} max_duration
 * @property {string} sort
 * @property {string} cursor
 * @property {number} at the number of the first row, for people
 * @property {string[]} columns
 * @property {string} open the id of the record beside the table
 * @property {boolean} outcomes whether the outcomes are shown
 * @property {boolean} live
 * @property {{ part: string, why: string }[]} unread the parts of the address that could not be read
 */

/** @returns {View} a list without any filter */
const blank = () => ({
  page: "list", ids: [], q: "", mode: "hybrid", filters: {}, since: "", until: "", min_duration: "", max_duration: "",
  sort: "-start_time", cursor: "", at: 1, columns: USUAL_COLUMNS, open: "", outcomes: false, live: false, unread: [],
});

/** The first view. @type {Partial<View>} */
const FIRST = { since: "24h" };

/** Whether the service takes this as an age. @param {string} text */
export const isAge = (text) => AGE.test(text);

/** Whether the service takes this as a time. @param {string} text */
export const isTime = (text) => isAge(text) || (TIME.test(text) && !Number.isNaN(Date.parse(text)));

/** Whether the service takes this as a length of time. @param {string} text */
export const isSpan = (text) => SPAN.test(text);

/** Whether a parameter filters by a column or by a key of `metadata`. @param {string} name */
const isFilter = (name) => {
  if (name.startsWith("metadata.")) return name.length > 9;
  const [field, suffix, ...more] = name.split(".");
  if (!FIELDS.includes(field) || more.length) return false;
  return suffix === undefined || ["not", "null"].includes(suffix) || (suffix === "prefix" && !SETS.includes(field));
};

/** How each parameter other than a filter is read; false when it cannot be. @type {Record<string, (view: View, value: string) => boolean>} */
const READ = {
  q: (view, value) => { view.q = value.slice(0, 1000); return value.trim() !== ""; },
  mode: (view, value) => { if (!(value in MODES)) return false; view.mode = value; return true; },
  sort: (view, value) => { if (!(value in SORTS)) return false; view.sort = value; return true; },
  since: (view, value) => { if (!isTime(value)) return false; view.since = value; return true; },
  until: (view, value) => { if (!isTime(value)) return false; view.until = value; return true; },
  min_duration: (view, value) => { if (!isSpan(value)) return false; view.min_duration = value; return true; },
  max_duration: (view, value) => { if (!isSpan(value)) return false; view.max_duration = value; return true; },
  cursor: (view, value) => { view.cursor = value; return value.length < 4096; },
  at: (view, value) => { if (!ID.test(value)) return false; view.at = Math.max(1, Number(value)); return true; },
  open: (view, value) => { if (!ID.test(value)) return false; view.open = value; return true; },
  outcomes: (view, value) => { view.outcomes = value === "true"; return value === "true"; },
  live: (view, value) => { view.live = value === "true"; return value === "true"; },
  columns: (view, value) => {
    const asked = value.split(",");
    view.columns = COLUMNS.filter((column) => asked.includes(column));
    if (view.columns.length === 0) view.columns = USUAL_COLUMNS;
    return asked.every((column) => COLUMNS.includes(column));
  },
};

/** Takes apart what the address says. @param {string} hash @returns {View} */
export function read(hash) {
  if (hash === "" || hash === "#") return { ...blank(), ...FIRST };
  const [path, ...rest] = hash.replace(/^#\/?/, "").split("?");
  const view = blank();
  const [page, ...ids] = path.split("/").filter(Boolean);
  const wanted = { incident: 1, compare: 2, health: 0 }[page ?? ""];
  if (page !== undefined) {
    if (wanted !== undefined && ids.length === wanted && ids.every((id) => ID.test(id))) {
      view.page = /** @type {View["page"]} */ (page);
      view.ids = ids;
    } else {
      view.unread.push({ part: `/${path}`, why: "there is no such page" });
    }
  }
  for (const [name, value] of new URLSearchParams(rest.join("?"))) {
    if (isFilter(name)) {
      (view.filters[name] ??= []).push(value);
    } else if (!READ[name]) {
      view.unread.push({ part: `${name}=${value}`, why: "there is no such parameter" });
    } else if (!READ[name](view, value)) {
      view.unread.push({ part: `${name}=${value}`, why: "the value cannot be read" });
    }
  }
  return view;
}

/** The parameters by which the service finds what the view shows. @param {View} view @returns {URLSearchParams} */
export function filterOf(view) {
  const query = new URLSearchParams();
  for (const name of /** @type {const} */ (["since", "until", "min_duration", "max_duration"])) {
    if (view[name]) query.set(name, view[name]);
  }
  for (const [name, values] of Object.entries(view.filters)) values.forEach((value) => query.append(name, value));
  return query;
}

/** The address of a view. @param {View} view @returns {string} */
export function write(view) {
  const query = filterOf(view);
  if (view.q) query.set("q", view.q);
  if (view.mode !== "hybrid") query.set("mode", view.mode);
  if (view.sort !== "-start_time") query.set("sort", view.sort);
  if (view.columns.join() !== USUAL_COLUMNS.join()) query.set("columns", view.columns.join());
  if (view.cursor) query.set("cursor", view.cursor);
  if (view.at > 1) query.set("at", String(view.at));
  if (view.open) query.set("open", view.open);
  if (view.outcomes) query.set("outcomes", "true");
  if (view.live) query.set("live", "true");
  const path = view.page === "list" ? "" : [view.page, ...view.ids].join("/");
  const text = query.toString().replaceAll("%3A", ":").replaceAll("%2C", ",");
  return `#/${path}${text ? `?${text}` : ""}`;
}

/** The view that the address says now. */
export const now = () => read(location.hash);

/** Parts whose change leads to another list, which begins at its first page. */
const NARROWING = ["q", "mode", "filters", "since", "until", "min_duration", "max_duration", "sort"];

/** A view with changes. @param {View} view @param {Partial<View>} changes @returns {View} */
export function changed(view, changes) {
  const restart = Object.keys(changes).some((key) => NARROWING.includes(key));
  return { ...view, ...(restart ? { cursor: "", at: 1 } : {}), ...changes };
}

/** Shows another view. @param {Partial<View>} changes @param {{ replace?: boolean }} [how] */
export function go(changes, how = {}) {
  const hash = write(changed(now(), changes));
  if (hash === location.hash) return;
  if (how.replace) history.replaceState(null, "", hash);
  else history.pushState(null, "", hash);
  dispatchEvent(new Event("hashchange"));
}

/** A view without the parameters that the service cannot use. @param {View} view @param {string[]} names @returns {Partial<View>} */
export function without(view, names) {
  const usual = blank();
  const rest = Object.fromEntries(Object.entries(view.filters).filter(([name]) => !names.includes(name)));
  const changes = /** @type {Record<string, unknown>} */ ({ filters: rest });
  for (const name of names) if (name in usual) changes[name] = usual[/** @type {keyof View} */ (name)];
  return /** @type {Partial<View>} */ (changes);
}

/** Draws again whenever the address changes. @returns {View} */
export function useView() {
  const [view, setView] = useState(now);
  useEffect(() => {
    const follow = () => setView(now());
    const names = ["hashchange", "popstate"];
    names.forEach((name) => addEventListener(name, follow));
    return () => names.forEach((name) => removeEventListener(name, follow));
  }, []);
  return view;
}

/** A value as the API takes it among others. @param {string} value */
export const escaped = (value) => value.replaceAll(",", "\\,");

/** A value as people read it. @param {string} value */
export const unescaped = (value) => value.replaceAll("\\,", ",");

/**
 * The filters with one value more, or without it where it was there.
 * @param {View["filters"]} filters @param {string} name @param {string} value
 */
export function toggled(filters, name, value) {
  const values = filters[name] ?? [];
  const rest = values.includes(value) ? values.filter((one) => one !== value) : [...values, value];
  const { [name]: _, ...others } = filters;
  return rest.length ? { ...others, [name]: rest } : others;
}

/**
 * The filter for a value of a record's column, or against it.
 * @param {View["filters"]} filters @param {string} field @param {string | null} value @param {boolean} out
 */
export function withValue(filters, field, value, out) {
  const name = value === null ? `${field}.null` : out ? `${field}.not` : field;
  const text = value === null ? String(!out) : escaped(value);
  const { [name]: values = [], ...others } = filters;
  if (value === null) return { ...others, [name]: [text] };
  return { ...others, [name]: values.includes(text) ? values : [...values, text] };
}

/** What stays with this browser, not with the address: how times are read, the colours, the saved views. */
const REMEMBERED = "datastorage.";

/** @param {string} name @param {string} otherwise @returns {string} */
export function remembered(name, otherwise) {
  try {
    return localStorage.getItem(REMEMBERED + name) ?? otherwise;
  } catch {
    return otherwise;
  }
}

/** Best effort: a browser may allow no storage, and everything but this works there. @param {string} name @param {string} value */
export function remember(name, value) {
  try {
    localStorage.setItem(REMEMBERED + name, value);
  } catch {
    return;
  }
}

const UNITS = /** @type {Record<string, number>} */ ({ ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 });

/** How many milliseconds a length of time has, such as 1h30m. @param {string} text */
export const milliseconds = (text) => [...text.matchAll(/([0-9]+)(ms|[wdhms])/g)].reduce((sum, [, number, unit]) => sum + Number(number) * UNITS[unit], 0);

/** The moment that a filter's time means, in milliseconds. @param {string} text @param {number} otherwise */
const instant = (text, otherwise) => (!text ? otherwise : isAge(text) ? Date.now() - milliseconds(text) : Date.parse(text));

/**
 * The range of a view, moved by its own length. Without a beginning there is nothing to move.
 * @param {View} view @param {1 | -1} direction @returns {Partial<View>}
 */
export function moved(view, direction) {
  if (!view.since) return {};
  const [since, until] = [instant(view.since, 0), instant(view.until, Date.now())];
  const length = (until - since) * direction;
  return { since: new Date(since + length).toISOString(), until: new Date(until + length).toISOString() };
}
