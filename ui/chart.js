// @ts-check
// How many records began when: bars over the whole range that is asked for, and the same numbers as a table.
import { useEffect, useLayoutEffect, useRef, useState } from "./hooks.mjs";
import { count, html, isLocal, moment, zoneName } from "./parts.js";

/** @typedef {{ bucket: string, total: number, success: number, failed: number }} Bucket */

const HEIGHT = 132;
const LEFT = 44;
const RIGHT = 8;
const TOP = 8;
const BOTTOM = 22;
const PLOT = HEIGHT - TOP - BOTTOM;

/** How wide an element is, as it changes. @returns {[import("./preact.mjs").RefObject<HTMLElement | null>, number]} */
export function useWidth() {
  const element = useRef(/** @type {HTMLElement | null} */ (null));
  const [width, setWidth] = useState(0);
  useLayoutEffect(() => {
    if (!element.current) return;
    const observer = new ResizeObserver(([entry]) => setWidth(Math.floor(entry.contentRect.width)));
    observer.observe(element.current);
    setWidth(Math.floor(element.current.clientWidth));
    return () => observer.disconnect();
  }, []);
  return [element, width];
}

/** The next round number above. @param {number} value */
function rounded(value) {
  const unit = 10 ** Math.floor(Math.log10(Math.max(1, value)));
  return unit * ([1, 2, 5, 10].find((step) => step * unit >= value) ?? 10);
}

/** How long each bucket lasts. @type {Record<string, number>} */
const LASTS = { minute: 60_000, hour: 3_600_000, day: 86_400_000, week: 604_800_000 };

/** When a bucket ends. @param {Bucket[]} buckets @param {number} index @param {string} interval */
const endOf = (buckets, index, interval) =>
  buckets[index + 1]?.bucket ?? new Date(Date.parse(buckets[index].bucket) + (LASTS[interval] ?? 86_400_000)).toISOString();

/** Steps between the times that are written below the bars. */
const STEPS = [1, 5, 15, 30, 60, 180, 360, 720].map((minutes) => minutes * 60_000);

/**
 * Which bars have their time below them: round hours, or days where the range is longer.
 * @param {Bucket[]} buckets @param {number} whole how long all last @param {number} most how many have room
 * @returns {[number, string][]}
 */
function ticks(buckets, whole, most) {
  const times = buckets.map((one) => moment(one.bucket));
  const step = STEPS.find((step) => whole / step <= most);
  const isRound = (/** @type {string} */ time) =>
    step !== undefined && whole <= 2.5 * LASTS.day ? (Number(time.slice(11, 13)) * 3_600_000 + Number(time.slice(14, 16)) * 60_000) % step === 0 : time.slice(11, 16) === "00:00";
  const round = times.flatMap((time, index) => (isRound(time) ? [index] : []));
  const chosen = round.length ? round : times.map((_, index) => index);
  const every = Math.max(1, Math.ceil(chosen.length / Math.max(2, most)));
  return chosen.filter((_, place) => place % every === 0).map((index) => [index, times[index].slice(11, 16) === "00:00" ? times[index].slice(5, 10) : times[index].slice(11, 16)]);
}

/**
 * The bars. Dragging, or the arrow keys with Shift, mark a range; letting go, or Enter, shows it alone.
 * @param {{ buckets: Bucket[], interval: string, marks: string[], zoom: (since: string, until: string) => void }} props
 */
export function Histogram({ buckets, interval, marks, zoom }) {
  const [box, width] = useWidth();
  const [at, setAt] = useState(/** @type {number | null} */ (null));
  const [from, setFrom] = useState(/** @type {number | null} */ (null));
  const [isDragging, setDragging] = useState(false);
  useEffect(() => { setAt(null); setFrom(null); }, [buckets]);
  const inner = Math.max(0, width - LEFT - RIGHT);
  const step = buckets.length ? inner / buckets.length : 0;
  const most = rounded(Math.max(1, ...buckets.map((one) => one.total)));
  const y = (/** @type {number} */ value) => TOP + PLOT - (value / most) * PLOT;
  const x = (/** @type {number} */ index) => LEFT + index * step;
  const low = at === null ? null : Math.min(from ?? at, at);
  const high = at === null ? null : Math.max(from ?? at, at);

  const indexAt = (/** @type {PointerEvent} */ event) => {
    const { left } = /** @type {Element} */ (event.currentTarget).getBoundingClientRect();
    return Math.max(0, Math.min(buckets.length - 1, Math.floor((event.clientX - left - LEFT) / step)));
  };
  const show = () => low !== null && high !== null && zoom(buckets[low].bucket, endOf(buckets, high, interval));
  const down = (/** @type {PointerEvent} */ event) => {
    if (event.button !== 0 || !buckets.length) return;
    /** @type {Element} */ (event.currentTarget).setPointerCapture(event.pointerId);
    const index = indexAt(event);
    setAt(index);
    setFrom(index);
    setDragging(true);
  };
  const move = (/** @type {PointerEvent} */ event) => { if (buckets.length) setAt(indexAt(event)); };
  const leave = () => { if (!isDragging) setAt(null); };
  const up = () => {
    if (!isDragging) return;
    setDragging(false);
    show();
    setFrom(null);
  };
  const press = (/** @type {KeyboardEvent} */ event) => {
    const last = buckets.length - 1;
    if (last < 0) return;
    const moves = { ArrowLeft: (at ?? last + 1) - 1, ArrowRight: (at ?? -1) + 1, Home: 0, End: last };
    const next = moves[/** @type {keyof typeof moves} */ (event.key)];
    if (next !== undefined) {
      const index = Math.max(0, Math.min(last, next));
      if (!event.shiftKey) setFrom(null);
      else if (from === null) setFrom(at ?? index);
      setAt(index);
    } else if (event.key === "Enter" && at !== null) show();
    else if (event.key === "Escape" && at !== null) { setAt(null); setFrom(null); }
    else return;
    event.preventDefault();
    event.stopPropagation();
  };

  const chosen = low === null || high === null ? [] : buckets.slice(low, high + 1);
  const sum = (/** @type {"total" | "success" | "failed"} */ key) => chosen.reduce((all, one) => all + one[key], 0);
  const gap = step > 4 ? 1 : 0;
  const first = buckets.length ? Date.parse(buckets[0].bucket) : 0;
  const whole = buckets.length ? Date.parse(endOf(buckets, buckets.length - 1, interval)) - first : 1;
  return html`<div class="histogram" ref=${box}>
    <svg width=${width} height=${HEIGHT} tabindex="0" role="application" aria-roledescription="histogram"
      aria-label=${`Records by time, ${buckets.length} bars of one ${interval}. Arrow keys move, Shift marks a range, Enter shows it.`}
      onPointerDown=${down} onPointerMove=${move} onPointerUp=${up} onPointerCancel=${up} onPointerLeave=${leave} onKeyDown=${press}>
      <defs><pattern id="hatch" width="5" height="5" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><rect width="5" height="5" class="failed" /><rect width="1.5" height="5" class="stroke" /></pattern></defs>
      ${[0, 0.5, 1].map((part) => html`<g class="grid"><line x1=${LEFT} x2=${LEFT + inner} y1=${y(part * most)} y2=${y(part * most)} />
        ${Number.isInteger(part * most) && html`<text x=${LEFT - 6} y=${y(part * most) + 4} text-anchor="end">${count(part * most)}</text>`}</g>`)}
      ${low !== null && high !== null && html`<rect class="marked" x=${x(low)} y=${TOP} width=${(high - low + 1) * step} height=${PLOT} />`}
      ${step > 0 && buckets.map((one, index) => {
        const other = one.total - one.success - one.failed;
        const parts = /** @type {[string, number, number][]} */ ([["success", 0, one.success], ["failed", one.success, one.failed], ["other", one.success + one.failed, other]]);
        return parts.map(([kind, below, value]) => value > 0 && html`<rect class=${kind} x=${x(index)} width=${Math.max(1, step - gap)}
          y=${y(below + value)} height=${Math.max(below === 0 ? 1.5 : 0.5, (value / most) * PLOT)} />`);
      })}
      ${marks.map((mark) => {
        const place = LEFT + ((Date.parse(mark) - first) / whole) * inner;
        return place >= LEFT && place <= LEFT + inner && html`<path class="hit" d=${`M${place} ${TOP + PLOT} l-3.5 6 h7 z`} />`;
      })}
      ${step > 0 && ticks(buckets, whole, Math.floor(inner / 70)).map(([index, text]) => x(index) < LEFT + inner - 30 && html`<text x=${x(index)} y=${HEIGHT - 5}>${text}</text>`)}
    </svg>
    <p class="reading" role="status">${chosen.length && low !== null && high !== null
      ? `${moment(buckets[low].bucket).slice(0, 16)} to ${moment(endOf(buckets, high, interval)).slice(0, 16)} ${isLocal() ? zoneName() : "UTC"}: ${count(sum("total"))} records, ${count(sum("success"))} success, ${count(sum("failed"))} failed, ${count(sum("total") - sum("success") - sum("failed"))} other`
      : html`<span class="legend"><i class="success"></i>success <i class="failed"></i>failed <i class="other"></i>other${marks.length ? html` <i class="hit"></i>found by the search` : ""}</span> <span class="hint">Drag to zoom</span>`}</p>
  </div>`;
}

/** The same numbers as a table. @param {{ buckets: Bucket[], interval: string }} props */
export function Numbers({ buckets, interval }) {
  const filled = buckets.filter((one) => one.total > 0);
  return html`<div class="scroll" tabindex="0" role="region" aria-label="Records by time"><table class="numbers">
    <caption>${count(filled.length)} of ${count(buckets.length)} intervals of one ${interval} have records; the others are left out. Times are ${zoneName()}.</caption>
    <thead><tr><th scope="col">Begins</th><th scope="col">Records</th><th scope="col">Success</th><th scope="col">Failed</th><th scope="col">Other</th></tr></thead>
    <tbody>${filled.map((one) => html`<tr><th scope="row">${moment(one.bucket).slice(0, 16)}</th><td>${count(one.total)}</td><td>${count(one.success)}</td><td>${count(one.failed)}</td><td>${count(one.total - one.success - one.failed)}</td></tr>`)}</tbody>
  </table></div>`;
}
