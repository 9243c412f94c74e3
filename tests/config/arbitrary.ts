// Valid configuration files by chance: every key present or absent, values over their whole range.
import fc from "fast-check";
import { SCHEDULERS } from "../../src/config/schema/ipvs.ts";

type Shape = Readonly<Record<string, fc.Arbitrary<unknown>>>;

/** An object with any of the optional keys and all of the required ones. */
function object(required: Shape, optional: Shape = {}): fc.Arbitrary<Record<string, unknown>> {
  const all = Object.entries({ ...required, ...optional });
  return fc.record(Object.fromEntries(all), { requiredKeys: Object.keys(required), noNullPrototype: true });
}

const port = fc.integer({ min: 1, max: 65535 });
const as = fc.integer({ min: 1, max: 4294967295 }).filter((number) => number !== 23456);
const u32 = fc.nat(4294967295);
/** Addresses from ranges that never meet, so that nothing clashes by chance. */
const address4 = (net: string) => fc.tuple(fc.nat(255), fc.nat(255)).map(([a, b]) => `${net}.${a}.${b}`);
const address6 = (net: string) =>
  fc.integer({ min: 1, max: 0xffff }).map((host) => `2001:db8:${net}::${host.toString(16)}`);
const seconds = (min: number, max: number) =>
  fc.oneof(fc.integer({ min, max }), fc.integer({ min, max }).map((value) => `${value}s`));
const milliseconds = (min: number, max: number) => fc.integer({ min, max }).map((value) => `${value}ms`);

const peerOptions: Shape = {
  port,
  passive: fc.boolean(),
  holdTime: fc.oneof(fc.constant(0), seconds(40, 65535)),
  connectRetryTime: milliseconds(100, 3_600_000),
  sendHoldTime: fc.oneof(fc.constant(0), seconds(65_537, 131_070)),
  families: fc.constantFrom(["ipv4-unicast"], ["ipv6-unicast"], ["ipv6-unicast", "ipv4-unicast"]),
  nextHop: fc.oneof(address4("10.3"), address6("3")),
  nextHop6: address6("3"),
  interface: fc.constantFrom("eth0", "vrf-blue"),
  localAS: as,
  tcpMSS: fc.integer({ min: 88, max: 32767 }),
  linkLocalNextHop: fc.constantFrom("auto", "never"),
  capabilities: object({}, {
    routeRefresh: fc.boolean(),
    enhancedRouteRefresh: fc.boolean(),
    extendedMessages: fc.boolean(),
    extendedNextHop: fc.boolean(),
  }),
  localRole: fc.constantFrom("provider", "rs", "rs-client", "customer", "peer"),
  bfd: fc.oneof(
    object({}, {
      transmit: milliseconds(10, 60_000),
      receive: milliseconds(10, 60_000),
      multiplier: fc.integer({ min: 1, max: 255 }),
      passive: fc.boolean(),
      strict: fc.boolean(),
      multihop: fc.boolean(),
    }),
    fc.constantFrom<unknown>("off", false),
  ),
  gracefulRestart: fc.oneof(
    object({}, { restartTime: seconds(1, 4095) }),
    fc.constantFrom<unknown>("off", false),
  ),
};

const secret = fc.constantFrom<Shape>(
  {},
  { password: fc.string({ minLength: 1, maxLength: 20, unit: "grapheme-ascii" }) },
  { passwordFile: fc.constant("/secret") },
  {
    tcpAO: fc.constantFrom<unknown>(
      [{ sendID: 0, receiveID: 255, password: "x" }],
      [
        { sendID: 1, receiveID: 2, algorithm: "aes-128-cmac-96", passwordFile: "/secret" },
        { sendID: 2, receiveID: 1, algorithm: "hmac-sha-256-128", password: "y" },
      ],
      "off",
    ),
  },
);
const hops = fc.constantFrom<Shape>(
  {},
  { ttlSecurity: fc.integer({ min: 1, max: 254 }) },
  { multihop: fc.integer({ min: 1, max: 255 }) },
);

const peer = fc.tuple(secret, hops).chain(([secretKeys, hopKeys]) =>
  object({ address: fc.oneof(address4("10.1"), address6("1")), as }, {
    ...peerOptions,
    ...secretKeys,
    ...hopKeys,
    name: fc.stringMatching(/^[a-z][a-z0-9-]{0,20}$/),
  })
);

const timing: Shape = {
  interval: milliseconds(1000, 3_600_000),
  fastInterval: milliseconds(50, 1000),
  timeout: milliseconds(10, 600_000),
  rise: fc.integer({ min: 1, max: 1000 }),
  fall: fc.integer({ min: 1, max: 1000 }),
  invert: fc.boolean(),
  flap: fc.oneof(
    fc.constant("off"),
    object({}, {
      limit: fc.integer({ min: 1, max: 1000 }),
      window: milliseconds(1000, 86_400_000),
      hold: milliseconds(1000, 86_400_000),
    }),
  ),
};

const httpKeys: Shape = {
  ...timing,
  address: fc.constantFrom("127.0.0.1", "::1", "localhost", "a.example.org"),
  path: fc.constantFrom("/", "/healthz?full=1"),
  scheme: fc.constantFrom("http", "https"),
  source: address4("10.5"),
  tripwire: fc.boolean(),
};
const pingAddresses = fc.uniqueArray(address4("10.4"), { minLength: 1, maxLength: 3 });

const octets = fc.oneof(
  fc.string({ minLength: 1, maxLength: 20, unit: "grapheme-ascii" }),
  fc.constantFrom({ hex: "1b 00" }, { hex: "FF" }, "PING\r\n\0"),
);
const tcpKeys: Shape = {
  ...timing,
  address: httpKeys["address"] ?? port,
  source: address4("10.5"),
  tripwire: fc.boolean(),
  send: octets,
  expect: octets,
};
/** Kinds that are about this host, or run something on it: the same for a service and for destinations. */
const hostChecks = [
  object({ type: fc.constant("exec"), command: fc.constantFrom(["/bin/check"], ["/a b", "", "--c d"]) }, {
    ...timing,
    environment: fc.dictionary(fc.constantFrom("A", "_b1", "PATH"), fc.constantFrom("", "c d")),
    user: fc.constantFrom("nobody", "_a-b$"),
  }),
  object({ type: fc.constant("file"), path: fc.constantFrom("/run/a", "/a b") }, {
    ...timing,
    absent: fc.constant(false),
    contains: fc.constantFrom("x", "y z"),
  }),
  object({ type: fc.constant("file"), path: fc.constant("/run/a"), absent: fc.constant(true) }, timing),
  object({ type: fc.constant("process"), pidFile: fc.constant("/run/a.pid") }, {
    ...timing,
    tripwire: fc.boolean(),
  }),
  object({ type: fc.constant("process"), unit: fc.constantFrom("app.service", "app@1\\x2d2.socket") }, {
    ...timing,
    tripwire: fc.boolean(),
  }),
];
const pingKeys: Shape = { need: fc.constantFrom("any", "all"), source: address4("10.5") };

type Keys = Record<string, unknown>;

/** Without what excludes each other: a source is of its target's family, and what is inverted is neither watched nor weighed. */
function consistent(check: Keys): Keys {
  const { source, tripwire, weightHeader, ...rest } = check;
  const reaches = [rest["address"] ?? "", rest["addresses"] ?? ""].flat().every((each) =>
    !`${each}`.includes(":")
  );
  const watched = rest["invert"] === true ? {} : { tripwire, weightHeader };
  const all = Object.entries({ ...rest, ...watched, source: reaches ? source : undefined });
  return Object.fromEntries(all.filter(([, value]) => value !== undefined));
}

function unsourced({ source: _, ...rest }: Keys): Keys {
  return rest;
}
const dnsName = fc.constantFrom(
  "example.org",
  "Example.org.",
  ".",
  "_sip._tcp.a-b.c",
  "192.0.2.1",
  "2001:db8::1",
);
const dnsQuestions: readonly Shape[] = [
  {},
  { rcode: fc.constantFrom("NOERROR", "NXDOMAIN", "REFUSED") },
  { expect: fc.uniqueArray(address4("10.6"), { maxLength: 3 }) },
  { recordType: fc.constant("AAAA"), expect: fc.uniqueArray(address6("6"), { maxLength: 3 }) },
  { recordType: fc.constant("MX"), expect: fc.constantFrom(["10 mail.example.org."], ["0 .", "65535 A"]) },
  { recordType: fc.constant("TXT"), expect: fc.array(fc.string({ maxLength: 20 }), { maxLength: 2 }) },
  { recordType: fc.constant("CAA"), expect: fc.constantFrom(['0 issue "a b"'], ["128 iodef x"]) },
  { recordType: fc.constant("DS"), expect: fc.constant(["1 13 2 0AFF"]) },
];
const dnsKeys: Shape = {
  ...timing,
  address: httpKeys["address"] ?? port,
  source: address4("10.5"),
  protocol: fc.constantFrom("udp", "tcp"),
  recursion: fc.boolean(),
};
const bodies = fc.constantFrom<unknown>({ contains: "ok" }, { matches: "^a+$" });
const httpRequest: Shape = {
  host: fc.constantFrom("a.example.org", "a.example.org:81", "[::1]:81"),
  headers: fc.constantFrom({}, { "X-Probe": "1", "x!": "" }),
  status: fc.constantFrom<unknown>(204, "200-399", [200, "204", "300-308"]),
};
const tlsKeys: Shape = {
  serverName: fc.constantFrom("b.example.org", "10.0.0.9"),
  minDaysLeft: fc.nat(3650),
};
const keyPair = fc.constantFrom<Shape>({}, {
  certFile: fc.constant("/etc/cert.pem"),
  keyFile: fc.constant("/etc/key.pem"),
});

const check = fc.oneof(
  keyPair.chain((pair) =>
    object({ type: fc.constant("http"), port, scheme: fc.constant("https"), ...pair }, {
      ...timing,
      ...tlsKeys,
      ...httpRequest,
      caFile: fc.constantFrom("/etc/ca.pem", "/a b"),
      method: fc.constantFrom("HEAD", "OPTIONS"),
    })
  ),
  object({ type: fc.constant("http"), unixSocket: fc.constantFrom("/run/a.sock", "/a b") }, {
    ...timing,
    ...httpRequest,
    scheme: fc.constantFrom("http", "https"),
    body: bodies,
  }),
  object({ type: fc.constant("http"), port }, {
    ...httpKeys,
    method: fc.constantFrom("GET", "POST"),
    body: bodies,
  }),
  object({ type: fc.constant("tls"), port }, {
    ...timing,
    ...tlsKeys,
    address: fc.constantFrom("::1", "a.example.org"),
    insecureSkipVerify: fc.boolean(),
    tripwire: fc.boolean(),
  }),
  object({ type: fc.constant("http"), port, via: fc.constant("local") }, httpKeys),
  object({ type: fc.constant("ping"), addresses: pingAddresses }, { ...timing, ...pingKeys }),
  object({ type: fc.constant("tcp"), port }, tcpKeys),
  object({ type: fc.constant("grpc"), port }, {
    ...timing,
    source: address4("10.5"),
    tripwire: fc.boolean(),
    service: fc.constantFrom("", "shop.v1.Basket", "a b"),
    tls: fc.boolean(),
  }),
  object({ type: fc.constant("grpc"), port, tls: fc.constant(true) }, {
    caFile: fc.constant("/etc/ca.pem"),
  }),
  object({ type: fc.constant("udp"), port, send: octets }, {
    ...timing,
    source: address4("10.5"),
    expect: octets,
  }),
  fc.constantFrom(...dnsQuestions).chain((question) =>
    object({ type: fc.constant("dns"), name: dnsName, ...question }, { ...dnsKeys, port })
  ),
  ...hostChecks,
).map(consistent);

/** Checks of destinations, of which one may give the weight; a port is needed where the destination may have none. */
const destinationChecks = (needed: Shape) =>
  fc.tuple(
    object({ type: fc.constant("http"), ...needed }, {
      port,
      ...httpKeys,
      name: fc.constantFrom("alive", "a name"),
      weightHeader: fc.constantFrom("X-Weight", "x!"),
    }),
    fc.array(
      fc.oneof(
        object({ type: fc.constant("ping") }, { ...timing, ...pingKeys, addresses: pingAddresses }),
        ...hostChecks,
      ),
      { maxLength: 1 },
    ),
  ).map(([http, pings]) =>
    // Where the target is the destination's, nothing is known of its family.
    [http, ...pings].map((each) =>
      consistent("address" in each || "addresses" in each ? each : unsourced(each))
    )
  );

const community = fc.oneof(
  fc.tuple(fc.nat(65535), fc.nat(65535)).map(([high, low]) => `${high}:${low}`),
  fc.constantFrom("no-export", "blackhole", "rt:65512:1", "ro:10.0.0.1:5", "link-bandwidth:65512:125000000"),
);

const attributes: Shape = {
  med: u32,
  localPreference: u32,
  communities: fc.uniqueArray(community, { maxLength: 4, selector: (text) => text }),
  largeCommunities: fc.uniqueArray(fc.tuple(u32, u32, u32).map((parts) => parts.join(":")), { maxLength: 3 }),
  extendedCommunities: fc.constantFrom([], ["rt:4200000000:7"], ["0x030c000000000008"]),
  asPathPrepend: fc.nat(100),
};

const announce = object({}, {
  ...attributes,
  whenUnhealthy: fc.oneof(
    fc.constant("withdraw"),
    object({}, attributes).filter((worse) => Object.keys(worse).length > 0),
  ),
});

const persistence = fc.oneof(
  fc.constant("off"),
  object({}, {
    timeout: seconds(1, 2_678_400),
    netmask: fc.integer({ min: 1, max: 32 }),
    netmask6: fc.integer({ min: 1, max: 128 }),
  }),
);
const HEEDING = SCHEDULERS.filter((scheduler) => !["rr", "lc", "dh"].includes(scheduler));

/** Of a service, whose ports may have schedulers of their own: those have flags of their own, too. */
const ipvs = fc.oneof(
  object({}, { scheduler: fc.constantFrom(...SCHEDULERS), persistence }),
  fc.subarray(["sh-port", "sh-fallback"]).map((flags) => ({ scheduler: "sh", flags })),
  fc.subarray(["mh-port", "mh-fallback"]).map((flags) => ({ scheduler: "mh", flags })),
);
const portIpvs = fc.oneof(
  object({ flags: fc.constant([]) }, { scheduler: fc.constantFrom(...SCHEDULERS), persistence }),
  object({}, { persistence }),
  fc.subarray(["mh-port", "mh-fallback"]).map((flags) => ({ scheduler: "mh", flags })),
);

const tunnel = fc.oneof(
  fc.constant({ type: "ipip" }),
  object({ type: fc.constant("gre") }, { checksum: fc.boolean() }),
  object({ type: fc.constant("gue"), port }, { checksum: fc.boolean() }),
);
const thresholds = fc.constantFrom<Shape>({}, { upperThreshold: fc.integer({ min: 800, max: 4294967295 }) }, {
  upperThreshold: fc.integer({ min: 800, max: 4294967295 }),
  lowerThreshold: fc.nat(800),
});
const scheduled = fc.oneof(
  object({}, { ipvs: portIpvs }),
  object({ slowStart: milliseconds(1, 3_600_000) }, {}).chain(({ slowStart }) =>
    fc.constantFrom(...HEEDING).map((scheduler) => ({ slowStart, ipvs: { scheduler, flags: [] } }))
  ),
);

/** Keys of every port; the weights of `destinations` sum to at least 10 in each family. */
const portKeys = (needed: Shape): Shape => ({
  checks: destinationChecks(needed),
  whenFailed: fc.constantFrom("quiesce", "remove"),
  quorum: fc.nat(6),
  hysteresis: fc.nat(4),
});

/** Destinations of both families, so that any service may have them, with and without a port. */
const destinations = (portKey: Shape, needed: Shape) =>
  thresholds.chain((limits) =>
    fc.tuple(
      object({
        address: address4("10.5"),
        weight: fc.integer({ min: 10, max: 65535 }),
        ...portKey,
        ...limits,
      }),
      object({ address: address6("5"), weight: fc.integer({ min: 10, max: 65535 }), ...portKey }, {
        forwarding: fc.constant("masq"),
        checks: destinationChecks(needed),
      }),
    )
  );
/** IPv6 packets go through IPv4 tunnels, to the port that they have. */
const tunnels = (number: unknown) =>
  object({ address: address4("10.5"), forwarding: fc.constant("tunnel"), weight: fc.constant(10) }, {
    tunnel,
  })
    .map((one) => [number === undefined ? one : { ...one, port: number }]);
const sorry = fc.oneof(
  object({ address: address4("10.6"), forwarding: fc.constant("tunnel") }, { tunnel }),
  fc.tuple(object({ address: address4("10.6") }, { port }), object({ address: address6("6") }, { port })),
);

const anyPort = fc.oneof(
  object({ port, targetPort: port }, {
    protocol: fc.constantFrom("tcp", "udp", "sctp"),
    checks: destinationChecks({}),
  }),
  object({ port, destinations: destinations({ port }, {}) }, {
    protocol: fc.constantFrom("tcp", "udp", "sctp"),
    ...portKeys({}),
    sorry,
  }),
  port.chain((number) =>
    object({ port: fc.constant(number), destinations: tunnels(number) }, { ...portKeys({}), sorry })
  ),
  object({ fwmark: fc.integer({ min: 1, max: 4294967295 }), destinations: destinations({}, { port }) }, {
    ...portKeys({ port }),
    sorry,
  }),
  object({ fwmark: fc.integer({ min: 1, max: 4294967295 }), destinations: tunnels(undefined) }, {
    ...portKeys({ port }),
    family: fc.constantFrom(4, 6),
  }),
);
const servicePort = fc.tuple(anyPort, scheduled).map((
  [one, rest],
): Record<string, unknown> => ({ ...one, ...rest }));

const lengthened = (address: fc.Arbitrary<string>, bits: number) =>
  fc.tuple(address, fc.option(fc.integer({ min: bits - 2, max: bits }))).map(([text, length]) =>
    length === null ? text : `${text}/${length}`
  );

const service = fc.tuple(lengthened(address4("10.2"), 32), lengthened(address6("2"), 128)).chain((
  addresses,
) =>
  object({ name: fc.stringMatching(/^[a-z][a-z0-9.-]{0,14}$/).filter((name) => !RESERVED.includes(name)) }, {
    enabled: fc.boolean(),
    announce,
    ports: fc.uniqueArray(servicePort, { maxLength: 3, selector: (item) => item["port"] ?? item["fwmark"] }),
    ipvs,
    checks: fc.array(check, { maxLength: 3 }),
    stop: object({}, {
      shift: milliseconds(0, 3_600_000),
      converge: milliseconds(0, 3_600_000),
      quiesce: milliseconds(0, 86_400_000),
    }),
    onChange: fc.array(fc.constantFrom("", "--now", "a b"), { maxLength: 2 }).map((
      rest,
    ) => ["/bin/tell", ...rest]),
  }).map((rest): Record<string, unknown> => ({ ...rest, addresses }))
);
const RESERVED = ["lo", "all", "default"];

/** What tells two prefixes of `lengthened` apart: all but the last two bits. */
function prefixKey(text: string): string {
  return text.replace(
    /[0-9a-f]+(\/\d+)?$/,
    (last) => String(Number.parseInt(last, text.includes(":") ? 16 : 10) >> 2),
  );
}

/** A valid file as plain values. */
const validFile: fc.Arbitrary<Record<string, unknown>> = object({
  bgp: object({
    local: object({ routerID: address4("10.0"), as, address6: address6("0") }, {
      listenPort: port,
      listenAddresses: fc.constantFrom(["0.0.0.0"], ["::"], ["0.0.0.0", "::"], ["127.0.0.1"]),
      address: address4("10.0"),
    }),
    peers: fc.uniqueArray(peer, { minLength: 1, maxLength: 4, selector: (item) => item["address"] })
      .map((peers) =>
        peers.map((item, at) => "name" in item ? { ...item, name: `${item["name"]}-${at}` } : item)
      ),
  }, { defaults: object({}, peerOptions) }),
  services: fc.array(service, { minLength: 1, maxLength: 4 }).map((services) => {
    const seen = new Set<unknown>();
    return services.filter(({ name, addresses }) => {
      const keys = [
        name,
        ...(Array.isArray(addresses) ? addresses.map((text: string) => prefixKey(text)) : []),
      ];
      return keys.every((key) => !seen.has(key) && seen.add(key));
    });
  }),
}, {
  log: object({}, {
    level: fc.constantFrom("debug", "info", "warning", "error"),
    format: fc.constantFrom("auto", "text", "json"),
  }),
  http: object({}, {
    allowedHosts: fc.constantFrom([], ["a.example"]),
    listen: fc.constantFrom("", ":8081", "127.0.0.1:9100", "[::1]:80"),
  }),
  control: object({}, {
    socket: fc.constantFrom("", "/run/bgp-lb/control.sock", "/tmp/s"),
    group: fc.constantFrom("adm", "0", "Domain_Users.x"),
  }),
  limits: object({}, { httpConnections: port }),
  state: object({}, { directory: fc.constantFrom("", "/", "/var/lib/bgp-lb", "/srv/a b") }),
  hooks: object({}, { timeout: milliseconds(1, 3_600_000) }),
  network: fc.tuple(
    fc.constantFrom({}, { setup: false }, { setup: true, ipvs: false }, { ipvs: true }),
    object({}, {
      contention: object({}, {
        limit: fc.integer({ min: 1, max: 1000 }),
        window: milliseconds(1000, 3_600_000),
        hold: milliseconds(1000, 86_400_000),
      }),
    }),
  ).map(([what, contention]) => ({ ...what, ...contention })),
});

/** Some of them, made once, as that takes longer than to read them; every key stands in one. */
export const VALID_FILES: readonly unknown[] = fc.sample(validFile, { seed: 2, numRuns: 40 });
