// @ts-check
// The service's answers: the one place that sends requests.
import { useEffect, useState } from "./hooks.mjs";

export const API = "/api/v1";

/** Longest an answer may take to begin; the service itself gives up after 15 s. */
const PATIENCE = 30_000;

/** Where the token is kept: it goes with the tab, and never into an address. */
const TOKEN = "datastorage.token";

let listeners = /** @type {Set<() => void>} */ (new Set());

export const token = () => sessionStorage.getItem(TOKEN) ?? "";

/** Takes another token, or none, and asks everything again. @param {string} value */
export function setToken(value) {
  if (value) sessionStorage.setItem(TOKEN, value);
  else sessionStorage.removeItem(TOKEN);
  askAgain();
}

/** Asks again for everything that is shown. */
export const askAgain = () => listeners.forEach((listener) => listener());

/**
 * What went wrong: the service's problem document, or what the browser knows.
 * @typedef {object} Problem
 * @property {number} status 0 when there was no answer
 * @property {string} title
 * @property {string} detail
 * @property {string} [type] the path of the page that explains it
 * @property {string} [instance] the correlation id
 * @property {{ pointer?: string, parameter?: string, code: string, message: string }[]} [errors]
 * @property {number} [retryAfter] in seconds
 */

/** An error that carries a problem. */
export class Failed extends Error {
  /** @param {Problem} problem */
  constructor(problem) {
    super(problem.title);
    this.problem = problem;
  }
}

/** @param {unknown} error @returns {Problem} */
function problemOf(error) {
  if (error instanceof Failed) return error.problem;
  if (error instanceof DOMException && error.name === "TimeoutError") {
    return { status: 0, title: "No answer in time", detail: `The service did not answer within ${PATIENCE / 1000} seconds.` };
  }
  return {
    status: 0, title: navigator.onLine ? "The service cannot be reached" : "This browser is offline",
    detail: "No connection to the service could be made. What is shown may be old.",
  };
}

/** @param {Response} response @returns {Promise<Problem>} */
async function problemIn(response) {
  const retryAfter = Number(response.headers.get("Retry-After")) || undefined;
  const otherwise = { status: response.status, title: response.statusText || `Status ${response.status}`, detail: "" };
  try {
    return { ...otherwise, ...(await response.json()), status: response.status, retryAfter };
  } catch {
    return { ...otherwise, detail: "The answer is not one of this service's: something between may have given it.", retryAfter };
  }
}

/**
 * Sends a request.
 * @param {string} path @param {{ signal?: AbortSignal, body?: unknown, lasting?: boolean }} [how]
 * @returns {Promise<Response>}
 */
export async function send(path, how = {}) {
  const headers = new Headers({ Accept: "application/json, application/problem+json, */*" });
  if (token()) headers.set("Authorization", `Bearer ${token()}`);
  if (how.body !== undefined) headers.set("Content-Type", "application/json");
  const timeout = new AbortController();
  const timer = setTimeout(() => timeout.abort(new DOMException("", "TimeoutError")), PATIENCE);
  const signals = [how.signal, timeout.signal].filter((one) => one !== undefined);
  try {
    const response = await fetch(path, {
      method: how.body === undefined ? "GET" : "POST", headers, credentials: "omit", signal: AbortSignal.any(signals),
      body: how.body === undefined ? undefined : JSON.stringify(how.body),
    });
    if (response.ok) return response;
    const problem = await problemIn(response);
    if (problem.status === 401) dispatchEvent(new CustomEvent("unauthorized", { detail: problem }));
    throw new Failed(problem);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * @template T
 * @typedef {object} Answer
 * @property {T | null} data the last answer; while another is awaited, still the one before
 * @property {Problem | null} problem
 * @property {boolean} isWaiting
 * @property {number} begun when the request was sent
 * @property {string} path the request that `data` answers
 * @property {Record<string, string>} links the addresses of the header Link by their relation
 * @property {() => void} again
 */

/** @param {Response} response @returns {Record<string, string>} */
function linksOf(response) {
  const links = response.headers.get("Link") ?? "";
  return Object.fromEntries([...links.matchAll(/<([^>]*)>; rel="?(\w+)"?/g)].map(([, url, rel]) => [rel, url]));
}

/**
 * The answer to a request, asked again when the request or the token changes.
 * @template T
 * @param {string | null} path nothing is asked without one
 * @param {unknown} [body] sent by POST
 * @returns {Answer<T>}
 */
export function useAnswer(path, body) {
  const [turn, setTurn] = useState(0);
  const again = () => setTurn((turn) => turn + 1);
  const [answer, setAnswer] = useState(/** @type {Omit<Answer<T>, "again">} */ (
    { data: null, problem: null, isWaiting: path !== null, begun: Date.now(), path: "", links: {} }
  ));
  const sent = body === undefined ? undefined : JSON.stringify(body);
  useEffect(() => {
    listeners.add(again);
    return () => { listeners.delete(again); };
  }, []);
  useEffect(() => {
    if (path === null) {
      setAnswer({ data: null, problem: null, isWaiting: false, begun: 0, path: "", links: {} });
      return;
    }
    const stop = new AbortController();
    setAnswer((answer) => ({ ...answer, isWaiting: true, begun: Date.now() }));
    send(path, { signal: stop.signal, body: sent === undefined ? undefined : JSON.parse(sent) })
      .then(async (response) => {
        const data = /** @type {T} */ (await response.json());
        setAnswer({ data, problem: null, isWaiting: false, begun: 0, path, links: linksOf(response) });
      })
      .catch((error) => {
        if (stop.signal.aborted) return;
        setAnswer((answer) => ({ ...answer, problem: problemOf(error), isWaiting: false }));
      });
    return () => stop.abort();
  }, [path, sent, turn]);
  return { ...answer, again };
}

/**
 * Reads an export to its end. A browser sends no token with a link, so the page fetches it itself.
 * @param {string} path @param {(bytes: number) => void} progress @param {AbortSignal} signal
 * @returns {Promise<{ blob: Blob } | { problem: Problem } | { cancelled: true }>}
 */
export async function download(path, progress, signal) {
  try {
    const response = await send(path, { signal });
    const reader = /** @type {ReadableStream<Uint8Array<ArrayBuffer>>} */ (response.body).getReader();
    const pieces = [];
    let bytes = 0;
    for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
      pieces.push(piece.value);
      bytes += piece.value.length;
      progress(bytes);
    }
    return { blob: new Blob(pieces, { type: response.headers.get("Content-Type") ?? "" }) };
  } catch (error) {
    if (signal.aborted) return { cancelled: true };
    return { problem: problemOf(error) };
  }
}

/** The same request for a shell, with the token left to a variable. @param {string} path @param {string} [more] */
export function curl(path, more = "") {
  const quoted = (/** @type {string} */ text) => `'${text.replaceAll("'", "'\\''")}'`;
  const authorization = token() ? ' -H "Authorization: Bearer $TOKEN"' : "";
  return `curl -sf${more}${authorization} ${quoted(new URL(path, location.href).href)}`;
}
