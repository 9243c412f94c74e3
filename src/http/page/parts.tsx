/** Small pieces of the page: marks that tell how things are by shape, word and colour, moments, lists of names. */
import type { JSX } from "hono/jsx/jsx-runtime";
import type { Piece, Tone } from "../../text/style.ts";
import { age } from "../../text/table.ts";
import type { PageTone, Subject } from "./problems.ts";

/** What a piece is rendered to. */
export type Element = JSX.Element;

/** The tone of a piece of text; nothing said means that all is as it should be. */
export function pageTone(piece: Piece): PageTone {
  return typeof piece === "string" ? "off" : TONES[piece.tone];
}

const TONES: Readonly<Record<Tone, PageTone>> = {
  good: "good",
  bad: "bad",
  changing: "changing",
  strong: "good",
};

/** The shape of a tone; the word stands beside it. */
export function Mark({ tone }: { readonly tone: PageTone }): Element {
  return (
    <svg class={`mark ${tone}`} aria-hidden="true">
      <use href={`#m-${tone}`} />
    </svg>
  );
}

/** The shapes, once for the page: a disc, a triangle, a square, a ring. */
export function Shapes(): Element {
  return (
    <svg class="shapes" width="0" height="0" aria-hidden="true">
      <symbol id="m-good" viewBox="0 0 16 16">
        <circle cx="8" cy="8" r="7" fill="currentColor" />
        <path class="cut" d="M4.5 8.3l2.4 2.4 4.6-5" />
      </symbol>
      <symbol id="m-changing" viewBox="0 0 16 16">
        <path fill="currentColor" d="M8 1l7.5 14h-15z" />
        <path class="cut" d="M8 6v4.2M8 12v1.2" />
      </symbol>
      <symbol id="m-bad" viewBox="0 0 16 16">
        <rect x="1" y="1" width="14" height="14" rx="2" fill="currentColor" />
        <path class="cut" d="M5 5l6 6M11 5l-6 6" />
      </symbol>
      <symbol id="m-off" viewBox="0 0 16 16">
        <circle cx="8" cy="8" r="6" fill="none" stroke="currentColor" stroke-width="2" />
      </symbol>
    </svg>
  );
}

/** A word with its shape. */
export function State({ tone, text }: { readonly tone: PageTone; readonly text: string }): Element {
  return (
    <span class={`state ${tone}`}>
      <Mark tone={tone} />
      {text}
    </span>
  );
}

/** For how long something is so, by the largest unit: what has not changed looks the same for a while. */
export function For({ since, now }: { readonly since: string; readonly now: Date }): Element {
  return <time datetime={`${since.slice(0, 19)}Z`}>{coarseAge(since, now)}</time>;
}

/** The largest unit of an age. */
export function coarseAge(since: string, now: Date): string {
  return age(since, now).split(" ")[0] ?? "";
}

/** `12:03:05 UTC`; with the day where that is another one. */
export function clockText(moment: string, now: Date): string {
  const time = `${moment.slice(11, 19)} UTC`;
  return moment.slice(0, 10) === now.toISOString().slice(0, 10) ? time : `${moment.slice(0, 10)} ${time}`;
}

/** So many of these are named. */
const SHOWN_SUBJECTS = 6;

/** Services or peers by name, each a way to its place. */
export function Subjects({ subjects }: { readonly subjects: readonly Subject[] }): Element {
  const more = subjects.length - SHOWN_SUBJECTS;
  return (
    <>
      {subjects.slice(0, SHOWN_SUBJECTS).map(({ name, anchor }, index) => (
        <>
          {index > 0 && ", "}
          <a href={`#${encodeURIComponent(anchor)}`}>{name}</a>
        </>
      ))}
      {more > 0 && ` and ${more} more`}
    </>
  );
}

/** `1 service`, `2 services`. */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
