/** ExaBGP with its healthcheck: an exabgp.conf with `process` and `neighbor`, files of the healthcheck's options, or both. */
import { Block, type Directive, type Place, type SourceFile, SourceProblem, type Word } from "./directive.ts";
import { fileOf, type MigratedParts, peer, type SpeakerFlags } from "./file.ts";
import { migrateNeighbor, type Neighbor, type NeighborResult } from "./exabgp_neighbor.ts";
import { readExabgp, readOptionFile } from "./exabgp_syntax.ts";
import { type Healthcheck, healthcheckServices } from "./healthcheck.ts";
import { canonicalName, isOption, readOptions } from "./healthcheck_options.ts";
import { Names } from "./names.ts";
import { Section } from "./section.ts";
import { number } from "./values.ts";

/** Whether `text` is a file of options, as far as its first line tells. */
export function isOptionFile(text: string): boolean {
  const lines = text.split("\n").filter((line) => !/^\s*(#|$)/.test(line));
  const names = lines.map((line) => canonicalName(line.split("=")[0]?.trim() ?? ""));
  return names.length > 0 && names.some(isOption) && !/[{};]\s*$|^\s*\[/m.test(lines.join("\n"));
}

const MAX_NEIGHBORS = 1000;
const PROCESS_REASONS: Readonly<Record<string, string>> = {
  encoder: "means nothing here: no process speaks for the agent",
  respawn: "means nothing here: no process speaks for the agent",
  env: "has no equivalent: an exec check has an environment of its own",
};

/** The files as parts of ours. @throws {SourceProblem} */
export function migrateExabgp(files: readonly SourceFile[], flags: SpeakerFlags): MigratedParts {
  const optionFiles = new Map(
    files.filter(({ text }) => isOptionFile(text)).map((file) => [file.name, file]),
  );
  const top = new Block(files.filter(({ name }) => !optionFiles.has(name)).flatMap(readExabgp));
  const remarks = fileOf("ExaBGP");
  const found = neighborsOf(top, remarks);
  const [first] = found;
  if (first !== undefined && found.length > MAX_NEIGHBORS) {
    throw new SourceProblem(first.directive.place, `is one of more than ${MAX_NEIGHBORS} neighbors`);
  }
  const neighbors = found.map(migrateNeighbor);
  const as = neighbors.find((neighbor) => neighbor.as !== undefined)?.as ?? flags.localAS;
  const names = new Names();
  const restricted = neighbors.some(({ processes }) => processes !== undefined);
  const checks: Healthcheck[] = [];
  const used = new Set<string>();
  for (const { values, block: inner = [] } of top.every("process")) {
    const name = values[0]?.text ?? "healthcheck";
    const block = new Block(inner);
    const run = block.last("run");
    const words = run === undefined ? undefined : optionWords(run.values);
    if (run !== undefined && words === undefined) {
      remarks.remark(
        run.place,
        `process ${name}: runs a program that is no exabgp healthcheck, and is left out`,
      );
    }
    remarks.remarkRest(block, PROCESS_REASONS);
    if (run === undefined || words === undefined) continue;
    const options = readOptions(words);
    const file = options.find((option) => option.name === "config")?.values[0]?.text;
    const given = file === undefined ? undefined : optionFiles.get(file) ?? alike(optionFiles, file);
    if (given !== undefined) used.add(given.name);
    const own = given === undefined ? options : options.filter((option) => option.name !== "config");
    checks.push({
      options: [...given === undefined ? [] : optionsOf(given), ...own],
      place: run.place,
      process: name,
      neighbors: restricted
        ? neighbors.filter(({ processes = [] }) => processes.includes(name)).map(({ address }) => address)
        : undefined,
      as,
    });
  }
  for (const file of optionFiles.values()) {
    if (used.has(file.name)) continue;
    const place = { file: file.name, line: 1, column: 1 };
    checks.push({ options: optionsOf(file), place, process: "healthcheck", neighbors: undefined, as });
  }
  const results = checks.map((check) => healthcheckServices(check, names));
  remarks.remarkRest(top, { template: "is read where a neighbor inherits it" });
  remarks.say(
    "A check's interval is from start to start here, and was from the end of one to the start of the next.",
  );
  return {
    remarks,
    speaker: {
      ...localOf(neighbors, remarks, top),
      nextHop: nextHopOf(results, remarks, checks[0]?.place),
      peers: [...neighbors.map(({ peer }) => peer), ...unknownPeers(neighbors, results, flags)],
    },
    setup: setupOf(results, remarks, checks[0]?.place),
    services: results.flatMap(({ services }) => services),
  };
}

/** The one of the same name in another folder. */
function alike(files: ReadonlyMap<string, SourceFile>, path: string): SourceFile | undefined {
  const nameOf = (whole: string) => whole.slice(whole.lastIndexOf("/") + 1);
  const found = [...files.values()].filter(({ name }) => nameOf(name) === nameOf(path));
  return found.length === 1 ? found[0] : undefined;
}

function optionsOf(file: SourceFile): readonly Directive[] {
  return readOptionFile(file).map((directive) => ({ ...directive, name: canonicalName(directive.name) }));
}

/** The words behind `healthcheck`; undefined: it is none. */
function optionWords(words: readonly Word[]): readonly Word[] | undefined {
  const at = words.findIndex(({ text }) => /(^|[/.])healthcheck(\.py)?$/.test(text));
  return at < 0 ? undefined : words.slice(at + 1);
}

/** Neighbors, with what their groups have and what they inherit of templates. */
function neighborsOf(top: Block, remarks: Section): readonly Neighbor[] {
  const templates = new Map(
    top.every("template").flatMap(({ block = [] }) =>
      block.map(({ values, block: inner = [] }) => [values[0]?.text ?? "", inner] as const)
    ),
  );
  const complete = (directive: Directive, around: readonly Directive[]): Neighbor => {
    const own = directive.block ?? [];
    const isInheritance = ({ name, values }: Directive) =>
      name === "inherit" && values.some(({ text }) => templates.has(text));
    const inherited = own.filter(isInheritance).flatMap(({ values }) =>
      values.flatMap(({ text }) => templates.get(text) ?? [])
    );
    const mine = own.filter((one) => !isInheritance(one));
    const names = new Set(mine.map(({ name }) => name));
    const single = (one: Directive) => one.block !== undefined || !names.has(one.name);
    return { directive, has: [...[...around, ...inherited].filter(single), ...mine] };
  };
  const grouped = top.every("group").flatMap(({ block = [] }) => {
    const inner = new Block(block);
    const neighbors = inner.every("neighbor");
    for (const { place } of inner.every("process")) {
      remarks.remark(place, "process: is read at the top of the file only");
    }
    return neighbors.map((neighbor) => complete(neighbor, inner.rest));
  });
  return [...top.every("neighbor").map((neighbor) => complete(neighbor, [])), ...grouped];
}

interface Local {
  readonly routerID?: string | undefined;
  readonly as?: number | string | undefined;
}

/** What the first neighbor says of this host; others may say something else. */
function localOf(neighbors: readonly NeighborResult[], remarks: Section, top: Block): Local {
  const routerIDs = [...new Set(neighbors.flatMap(({ routerID }) => routerID ?? []))];
  const place = top.every("neighbor", "group")[0]?.place;
  if (routerIDs.length > 1 && place !== undefined) {
    remarks.remark(place, `router-id: is one for all peers here, the first of ${routerIDs.join(", ")}`);
  }
  const as = neighbors.find((neighbor) => neighbor.as !== undefined)?.as;
  for (const neighbor of neighbors) {
    if (neighbor.as !== undefined && neighbor.as !== as) neighbor.peer.set("localAS", number(neighbor.as));
  }
  return { routerID: routerIDs[0], as: as !== undefined && /^[1-9][0-9]*$/.test(as) ? Number(as) : as };
}

interface Wanted {
  readonly nextHop: string | undefined;
  readonly setup: boolean;
  readonly neighbors: readonly string[];
}

/** A next hop is a peer's here, not a service's. */
function nextHopOf(
  results: readonly Wanted[],
  remarks: Section,
  place: Place | undefined,
): string | undefined {
  const wanted = [...new Set(results.map(({ nextHop }) => nextHop))];
  const [only] = wanted;
  if (wanted.length < 2 || place === undefined) return only;
  const named = wanted.filter((one) => one !== undefined).join(", ");
  remarks.remark(
    place,
    `next-hop: is one for all services of a peer here, and they had ${named}: see bgp.defaults.nextHop`,
  );
  return undefined;
}

function setupOf(
  results: readonly Wanted[],
  remarks: Section,
  place: Place | undefined,
): boolean | undefined {
  if (place === undefined || results.every(({ setup }) => setup)) {
    if (place !== undefined) {
      remarks.remark(
        place,
        "addresses are bound to an interface of each service's own, no more to lo: take them off there",
      );
    }
    return undefined;
  }
  if (results.every(({ setup }) => !setup)) return false;
  remarks.remark(place, "no-ip-setup: holds for all services or none here (network.setup)");
  return undefined;
}

/** Neighbors that only healthchecks name. */
function unknownPeers(
  neighbors: readonly NeighborResult[],
  results: readonly Wanted[],
  flags: SpeakerFlags,
): readonly Section[] {
  const known = new Set([...neighbors.map(({ address }) => address), ...flags.peers?.split(",") ?? []]);
  const named = new Set(results.flatMap((result) => result.neighbors));
  return [...named].filter((address) => !known.has(address)).map((address) => peer(address, flags));
}
