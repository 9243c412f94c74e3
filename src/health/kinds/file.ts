/** The file check: what is at a path of this host, where symbolic links lead to. What may not be seen says nothing. */
import { FILE_HEAD_OCTETS, type FileCheckConfig } from "../../config/checks/file.ts";
import { foreignText } from "../../text/foreign.ts";
import type { Clock } from "../../time/clock.ts";
import { failureOf } from "../connect/failure.ts";
import type { FileSight, HostPorts } from "./host.ts";
import { lookAt } from "./look_at.ts";
import { type Probe, type ProbeOutcome, probeWithoutFfi } from "./probe.ts";

/** The probe of a file check. */
export function fileProbe(config: FileCheckConfig, host: HostPorts | undefined, clock: Clock): Probe {
  if (host === undefined) return probeWithoutFfi(config);
  const headOctets = config.contains === undefined ? 0 : FILE_HEAD_OCTETS;
  return {
    async run(signal, progress) {
      progress("waiting for the file system");
      try {
        const { timeoutMs } = config;
        const sight = await lookAt(config.path, headOctets, { files: host.files, clock, timeoutMs, signal });
        return outcomeOf(config, sight);
      } catch (error) {
        return failureOf(error);
      }
    },
  };
}

function outcomeOf(
  { path, absent, contains }: FileCheckConfig,
  sight: FileSight | undefined,
): ProbeOutcome {
  if (absent) {
    return sight === undefined
      ? { kind: "pass", detail: `${path} is not there` }
      : { kind: "fail", detail: `${path} is there, and must not be` };
  }
  if (sight === undefined) return { kind: "fail", detail: `${path} does not exist` };
  if (contains === undefined) return { kind: "pass", detail: `${path} is there` };
  if (sight.type !== "regular") {
    return { kind: "fail", detail: `${path} is ${sight.type === "folder" ? "a folder" : "no regular file"}` };
  }
  const text = new TextDecoder().decode(sight.head);
  const wanted = foreignText(JSON.stringify(contains));
  if (text.includes(contains)) return { kind: "pass", detail: `${path} contains ${wanted}` };
  const where = sight.head.byteLength < FILE_HEAD_OCTETS ? "" : " in its first 64 KiB";
  const begins = text === ""
    ? "it is empty"
    : `it begins with ${foreignText(JSON.stringify(firstLine(text)), 80)}`;
  return { kind: "fail", detail: `${path} does not contain ${wanted}${where}: ${begins}` };
}

function firstLine(text: string): string {
  return text.trimStart().split("\n", 1)[0] ?? "";
}
