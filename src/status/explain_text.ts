/** `bgp-lb explain` for people: the first shut gate on top, then the whole chain. Pure. */
import { resultsText } from "./checks_text.ts";
import type { Explanation, PeerChain, RouteChain, ShutGate } from "./explain.ts";
import { gateLine } from "./gate_text.ts";
import { type Piece, PLAIN, type Style, toned } from "../text/style.ts";
import { age, lines } from "../text/table.ts";

/** The answer in a few lines, and what it rests on. */
export function explainText(explanation: Explanation, now: Date, style: Style = PLAIN): string {
  const { routes, notKnown } = explanation;
  const chains = routes.map((route) => lines(chainLines(route, now), style));
  const unknown = notKnown.length === 0 ? [] : [
    lines([
      "cannot be known here, ask the router:",
      ...notKnown.map((each) => `  ${each}`),
    ], style),
  ];
  const answer = lines(answerLines(explanation, now), style);
  return [answer, ...resultTexts(explanation, now, style), ...chains, ...unknown].join("\n");
}

/** What was found by the checks that keep it shut, or degraded; of several also what each has to do. */
function resultTexts({ shut, degraded, checks }: Explanation, now: Date, style: Style): readonly string[] {
  if ((shut ?? degraded)?.name !== "healthy") return [];
  const missing = checks.filter(({ opens }) => opens !== undefined);
  return missing.filter(({ recent }) => recent.length > 0 || missing.length > 1).map((check) => {
    const head = [`last results of ${check.name}`, ...missing.length > 1 ? [`  ${check.opens ?? ""}`] : []];
    return lines(head, style) + (check.recent.length > 0 ? resultsText(check.recent, now, style, "  ") : "");
  });
}

/** What opens the gate; of several checks each says it for itself, below. */
function opensWords({ name, opens = "" }: ShutGate, checks: Explanation["checks"]): string {
  const cures = checks.flatMap((check) => check.opens ?? []);
  if (name !== "healthy" || cures.length < 2) return opens;
  return opens.replace(cures.join("; "), () => `${cures.length} checks must pass, each as said below`);
}

function answerLines(
  { service, shut, degraded, routes, checks }: Explanation,
  now: Date,
): readonly Piece[] {
  if (shut !== undefined) {
    const opens = opensWords(shut, checks);
    return [...shutLines(service, { ...shut, opens }, now), ...alsoLines(shut, routes)];
  }
  const peers = new Set(routes.flatMap((route) => route.peers.map(({ peer }) => peer)));
  if (peers.size === 0) {
    return [toned(`${service} is announced to nobody: there is no peer that it is for`, "bad")];
  }
  const to = `${service} is announced to ${[...peers].join(", ")}`;
  return degraded === undefined
    ? [toned(`${to}: every gate is open`, "good")]
    : degradedLines(to, { ...degraded, opens: opensWords(degraded, checks) }, now);
}

function degradedLines(to: string, { name, saw, since, opens }: ShutGate, now: Date): readonly Piece[] {
  return [
    toned(`${to}, degraded: with announce.whenUnhealthy`, "changing"),
    toned(`  degraded ${name}`, "changing"),
    `  saw      ${saw}`,
    ...sinceLines(since, now),
    `  ends     ${opens ?? ""}`,
  ];
}

function sinceLines(since: string | undefined, now: Date): readonly string[] {
  return since === undefined ? [] : [`  since    ${age(since, now)} ago, ${since}`];
}

function shutLines(
  service: string,
  { name, saw, since, opens, prefix, peer }: ShutGate,
  now: Date,
): readonly Piece[] {
  return [
    toned(`${service}: ${prefix} is not announced${peer === undefined ? "" : ` to ${peer}`}`, "bad"),
    toned(`  shut     ${name}`, "bad"),
    `  saw      ${saw}`,
    ...sinceLines(since, now),
    `  opens    ${opens ?? ""}`,
  ];
}

/** Other peers that do not get it, where one peer's gate is the first. */
function alsoLines({ peer }: ShutGate, routes: Explanation["routes"]): readonly string[] {
  if (peer === undefined) return [];
  const shut = routes.flatMap((route) => route.peers).filter(({ steps }) => steps.some(({ open }) => !open));
  const others = [...new Set(shut.map((chain) => chain.peer))].filter((other) => other !== peer);
  return others.length === 0 ? [] : [`  also     not to ${others.join(", ")}, below`];
}

function chainLines({ prefix, steps, peers }: RouteChain, now: Date): readonly Piece[] {
  return [
    toned(prefix, "strong"),
    ...steps.map((step) => gateLine(step, "  ", now)),
    ...peers.flatMap((chain) => peerLines(chain, now)),
  ];
}

function peerLines({ peer, steps, notes }: PeerChain, now: Date): readonly Piece[] {
  return [
    `  to ${peer}`,
    ...steps.map((step) => gateLine(step, "    ", now)),
    ...notes.map((note) => `    note: ${note}`),
  ];
}
