/**
 * The dns check: one question to a name server, over udp or tcp, and what is wanted among its answers. A truncated answer
 * over udp is asked for again over tcp, within the same timeout. Without EDNS, as every server understands that.
 */
import type { DnsCheckConfig } from "../../config/checks/dns.ts";
import type { Address } from "../../net/address.ts";
import type { Datagrams } from "../../net/sockets.ts";
import { messageOf } from "../../text/error_message.ts";
import { foreignText } from "../../text/foreign.ts";
import { untilAborted } from "../../time/abort.ts";
import type { Random } from "../../time/clock.ts";
import type { DialPorts } from "../connect/dial.ts";
import { askByDatagram, askByStream, type InquiryPorts } from "../connect/dns_exchange.ts";
import type { DnsAnswer, DnsCodec } from "../connect/dns_message.ts";
import { answeredBy, eachAddress } from "../connect/each_address.ts";
import { failureOf, OwnShortage, ProbeFailure } from "../connect/failure.ts";
import { type Probe, probeWithoutFfi, type Progress } from "./probe.ts";

/** What dns probes need of the outside. */
export interface DnsPorts extends DialPorts {
  /** Undefined: this process may not use FFI, and dns checks over udp say so. */
  readonly datagrams: Datagrams | undefined;
  /** Loaded with the first question. @throws {Error} it cannot be */
  dnsCodec(): Promise<DnsCodec>;
  /** Nobody must be able to foretell it. */
  readonly random: Random;
}

/** What each rcode says, in words. */
const RCODE_WORDS: Readonly<Record<string, string>> = {
  FORMERR: "the server does not understand the question",
  SERVFAIL: "the server cannot find out",
  NXDOMAIN: "there is no such name",
  NOTIMP: "the server does not take such questions",
  REFUSED: "the server refuses to answer",
};
/** Of many values so many are shown. */
const SHOWN = 3;

/** The probe of a dns check. */
export function dnsProbe(config: DnsCheckConfig, ports: DnsPorts): Probe {
  if (config.protocol === "udp" && ports.datagrams === undefined) return probeWithoutFfi(config);
  return {
    async run(signal, progress) {
      try {
        const codec = await loaded(ports, signal);
        const attempt = {
          run: (address: Address, signal: AbortSignal, progress: Progress) =>
            ask(address, config, { ...ports, codec }, signal, progress),
        };
        const { value, address } = await eachAddress(
          config.address,
          attempt,
          ports,
          signal,
          progress,
          config,
        );
        return { kind: "pass", detail: `${value}${answeredBy(config.address, address)}` };
      } catch (error) {
        return failureOf(error);
      }
    },
  };
}

async function loaded(ports: DnsPorts, signal: AbortSignal): Promise<DnsCodec> {
  try {
    return await untilAborted(ports.dnsCodec(), signal);
  } catch (error) {
    throw new OwnShortage(`the codec of DNS messages cannot be loaded: ${messageOf(error)}`);
  }
}

/** What the server at `address` says, where that is a pass. @throws {Error} where it is not */
async function ask(
  address: Address,
  config: DnsCheckConfig,
  ports: InquiryPorts & { readonly datagrams: Datagrams | undefined },
  signal: AbortSignal,
  progress: Progress,
): Promise<string> {
  const { port, source, protocol } = config;
  const inquiry = { address, port, source, question: config };
  const { datagrams } = ports;
  if (protocol === "tcp" || datagrams === undefined) {
    return judged(await askByStream(inquiry, ports, signal, progress), config);
  }
  const answer = await askByDatagram(inquiry, { ...ports, datagrams }, signal, progress);
  if (!answer.isTruncated) return judged(answer, config);
  const again = "truncated over udp, again over tcp";
  try {
    const tell = (step: string) => progress(`${step}, ${again}`);
    return `${judged(await askByStream(inquiry, ports, signal, tell), config)}, ${again}`;
  } catch (error) {
    const { kind, detail } = failureOf(error);
    const words = `${again}: ${detail}`;
    throw kind === "unknown" ? new OwnShortage(words) : new ProbeFailure(words);
  }
}

/** What passes, in words. @throws {ProbeFailure} what was expected, and what was seen */
function judged({ rcode, isTruncated, values, records }: DnsAnswer, config: DnsCheckConfig): string {
  const { domain, recordType, expect } = config;
  if (rcode !== config.rcode) {
    const meaning = RCODE_WORDS[rcode];
    const seen = meaning === undefined ? rcode : `${rcode}, ${meaning}`;
    throw new ProbeFailure(`${seen}; expected ${config.rcode}`);
  }
  if (isTruncated) throw new ProbeFailure("the answer is truncated even over tcp");
  if (rcode !== "NOERROR") return rcode;
  if (values.length === 0 && expect === undefined) {
    const others = records === 0
      ? "no record"
      : records === 1
      ? "1 record, none"
      : `${records} records, none`;
    throw new ProbeFailure(`${others} of type ${recordType} for ${domain} in the answer`);
  }
  const missing = (expect ?? []).filter((value) => !values.includes(value));
  if (missing.length > 0) {
    const seen = values.length === 0 ? `no record of type ${recordType}` : listed(values);
    throw new ProbeFailure(`expected ${listed(missing)}, and the answer has ${seen}`);
  }
  return values.length === 0 ? rcode : `${rcode}: ${listed(values)}`;
}

function listed(values: readonly string[]): string {
  const shown = values.slice(0, SHOWN).map((value) => foreignText(value, 80)).join(", ");
  return values.length > SHOWN ? `${shown} and ${values.length - SHOWN} more` : shown;
}
