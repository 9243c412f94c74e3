/** What doctor found, for people: the verdict, then each finding with its reason and cure, the worst first. Pure. */
import type { Piece, Style, Tone } from "../text/style.ts";
import { PLAIN } from "../text/style.ts";
import { lines } from "../text/table.ts";
import type { FindingStatus } from "./finding.ts";
import type { Examination, NamedFinding } from "./examine.ts";

const TONES: Readonly<Record<FindingStatus, Tone>> = {
  problem: "bad",
  warning: "changing",
  unknown: "changing",
  ok: "good",
};

const COUNTED: Readonly<Record<FindingStatus, readonly [string, string]>> = {
  problem: ["problem", "problems"],
  warning: ["warning", "warnings"],
  unknown: ["not looked at", "not looked at"],
  ok: ["fit", "fit"],
};

/** The report in lines. A command stays one line, whatever the width: it is to be copied. */
export function reportText({ fit, file, agent, findings }: Examination, style: Style = PLAIN): string {
  const what = file === undefined ? "the agent (no configuration: the host alone)" : file;
  const verdict: Piece = {
    text: `This host is ${fit ? "fit" : "not fit"} for ${what}: ${countsOf(findings)}.`,
    tone: "strong",
  };
  const head = lines([verdict, ...agent === undefined ? [] : [`Here ${agent}.`]], style);
  const told = findings.filter(({ status }) => status === "problem" || status === "warning");
  const short = findings.filter((finding) => !told.includes(finding));
  const widest = Math.max(0, ...short.map(({ name }) => name.length));
  return [
    head,
    ...told.map((finding) => paragraph(finding, style)),
    ...short.length === 0 ? [] : [lines(short.map((finding) => shortLine(finding, widest)), style)],
    ...told.some(({ command = "" }) => command.startsWith("sysctl -w")) ? [lines([KEEP], style)] : [],
  ].join("\n");
}

const KEEP =
  "sysctl -w holds until the next boot: put the same settings into /etc/sysctl.d/60-bgp-lb.conf to keep them.";

function countsOf(findings: readonly NamedFinding[]): string {
  const counts = (["problem", "warning", "unknown", "ok"] as const).flatMap((status) => {
    const count = findings.filter((finding) => finding.status === status).length;
    return count === 0 ? [] : [`${count} ${COUNTED[status][count === 1 ? 0 : 1]}`];
  });
  return counts.join(", ");
}

function paragraph({ name, status, found, why, cure, command }: NamedFinding, style: Style): string {
  return lines([
    { text: `${status}  ${name}`, tone: TONES[status] },
    `  found  ${found}`,
    ...why === undefined ? [] : [`  why    ${why}`],
    ...cure === undefined ? [] : [`  cure   ${cure}`],
  ], style) + (command === undefined ? "" : lines([`  run    ${command}`], { ...style, width: undefined }));
}

function shortLine({ name, status, found }: NamedFinding, widest: number): Piece {
  return { text: `${status.padEnd(7)}  ${name.padEnd(widest)}  ${found}`, tone: TONES[status] };
}
