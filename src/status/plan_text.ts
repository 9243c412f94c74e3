/** A plan for people: what it comes to in one line, then each thing that would happen, in the order of their weight. Pure. */
import { escapeUnprintable } from "../text/escapes.ts";
import type { Tone } from "../text/style.ts";
import type { Plan, PlannedConsequence, SessionPlan } from "./plan.ts";
import type { RoutePlan, RoutePlans, RouteWords } from "./route_plan.ts";

/** Puts a line in a colour, or leaves it as it is. The line is printable. */
export type Paint = (line: string, tone: Tone) => string;

/** A line before it is painted. */
interface Line {
  readonly text: string;
  readonly tone?: Tone;
}

/** The plan in lines; sections in which nothing happens are left out. */
export function planText(plan: Plan, paint: Paint): string {
  const sections = [
    section("Configuration", plan.changes.map((change) => line("~", change, "changing"))),
    section("Sessions", plan.sessions.map(sessionLine)),
    section("Routes", routeLines(plan.routes)),
    section("Kernel, in this order", kernelLines(plan)),
    section(
      "Needs a restart",
      plan.restart.map((key) => line("!", `${key} takes effect with the next restart`, "bad")),
    ),
    section("Warnings", plan.warnings.map((warning) => line("!", warning, "changing"))),
  ];
  const lines: readonly Line[] = [{ text: summary(plan), tone: "strong" }, ...sections.flat()];
  return lines.map(({ text, tone }) => {
    const printable = escapeUnprintable(text);
    return `${tone === undefined || text === "" ? printable : paint(printable, tone)}\n`;
  }).join("");
}

function section(title: string, lines: readonly Line[]): readonly Line[] {
  return lines.length === 0 ? [] : [{ text: "" }, { text: `${title}:`, tone: "strong" }, ...lines];
}

function line(sign: string, text: string, tone: Tone): Line {
  return { text: `  ${sign} ${text}`, tone };
}

/** What it comes to. */
function summary({ action, changes, sessions, routes, kernel, restart }: Plan): string {
  const { announced, changed, withdrawn } = routes;
  const touched = sessions.filter(({ consequence }) => consequence !== "other next time");
  const kernelChanges = kernel.reduce((sum, stage) => sum + stage.changes.length, 0);
  const parts = [
    count(touched.length, "session", " touched"),
    count(announced.length, "route", " announced"),
    count(changed.length, "route", " changed"),
    count(withdrawn.length, "route", " withdrawn"),
    count(kernelChanges, "change", " in the kernel"),
  ].filter((part) => part !== undefined);
  if (parts.length > 0) return `A ${action} would come to ${parts.join(", ")}.`;
  const inside = changes.length > 0 || sessions.length > 0 || restart.length > 0;
  return inside
    ? `A ${action} would touch no session, no route and nothing in the kernel.`
    : `A ${action} would change nothing.`;
}

function count(number: number, noun: string, what = ""): string | undefined {
  return number === 0 ? undefined : `${number} ${noun}${number === 1 ? "" : "s"}${what}`;
}

const SESSION: Readonly<Record<PlannedConsequence, readonly [string, Tone]>> = {
  "established anew": ["+", "good"],
  "reset": ["~", "bad"],
  "ended": ["-", "bad"],
  "other next time": ["~", "changing"],
};

function sessionLine({ peer, address, consequence, why }: SessionPlan): Line {
  const [sign, tone] = SESSION[consequence];
  const who = peer === address ? peer : `${peer} (${address})`;
  return line(sign, `${who} ${consequence}: ${why}`, tone);
}

function routeLines({ announced, changed, withdrawn }: RoutePlans): readonly Line[] {
  return [
    ...withdrawn.map((route) => line("-", `${routeOf(route)} withdrawn from ${whom(route)}`, "bad")),
    ...changed.map((route) =>
      line("~", `${routeOf(route)} changed for ${whom(route)}: ${changedWords(route)}`, "changing")
    ),
    ...announced.map((route) =>
      line("+", `${routeOf(route)} announced to ${whom(route)}${words(route.to)}`, "good")
    ),
  ];
}

function routeOf({ prefix, service }: RoutePlan): string {
  return `${prefix} of ${service}`;
}

function whom({ toPeers, when }: RoutePlan): string {
  return `${toPeers === undefined ? "every peer" : toPeers.join(", ")} ${when}`;
}

function words(told: RouteWords | undefined): string {
  const all = Object.entries(told ?? {}).map(([key, value]) => `${key} ${valueText(value)}`);
  return all.length === 0 ? "" : `: ${all.join(", ")}`;
}

function changedWords({ from = {}, to = {} }: RoutePlan): string {
  const keys = [...new Set([...Object.keys(from), ...Object.keys(to)])];
  return keys.map((key) => `${key} ${valueText(from[key])} → ${valueText(to[key])}`).join(", ");
}

function valueText(value: RouteWords[string] | undefined): string {
  if (value === undefined) return "none";
  return typeof value === "object" ? value.join(" ") : String(value);
}

function kernelLines({ kernel }: Plan): readonly Line[] {
  return kernel.flatMap(({ step, stage, changes }) => [
    { text: `  ${step}. ${stage}` },
    ...changes.map((change) => ({ text: `     ${change}`, tone: kernelTone(change) })),
  ]);
}

/** By the verb of `describeChange()`. */
function kernelTone(change: string): Tone {
  if (/^(create|add) /.test(change)) return "good";
  return change.startsWith("delete ") ? "bad" : "changing";
}
