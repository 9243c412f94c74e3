/** The checkers of keepalived's real servers as checks of our destinations. */
import { formatDuration } from "../time/duration.ts";
import { Block, type Directive, SourceProblem } from "./directive.ts";
import { described, Section, type Value } from "./section.ts";
import { duration, milliseconds, number, pathCommand, shellWords, truth } from "./values.ts";

/** What stands around a checker: blocks whose settings hold for it, the innermost first, and the certificate of SSL. */
export interface CheckerContext {
  readonly around: readonly Block[];
  readonly ssl: { readonly certFile: string | undefined; readonly keyFile: string | undefined };
  /** Where checkers connect to, where that is not the destination's own port. */
  readonly port: string | undefined;
}

interface Defaults {
  readonly retry: number;
  /** Between retries, in seconds; undefined: the usual interval. */
  readonly delay: string | undefined;
}

const DEFAULT_DELAY_LOOP = "60";
const MAX_INTERVAL_MS = 3_600_000;
const MAX_TIMEOUT_MS = 600_000;
/** What holds for every checker; told at each that has it. */
const REASONS: Readonly<Record<string, string>> = {
  bind_if: "has no equivalent",
  bind_port: "has no equivalent: the kernel chooses the port",
  fwmark: "has no equivalent: probes have no mark",
  warmup: "has no equivalent: first probes are spread over the interval in any case",
  alpha: "is always so here: a destination gets connections after its first passing checks",
  log_all_failures: "has no equivalent: the last results are shown by `bgp-lb services`",
  http_protocol: "has no equivalent: HTTP/1.1, and HTTP/2 where the server wants it",
  fast_recovery: "is always so here: each url is a check of its own",
  enable_sni: "is always so here: the name is that of host, or serverName",
  helo_name: "has no equivalent: only the greeting is read",
  misc_dynamic: "has no equivalent for programs: an http check has weightHeader",
  min_reply_length: "has no equivalent",
  max_reply_length: "has no equivalent",
};

/** Checkers, with what they retry where nothing is said. */
const CHECKERS: Readonly<Record<string, Defaults>> = {
  HTTP_GET: { retry: 1, delay: "3" },
  SSL_GET: { retry: 1, delay: "3" },
  TCP_CHECK: { retry: 1, delay: "1" },
  SMTP_CHECK: { retry: 1, delay: "1" },
  DNS_CHECK: { retry: 3, delay: undefined },
  UDP_CHECK: { retry: 1, delay: "1" },
  PING_CHECK: { retry: 1, delay: "1" },
  MISC_CHECK: { retry: 0, delay: "1" },
};

/** Names of checkers that become checks. */
export const CHECKER_NAMES: readonly string[] = Object.keys(CHECKERS);

/** The checks that a checker is; what it lacks is remarked in the first. */
export function checksOf(checker: Directive, context: CheckerContext): readonly Section[] {
  const block = new Block(checker.block ?? []);
  const blocks = [block, ...context.around];
  const made = ofType(checker, block, { ...context, around: blocks });
  const [first] = made;
  const defaults = CHECKERS[checker.name];
  if (defaults !== undefined) { for (const check of made) setTiming(check, checker.name, blocks, defaults); }
  first?.remarkRest(block, REASONS);
  return made;
}

function ofType({ name, place }: Directive, block: Block, context: CheckerContext): readonly Section[] {
  const check = new Section();
  switch (name) {
    case "HTTP_GET":
    case "SSL_GET":
      return httpChecks(block, name === "SSL_GET", context);
    case "TCP_CHECK":
      return [setPlace(check.set("type", "tcp"), block, context)];
    case "SMTP_CHECK":
      check.remark(place, "SMTP_CHECK: only the greeting is read here, HELO is not said");
      return [setPlace(check.set("type", "tcp"), block, context).set("expect", "220")];
    case "DNS_CHECK":
      return [dnsCheck(check, block, context)];
    case "UDP_CHECK":
      return [udpCheck(check, block, context, place)];
    case "PING_CHECK":
      return [pingCheck(check, block)];
    default:
      return [miscCheck(check, block, place)];
  }
}

/** The innermost setting of that name. */
function lookUp(blocks: readonly Block[], name: string): Directive | undefined {
  const block = blocks.find((one) => one.has(name));
  return block?.last(name);
}

function setTiming(check: Section, checker: string, blocks: readonly Block[], defaults: Defaults): void {
  const found = (name: string) => lookUp(blocks, name);
  const loop = found("delay_loop");
  const loopText = loop?.values[0]?.text ?? DEFAULT_DELAY_LOOP;
  const loopMs = milliseconds(loopText);
  if (loop !== undefined && loopMs !== undefined && loopMs > MAX_INTERVAL_MS) {
    check.remark(loop.place, "delay_loop: an hour is the longest here");
  }
  check.set("interval", loopMs === undefined ? loopText : formatDuration(Math.min(loopMs, MAX_INTERVAL_MS)));
  const retry = found("retry");
  const retries = number(retry?.values[0]?.text ?? String(defaults.retry));
  const delay = found("delay_before_retry");
  const delayText = delay?.values[0]?.text ?? defaults.delay ?? loopText;
  const delayMs = milliseconds(delayText);
  if (retries === 0) {
    if (delay !== undefined) check.remark(delay.place, "delay_before_retry: there is no retry");
  } else if (delayMs === undefined || loopMs === undefined) check.set("fastInterval", delayText);
  else if (delayMs < loopMs) check.set("fastInterval", formatDuration(delayMs));
  else if (delay !== undefined) {
    check.remark(delay.place, "delay_before_retry: cannot be longer than the interval, so it is that");
  }
  if (checker === "MISC_CHECK") setProgramTimeout(check, found("misc_timeout"), loopText);
  else check.set("timeout", duration(found("connect_timeout")?.values[0]?.text ?? "5"));
  check.set("rise", 1).set("fall", typeof retries === "number" ? retries + 1 : retries);
}

function setProgramTimeout(check: Section, timeout: Directive | undefined, loopText: string): void {
  const text = timeout?.values[0]?.text ?? loopText;
  const ms = milliseconds(text);
  if (timeout !== undefined && ms !== undefined && ms > MAX_TIMEOUT_MS) {
    check.remark(timeout.place, "misc_timeout: ten minutes are the longest here");
  }
  check.set("timeout", ms === undefined ? text : formatDuration(Math.min(ms, MAX_TIMEOUT_MS)));
}

/** Where it connects to and from, where that is not the destination's own. */
function setPlace(check: Section, block: Block, context: CheckerContext): Section {
  check.set("address", block.last("connect_ip")?.values[0]?.text);
  const port = block.last("connect_port")?.values[0]?.text ?? context.port;
  check.set("port", port === undefined ? undefined : number(port));
  return check.set("source", block.last("bindto")?.values[0]?.text);
}

function httpChecks(block: Block, tls: boolean, context: CheckerContext): readonly Section[] {
  const { around, ssl } = context;
  const urls = block.every("url");
  return (urls.length === 0 ? [undefined] : urls).map((url) => {
    const inner = new Block(url?.block ?? []);
    const check = new Section().set("type", "http");
    setPlace(check, block, context);
    if (tls) {
      check.set("scheme", "https");
      check.say("keepalived looks at no certificate: better give caFile, or leave this out.");
      check.set("insecureSkipVerify", true).set("certFile", ssl.certFile).set("keyFile", ssl.keyFile);
    }
    check.set("path", inner.last("path")?.values[0]?.text);
    check.set("host", lookUp([inner, ...around], "virtualhost")?.values[0]?.text);
    const statuses = inner.last("status_code")?.values.map(({ text }) => number(text));
    check.set("status", statuses);
    const regex = regexOf(inner, check);
    check.set("body", regex === undefined ? undefined : new Section().set("matches", regex));
    return check.remarkRest(inner, {
      digest: "has no equivalent: body has contains and matches",
      regex_stack: "means nothing here: RE2 takes linear time",
      regex_min_offset: "has no equivalent: the first 64 KiB are looked through",
      regex_max_offset: "has no equivalent: the first 64 KiB are looked through",
      regex: "is left out with regex_no_match",
      regex_options: "is left out with its regex",
    });
  });
}

/** Options of PCRE that RE2 has, too. */
const REGEX_FLAGS: Readonly<Record<string, string>> = {
  caseless: "i",
  dotall: "s",
  multiline: "m",
  ungreedy: "U",
};

function regexOf(url: Block, check: Section): string | undefined {
  const inverted = url.last("regex_no_match");
  if (inverted !== undefined) {
    check.remark(
      inverted.place,
      "regex_no_match: has no equivalent: `invert` would turn the whole check round",
    );
    return undefined;
  }
  const regex = url.last("regex");
  if (regex === undefined) return undefined;
  let flags = "";
  for (const { text, place } of url.last("regex_options")?.values ?? []) {
    if (Object.hasOwn(REGEX_FLAGS, text)) flags += REGEX_FLAGS[text];
    else check.remark(place, `regex_options ${text}: has no equivalent`);
  }
  const source = regex.values.map(({ text }) => text).join(" ");
  return flags === "" ? source : `(?${flags})${source}`;
}

function dnsCheck(check: Section, block: Block, context: CheckerContext): Section {
  check.set("type", "dns");
  setPlace(check, block, context);
  check.set("name", block.last("name")?.values[0]?.text ?? ".");
  check.set("recordType", block.last("type")?.values[0]?.text.toUpperCase() ?? "SOA");
  return check.say("keepalived needs no record in the answer.").set("expect", []);
}

function udpCheck(
  check: Section,
  block: Block,
  context: CheckerContext,
  place: Directive["place"],
): Section {
  check.set("type", "udp");
  setPlace(check, block, context);
  const payload = block.last("payload");
  if (payload === undefined) {
    check.remark(place, "UDP_CHECK: without payload it sent random octets, here one that is 0");
  }
  check.set("send", payload === undefined ? hex("00") : hex(pairs(payload)));
  const reply = block.last("require_reply");
  if (reply === undefined) return check;
  const expected = pairs(reply);
  const known = /^(?:[0-9a-f]{2})*/i.exec(expected)?.[0] ?? "";
  if (known.length < expected.length) {
    check.remark(
      reply.place,
      "require_reply: has no equivalent from the first X on: only what is before it must come",
    );
  }
  if (known !== "") return check.set("expect", hex(known));
  check.remark(
    reply.place,
    "require_reply: has no equivalent for any reply: say what must be in it (expect); now silence passes",
  );
  return check;
}

function hex(digits: string): Section {
  return new Section().set("hex", digits);
}

/** Digits as keepalived pairs them: in each word from its beginning, a single one at its end is an octet. */
function pairs({ values }: Directive): string {
  return values.flatMap(({ text }) => text.replace(/^0x/i, "").match(/..?/g) ?? []).map((pair) =>
    pair.padStart(2, "0")
  )
    .join("").toLowerCase();
}

function pingCheck(check: Section, block: Block): Section {
  check.set("type", "ping");
  const address = block.last("connect_ip")?.values[0]?.text;
  check.set("addresses", address === undefined ? undefined : [address]);
  const port = block.last("connect_port");
  if (port !== undefined) check.remark(port.place, "connect_port: means nothing to a ping");
  return check.set("source", block.last("bindto")?.values[0]?.text);
}

function miscCheck(check: Section, block: Block, place: Directive["place"]): Section {
  check.set("type", "exec");
  const program = block.last("misc_path");
  const [line] = program?.values ?? [];
  if (line === undefined) throw new SourceProblem(place, "MISC_CHECK: has no misc_path");
  const words = shellWords(line);
  if (words === undefined) throw new SourceProblem(line.place, "misc_path: a quote is not closed");
  const argv = [...words, ...program?.values.slice(1) ?? []].map(({ text }) => text);
  if (argv[0]?.startsWith("/") !== true) {
    check.remark(
      line.place,
      "misc_path: names a program without its path: env looks for it in the agent's PATH",
    );
  }
  check.set("command", pathCommand(argv));
  const user = block.last("user");
  const [name, group] = user?.values ?? [];
  if (group !== undefined) {
    check.remark(group.place, `user: the group ${group.text} has no equivalent, it has those of the user`);
  }
  check.set("user", name?.text);
  return check;
}

/** Checkers that become none, and why. */
export const CHECKER_REASONS: Readonly<Record<string, string>> = {
  BFD_CHECK:
    "has no equivalent: BFD is of routers here (bfd of a peer); look at the real server by a check of its own",
  FILE_CHECK: "has no equivalent: a file check looks whether a file is there or has a text, not for a number",
};

/** Tells of a checker that becomes none. */
export function remarkChecker(section: Section, checker: Directive): void {
  section.remark(checker.place, `${described(checker)}: ${CHECKER_REASONS[checker.name] ?? ""}`);
}

/** A value that may be given alone, for true. */
export function flagOf(directive: Directive | undefined): boolean | undefined {
  return directive === undefined ? undefined : truth(directive.values[0]?.text);
}

/** A number, where it is given. */
export function numberOf(directive: Directive | undefined): Value | undefined {
  const text = directive?.values[0]?.text;
  return text === undefined ? undefined : number(text);
}
