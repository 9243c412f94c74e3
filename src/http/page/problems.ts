/**
 * What is wrong with this host, worst first: what, why, since when and what helps, in the words of `explain`, `peers` and
 * `status`. What has the same cause is one problem, however many services have it. Pure.
 */
import { bfdCure, bfdReason } from "../../status/bfd_text.ts";
import { failedAttemptWords, waitingWords } from "../../status/attempt_words.ts";
import { liveCount } from "../../status/destinations_text.ts";
import type { Explanation, Step } from "../../status/explain.ts";
import { downReason } from "../../status/peers_text.ts";
import { sessionCure } from "../../status/session_cure.ts";
import { wrongLines } from "../../status/status_text.ts";
import type { PeerEntry, ServiceStatus, Status } from "../../status/status.ts";

/** How things are: `bad` is wrong, `changing` wants to be known, `off` is as the configuration has it. */
export type PageTone = "good" | "changing" | "bad" | "off";

/** One thing that is not as it should be. */
export interface Problem {
  readonly tone: "bad" | "changing";
  /** What it is with, by name, and where on the page that stands. */
  readonly subjects: readonly Subject[];
  readonly what: string;
  readonly why: string;
  /** ISO 8601; of several the newest. Undefined: not known. */
  readonly since: string | undefined;
  /** What helps; undefined: nothing is known to. */
  readonly cure: string | undefined;
}

/** A service or a peer. */
export interface Subject {
  readonly name: string;
  readonly anchor: string;
}

/** A service with what `explain` says of it. */
export interface ExplainedService {
  readonly service: ServiceStatus;
  readonly explanation: Explanation;
}

/** Where a service stands on the page. */
export function serviceAnchor(name: string): string {
  return `service-${name}`;
}

/** Where a peer stands on the page. */
export function peerAnchor(name: string): string {
  return `peer-${name}`;
}

/** By the peer's name, since when its session is down (ISO 8601), as far as that is known. */
export type DownSince = ReadonlyMap<string, string>;

/** Everything that is wrong with the host itself, its peers and its services. */
export function problemsOf(
  status: Status,
  services: readonly (readonly Problem[])[],
  { now, down }: { readonly now: Date; readonly down: DownSince },
): readonly Problem[] {
  const peers = status.peers.flatMap((peer) => peerProblems(peer, status, now, down.get(peer.name)));
  return inOrder([...hostProblems(status, now), ...peers, ...together(services.flat())]);
}

/** What is wrong with a service, but for sessions that are down: that is said once, of the peer. */
export function serviceProblems({ service, explanation }: ExplainedService): readonly Problem[] {
  if (!service.enabled) return [];
  const subjects = [{ name: service.name, anchor: serviceAnchor(service.name) }];
  const { shut, degraded, routes } = explanation;
  const problems: Problem[] = [];
  if (shut !== undefined && shut.peer === undefined) {
    const some = routes.length > 1 && routes.some(({ steps }) => steps.every(({ open }) => open));
    const what = some ? `${shut.prefix} is not announced` : "not announced";
    problems.push({ ...stepProblem(shut), tone: toneOfShut(shut, service), subjects, what });
  }
  if (degraded !== undefined) {
    problems.push({ ...stepProblem(degraded), tone: "changing", subjects, what: "announced as degraded" });
  }
  for (const { prefix, steps, peers } of routes) {
    if (steps.some(({ open }) => !open)) continue;
    for (const chain of peers) {
      const step = chain.steps.find(({ open }) => !open);
      if (step === undefined || step.name === "session Established") continue;
      const tone = step.name === "sent" ? "changing" : "bad";
      problems.push({
        ...stepProblem(step),
        tone,
        subjects,
        what: `${prefix} is not announced to ${chain.peer}`,
      });
    }
  }
  return [...problems, ...otherProblems(service).map((problem) => ({ ...problem, subjects }))];
}

function stepProblem({ name, open, saw, since, opens }: Step): Pick<Problem, "why" | "since" | "cure"> {
  return { why: open ? `${name}: ${saw}` : `${name}: no; ${saw}`, since, cure: opens };
}

/** What an operator ordered, and what only has to be waited for, is no fault. */
function toneOfShut({ name, saw }: Step, { verdict }: ServiceStatus): Problem["tone"] {
  const waits = (name === "healthy" && verdict === "unknown") || saw.includes("has not been read");
  return name === "not drained" || waits ? "changing" : "bad";
}

/** Beside what keeps the service from being announced. */
function otherProblems(service: ServiceStatus): readonly Omit<Problem, "subjects">[] {
  const { checks, drain, virtualServices } = service;
  const { live, all } = liveCount(virtualServices);
  const dead = virtualServices.flatMap(({ destinations }) => destinations)
    .find((each) => each.role === "configured" && !each.live);
  return [
    ...checks.flatMap(({ name, fault, lastResult, lastUnknown, verdict }): Omit<Problem, "subjects">[] => {
      const none = { since: undefined, cure: undefined };
      if (fault !== undefined) {
        return [{ ...none, tone: "bad", what: `check ${name} has a fault of this agent`, why: fault }];
      }
      const blind = verdict === "healthy" && lastResult?.result === "unknown" ? lastUnknown : undefined;
      return blind === undefined
        ? []
        : [{ ...none, tone: "changing", what: `check ${name} says nothing`, why: blind }];
    }),
    ...drain?.lost === undefined ? [] : [{
      tone: "bad" as const,
      what: "the drain is lost with this process",
      why: drain.lost,
      since: drain.since,
      cure: undefined,
    }],
    ...dead === undefined || service.phase.name !== "serving" ? [] : [{
      tone: "changing" as const,
      what: `${live} of ${all} destinations ${live === 1 ? "is" : "are"} live`,
      why: dead.cause,
      since: dead.since,
      cure: undefined,
    }],
  ];
}

function peerProblems(
  peer: PeerEntry,
  status: Status,
  now: Date,
  since: string | undefined,
): readonly Problem[] {
  const subjects = [{ name: peer.name, anchor: peerAnchor(peer.name) }];
  const down = downReason(peer, now);
  if (down !== undefined) {
    const means = (failedAttemptWords(peer) ?? waitingWords(peer))?.sentence;
    return [{
      tone: status.state === "running" && !UNDER_WAY.includes(peer.state) ? "bad" : "changing",
      subjects,
      what: "session is not Established",
      why: means === undefined ? down : `${down} (${means})`,
      since,
      cure: sessionCure(peer, status),
    }];
  }
  const bfd = bfdReason(peer.bfd);
  return [
    ...peer.stuck === undefined ? [] : [{
      tone: "bad" as const,
      subjects,
      what: "takes nothing of what is sent",
      why: peer.stuck,
      since: undefined,
      cure: undefined,
    }],
    ...bfd === undefined ? [] : [{
      tone: "changing" as const,
      subjects,
      what: "BFD is not up",
      why: bfd,
      since: peer.bfd?.since,
      cure: bfdCure(peer),
    }],
  ];
}

/** The reason names the file, and only the first of its problems. */
const CONFIG_CURE = "bgp-lb check FILE names every problem of the file; mend it, then bgp-lb reload";

/** They end by themselves, in moments. */
const UNDER_WAY: readonly PeerEntry["state"][] = ["OpenSent", "OpenConfirm"];

function hostProblems(status: Status, now: Date): readonly Problem[] {
  const { kernel, peers, services } = status;
  const said = (tone: Problem["tone"], what: string, why: string): Problem => ({
    tone,
    subjects: [],
    what,
    why,
    since: undefined,
    cure: undefined,
  });
  return [
    ...kernel.errors.map((error) => said("bad", "the kernel is not as it should be", error)),
    ...wrongLines(status, now).map((line) => {
      const [, what = "this agent", why = line] = /^([^:]+): (.*)$/.exec(line) ?? [];
      const waits = why.startsWith("takes effect");
      const problem = said(waits ? "changing" : "bad", what, why);
      return what === "configuration" && !waits ? { ...problem, cure: CONFIG_CURE } : problem;
    }),
    ...services.length > 0 && peers.length === 0
      ? [said("bad", "nothing is announced", "no peer is configured")]
      : [],
  ];
}

/** What services have in common is told once; what one peer needs another one does not. */
function together(problems: readonly Problem[]): readonly Problem[] {
  const groups = new Map<string, Problem[]>();
  for (const problem of problems) {
    const { tone, what, why } = problem;
    const key = JSON.stringify([tone, what, why]);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [problem]);
    else group.push(problem);
  }
  return [...groups.values()].flatMap((group) => joined(group));
}

function joined(group: readonly Problem[]): readonly Problem[] {
  const [first, ...others] = group;
  if (first === undefined || others.length === 0) return group;
  const { cure } = first;
  const newest = group.map(({ since = "" }) => since).reduce((one, other) => one > other ? one : other);
  const name = first.subjects[0]?.name ?? "";
  return [{
    ...first,
    subjects: group.flatMap(({ subjects }) => subjects),
    since: newest === "" ? undefined : newest,
    cure: cure === undefined || others.every((other) => other.cure === cure) ? cure : `of ${name}: ${cure}`,
  }];
}

function inOrder(problems: readonly Problem[]): readonly Problem[] {
  return [
    ...problems.filter(({ tone }) => tone === "bad"),
    ...problems.filter(({ tone }) => tone === "changing"),
  ];
}
