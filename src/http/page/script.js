/**
 * Keeps the page as the agent is: told by the stream of events, and every few seconds, it asks for the sections that have
 * changed since, and puts them in place of those that stand here. It makes no markup of its own.
 */
"use strict";
(() => {
  const BEAT_MS = 5000;
  const AFTER_EVENT_MS = 250;
  const ANSWER_MS = 10000;
  const STREAM_RETRY_MS = 5000;
  /** What the reader of the page, or this script, has changed. */
  const OURS = ["open", "hidden"];

  const root = document.documentElement;
  const element = (id) => document.getElementById(id);
  const first = { ...element("top").dataset };
  const assets = root.dataset.assets;
  let stream;
  let timer;
  let dueMs = Infinity;
  let request;
  let again = false;
  let streamOpen = false;
  let answered = true;

  function show() {
    root.dataset.live = !answered ? "cut" : streamOpen ? "on" : "beat";
  }

  /** Sooner than was meant, where it was; later never: events may come without an end. */
  function renewIn(ms) {
    const atMs = performance.now() + ms;
    if (document.hidden || atMs >= dueMs) return;
    clearTimeout(timer);
    dueMs = atMs;
    timer = setTimeout(renew, ms);
  }

  function renew() {
    dueMs = Infinity;
    if (request !== undefined) {
      again = true;
      return;
    }
    again = false;
    request = new XMLHttpRequest();
    request.open("GET", `./?since=${encodeURIComponent(element("top").dataset.edition)}`);
    // Read as a document that runs nothing; no text becomes markup here.
    request.responseType = "document";
    request.timeout = ANSWER_MS;
    request.onloadend = () => {
      const { status, response } = request;
      request = undefined;
      answered = status === 200 && response !== null && response.getElementById("top") !== null;
      if (answered) take(response);
      show();
      renewIn(again ? AFTER_EVENT_MS : BEAT_MS);
    };
    request.send();
  }

  function take(next) {
    const { version, run } = next.getElementById("top").dataset;
    if (version !== first.version || next.documentElement.dataset.assets !== assets) {
      location.reload();
      return;
    }
    if (run !== first.run) root.dataset.anew = "";
    if (document.title !== next.title) document.title = next.title;
    const [icon, newIcon] = [element("icon"), next.getElementById("icon")];
    if (icon.getAttribute("href") !== newIcon.getAttribute("href")) {
      icon.replaceWith(document.adoptNode(newIcon));
    }
    const focused = document.activeElement;
    for (const id of ["top", "main"]) adopt(element(id), next.getElementById(id));
    // Who was moved has lost it.
    if (focused !== document.activeElement && focused?.isConnected) focused.focus({ preventScroll: true });
    filter();
  }

  /** Makes `old` what `next` is, and leaves alone what is the same: focus, selection, open lines and places stay. */
  function adopt(old, next) {
    if ("same" in next.dataset) return;
    for (const { name } of [...old.attributes]) {
      if (!next.hasAttribute(name) && !OURS.includes(name)) old.removeAttribute(name);
    }
    for (const { name, value } of next.attributes) {
      if (old.getAttribute(name) !== value && !OURS.includes(name)) old.setAttribute(name, value);
    }
    let place = old.firstChild;
    for (const child of [...next.childNodes]) {
      const match = counterpart(old, place, child);
      if (match === undefined) {
        if (child.dataset === undefined || !("same" in child.dataset)) {
          old.insertBefore(document.adoptNode(child), place);
        }
        continue;
      }
      if (match === place) place = place.nextSibling;
      else old.insertBefore(match, place);
      if (child.nodeType === Node.ELEMENT_NODE) {
        if ("dataset" in child) adopt(match, child);
      } else if (match.data !== child.data) match.data = child.data;
    }
    while (place !== null) {
      const after = place.nextSibling;
      place.remove();
      place = after;
    }
  }

  /** What stands for `child` already: by its name, else what is at its place. */
  function counterpart(old, place, child) {
    if (child.id) {
      const named = element(child.id);
      return named !== null && named.parentNode === old ? named : undefined;
    }
    if (place === null || place.id || place.nodeName !== child.nodeName) return undefined;
    return place;
  }

  function follow() {
    stream?.close();
    stream = new EventSource("./api/v1/events?since=now");
    stream.onopen = () => {
      streamOpen = true;
      show();
      renewIn(0);
    };
    stream.onmessage = () => renewIn(AFTER_EVENT_MS);
    stream.addEventListener("gap", () => renewIn(AFTER_EVENT_MS));
    stream.onerror = () => {
      streamOpen = false;
      show();
      // A browser comes back by itself, but not where it was refused.
      if (stream.readyState === EventSource.CLOSED) {
        setTimeout(() => document.hidden || follow(), STREAM_RETRY_MS);
      }
      renewIn(AFTER_EVENT_MS);
    };
  }

  /** A page that nobody sees asks for nothing. */
  function look() {
    if (!document.hidden) return follow();
    clearTimeout(timer);
    dueMs = Infinity;
    stream?.close();
    streamOpen = false;
  }

  function filter() {
    const words = element("filter").value.toLowerCase().split(/\s+/).filter((word) => word !== "");
    let left = 0;
    for (const row of element("services-list").children) {
      const text = row.firstElementChild.textContent.toLowerCase();
      row.hidden = !words.every((word) => text.includes(word));
      if (!row.hidden) left++;
    }
    element("none-left").hidden = left > 0 || words.length === 0;
  }

  /** What an address of the page names is opened. */
  function openNamed() {
    let name = "";
    try {
      name = decodeURIComponent(location.hash.slice(1));
    } catch {
      return;
    }
    const named = element(name);
    if (named instanceof HTMLDetailsElement) {
      named.open = true;
      named.scrollIntoView();
    }
  }

  root.dataset.live = "begins";
  element("filter").addEventListener("input", filter);
  addEventListener("hashchange", openNamed);
  document.addEventListener("visibilitychange", look);
  openNamed();
  filter();
  look();
  if (!document.hidden) renewIn(BEAT_MS);
})();
