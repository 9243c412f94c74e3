/** The errors of ICMP and ICMPv6 in words (RFC 792, RFC 4443). */

/** What the error messages say; the type, then the code. An unknown code is `fallback`. */
const ERRORS: Readonly<
  Record<4 | 6, ReadonlyMap<number, { fallback: string; codes: Record<number, string> }>>
> = {
  4: new Map([
    [3, {
      fallback: "destination unreachable",
      codes: {
        0: "network unreachable",
        1: "host unreachable",
        2: "protocol unreachable",
        3: "port unreachable",
        4: "fragmentation needed",
        5: "source route failed",
        9: "network administratively prohibited",
        10: "host administratively prohibited",
        13: "communication administratively prohibited",
      },
    }],
    [11, { fallback: "time exceeded", codes: { 0: "TTL exceeded in transit" } }],
    [12, { fallback: "parameter problem", codes: {} }],
  ]),
  6: new Map([
    [1, {
      fallback: "destination unreachable",
      codes: {
        0: "no route to destination",
        1: "communication administratively prohibited",
        2: "beyond scope of source address",
        3: "address unreachable",
        4: "port unreachable",
        5: "source address failed policy",
        6: "route to destination rejected",
      },
    }],
    [2, { fallback: "packet too big", codes: {} }],
    [3, { fallback: "time exceeded", codes: { 0: "hop limit exceeded in transit" } }],
    [4, { fallback: "parameter problem", codes: {} }],
  ]),
};

/** The types that are errors. */
export function icmpErrorTypes(family: 4 | 6): readonly number[] {
  return [...ERRORS[family].keys()];
}

/** The words for an ICMP error, or undefined where the type is none. */
export function icmpErrorReason(family: 4 | 6, type: number, code: number): string | undefined {
  const error = ERRORS[family].get(type);
  return error === undefined ? undefined : error.codes[code] ?? error.fallback;
}
