/** What tcp and udp servers may say, by chance and seeded, against the plainest search for what is expected. */
import assert from "node:assert/strict";
import { concat } from "../../../src/bytes/concat.ts";
import { TCP_LIMITS, tcpProbe } from "../../../src/health/kinds/tcp.ts";
import { MAX_DATAGRAMS, udpProbe } from "../../../src/health/kinds/udp.ts";
import { latin1Text } from "../../../src/net/latin1.ts";
import type { FuzzSubject } from "../../fuzz/fuzz.ts";
import { tcpCheckConfig, udpCheckConfig } from "../../support/config.ts";
import type { Dice } from "../../support/dice.ts";
import { FuzzNetwork } from "../../support/fuzz_network.ts";

const text = (value: string) => new TextEncoder().encode(value);
/** What is expected: such as overlaps with itself, and such as is no text. */
const WANTED = ["a", "aab", "abab", "+OK", "PONG\r\n", "é", "\0\0"].map(text)
  .concat([Uint8Array.of(0xff), Uint8Array.of(0xc3, 0x28), new Uint8Array(300).fill(97)]);
const SAID = ["", "+OK POP3\r\n", "-ERR\r\n", "aaab", "ababab", "PONG\r\n", "\u001b[2J", "é\u202eé"].map(text)
  .concat([new Uint8Array(200).fill(97), Uint8Array.of(0xff, 0xc3, 0xc3, 0x28)]);

function said(dice: Dice, wanted: Uint8Array): Uint8Array {
  const parts = Array.from({ length: dice.below(4) }, () => dice.oneIn(4) ? wanted : dice.pick(SAID));
  return dice.damaged(concat(parts), [wanted, wanted.subarray(1), wanted.subarray(0, -1)]);
}

function has(octets: Uint8Array, wanted: Uint8Array): boolean {
  return latin1Text(octets).includes(latin1Text(wanted));
}

/** The first pieces, as far as a probe reads. */
function withinLimits(pieces: readonly Uint8Array[]): readonly Uint8Array[] {
  let octets = 0;
  const over = pieces.slice(0, TCP_LIMITS.pieces).findIndex((piece) =>
    (octets += piece.length) > TCP_LIMITS.octets
  );
  return pieces.slice(0, over < 0 ? TCP_LIMITS.pieces : over);
}

const TCP_FUZZ: FuzzSubject = {
  name: "tcp",
  open: () => (dice) => {
    const expect = dice.pick(WANTED);
    const shown = said(dice, expect);
    const pieces = dice.pieces(shown, dice.pick([7, 30, 500, dice.oneIn(8) ? 1 : 90]));
    const end = dice.oneIn(3) ? "reset" : "closed";
    return {
      shown,
      async judge() {
        const network = new FuzzNetwork({ stream: { pieces, end } });
        const outcome = await network.outcomeOf(
          tcpProbe(tcpCheckConfig({ send: text("x"), expect }), network),
        );
        const passes = has(concat(withinLimits(pieces)), expect);
        assert.equal(outcome.verdict, passes ? "pass" : "fail", outcome.detail);
        return { verdict: outcome.verdict, sort: sorted(outcome.sort) };
      },
    };
  },
};

const UDP_FUZZ: FuzzSubject = {
  name: "udp",
  open: () => (dice) => {
    const expect = dice.oneIn(8) ? undefined : dice.pick(WANTED);
    const count = dice.below(dice.oneIn(20) ? 2 * MAX_DATAGRAMS : 4);
    const datagrams = Array.from(
      { length: count },
      () => dice.oneIn(40) ? "refused" : said(dice, expect ?? new Uint8Array()),
    );
    return {
      shown: datagrams.map((one) => typeof one === "string" ? one : one.toHex()).join(" "),
      async judge() {
        const network = new FuzzNetwork({ datagrams });
        const { names, clock } = network;
        const probe = udpProbe(udpCheckConfig({ expect }), { names, clock, datagrams: network.datagrams });
        const outcome = await network.outcomeOf(probe);
        const heard = datagrams.slice(0, MAX_DATAGRAMS);
        const refused = heard.indexOf("refused");
        const read = (refused < 0 ? heard : heard.slice(0, refused)).filter((one) => typeof one !== "string");
        const passes = read.some((octets) => expect === undefined || has(octets, expect));
        assert.equal(outcome.verdict, passes ? "pass" : "fail", outcome.detail);
        return { verdict: outcome.verdict, sort: sorted(outcome.sort) };
      },
    };
  },
};

function sorted(sort: string): string {
  return sort.replace(/octets (?:[0-9a-f]|N)+…?/g, "octets …");
}

/** Answers to tcp and udp checks. */
export const OCTETS_FUZZ: readonly FuzzSubject[] = [TCP_FUZZ, UDP_FUZZ];
