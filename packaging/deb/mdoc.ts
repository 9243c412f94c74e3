/** Text as mdoc(7), the language of manual pages. Pure. */

const WIDTH = 76;

/** `text` as lines of a page: a sentence begins a line, and none is long. */
export function prose(text: string): readonly string[] {
  return text.split(/(?<=[.?!]) (?=[A-Z])/).flatMap((sentence) => wrapped(sentence)).map(inLine);
}

/** A macro and its words, such as `.Op Fl json`; what follows may be macros, too. */
export function macro(name: string, ...words: readonly string[]): string {
  return [`.${name}`, ...words].join(" ");
}

/** A word that is an argument of a macro and no macro itself. */
export function word(text: string): string {
  const escaped = escape(text);
  if (/^[A-Z%][A-Za-z0-9]{1,2}$|^[.,:;()[\]?!|]/.test(text)) return `\\&${escaped}`;
  return /[\s"]/.test(text) ? `"${escaped.replaceAll('"', "\\(dq")}"` : escaped;
}

/** Text that stands as it is, such as a file; without it is filled. */
export function verbatim(text: string): readonly string[] {
  return [".Bd -literal", ...text.trimEnd().split("\n").map(inLine), ".Ed"];
}

/** The lines that a page begins with. */
export function head(name: string, section: number, date: string, about: string): readonly string[] {
  return [
    `.Dd ${longDate(date)}`,
    `.Dt ${name.toUpperCase()} ${section}`,
    ".Os",
    ".Sh NAME",
    `.Nm ${name}`,
    `.Nd ${about}`,
  ];
}

/** mdoc(7) has dates as `November 27, 2026`. */
function longDate(iso: string): string {
  return new Date(iso).toLocaleDateString("en-US", {
    day: "numeric",
    month: "long",
    timeZone: "UTC",
    year: "numeric",
  });
}

function wrapped(text: string): readonly string[] {
  const lines: string[] = [];
  for (const each of text.split(/\s+/)) {
    const line = lines.at(-1);
    if (line === undefined || line.length + 1 + each.length > WIDTH) lines.push(each);
    else lines[lines.length - 1] = `${line} ${each}`;
  }
  return lines;
}

/** A line that begins with a dot or an apostrophe would be a macro. */
function inLine(line: string): string {
  return escape(line).replace(/^(?=[.'])/, "\\&");
}

function escape(text: string): string {
  return text.replaceAll("\\", "\\e")
    .replace(
      /[^\0-\x7f]/gu,
      (each) => `\\[u${each.codePointAt(0)?.toString(16).toUpperCase().padStart(4, "0")}]`,
    );
}
