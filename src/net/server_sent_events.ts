/** Server-sent events (WHATWG HTML 9.2), as far as data of one line goes: to text, and back line by line. Pure. */

/** One event of a stream. `name` undefined: a `message`. */
export interface ServerSentEvent {
  readonly id?: string | undefined;
  readonly name?: string | undefined;
  /** Without line ends. */
  readonly data: string;
}

/** A line that says nothing: a sign of life. */
export const COMMENT = ":\n\n";

/** The event as it is sent. @example formatServerSentEvent({ id: "1", data: "a" }) // "id: 1\ndata: a\n\n" */
export function formatServerSentEvent({ id, name, data }: ServerSentEvent): string {
  const lines = [
    ...id === undefined ? [] : [`id: ${id}`],
    ...name === undefined ? [] : [`event: ${name}`],
    `data: ${data}`,
  ];
  return `${lines.join("\n")}\n\n`;
}

/** Takes the lines of a stream one after the other, and calls back for each event. */
export function serverSentEventReader(onEvent: (event: ServerSentEvent) => void): (line: string) => void {
  let [id, name, data]: (string | undefined)[] = [];
  return (line) => {
    if (line === "") {
      if (data !== undefined) onEvent({ id, name, data });
      id = name = data = undefined;
      return;
    }
    const [, field, value = ""] = /^([^:]*)(?:: ?(.*))?$/s.exec(line) ?? [];
    if (field === "id") id = value;
    if (field === "event") name = value;
    if (field === "data") data = data === undefined ? value : `${data}\n${value}`;
  };
}
