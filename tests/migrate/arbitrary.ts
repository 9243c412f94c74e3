// Files of other programs by chance, with everything in them that has an equivalent: each is to become a valid file.
import fc from "fast-check";

/** Lines, each there or not. */
function lines(...all: readonly fc.Arbitrary<string>[]): fc.Arbitrary<string> {
  const maybe = all.map((line) => fc.option(line, { nil: "", freq: 2 }));
  return fc.tuple(...maybe).map((some) => some.filter((line) => line !== "").join("\n"));
}

const count = (from: number, to: number) => fc.integer({ min: from, max: to });
const setting = (name: string, value: fc.Arbitrary<unknown>, end = "") =>
  value.map((text) => `${name} ${text}${end}`);
const host = (net: string) => count(1, 250).map((last) => `${net}.${last}`);
const word = fc.stringMatching(/^[a-z][a-z0-9.]{0,20}$/);
const command = fc.constantFrom(
  "true",
  "curl -sf http://127.0.0.1/",
  "a 'b c' | grep -q \"x y\"",
  "[ -e /run/x ] && \\\n".trim(),
);

const option = (name: string, value: fc.Arbitrary<unknown>) => value.map((text) => `${name} = ${text}`);

/** A file of options for `exabgp healthcheck --config`. */
export const OPTION_FILE: fc.Arbitrary<string> = lines(
  option("name", word),
  option("interval", count(20, 3600)),
  option("fast-interval", fc.constantFrom("0.5", "1", "20")),
  option("timeout", count(0, 600)),
  option("rise", count(1, 1000)),
  option("fall", count(1, 1000)),
  option("disable", fc.constant("/run/off")),
  option("command", command),
  option("ip", host("198.51.100")),
  option("increase", count(0, 5)),
  option("start-ip", count(0, 5)),
  option("local-preference", count(-1, 500)),
  option("up-metric", count(0, 99)),
  option("down-metric", count(101, 5000)),
  option("community", fc.constantFrom("64512:1", "64512:1 no-export")),
  option("disabled-community", fc.constant("64512:2")),
  option("extended-community", fc.constantFrom("target:1:2", "0x0002fde800000001")),
  option("large-community", fc.constantFrom("1:2:3", "1:2:3 4:5:6")),
  option("as-path", fc.constantFrom("64512", "64512 64512", "65001")),
  option("neighbor", fc.constantFrom("192.0.2.1", "192.0.2.2")),
  option("next-hop", fc.constant("192.0.2.10")),
  option("execute", command),
  option("down-execute", command),
  option("user", fc.constant("nobody")),
  fc.constantFrom("withdraw-on-down", "no-ip-setup", "debug", "no-ack"),
).map((text) => `${text}\nip = 2001:db8:100::1\n`);

/** A file of anycast-healthchecker with services of their own addresses. */
export const ANYCAST_FILE: fc.Arbitrary<string> = fc.uniqueArray(count(1, 250), {
  minLength: 1,
  maxLength: 4,
}).chain(
  (hosts) =>
    fc.tuple(...hosts.map((last) =>
      fc.tuple(
        word,
        lines(
          option("check_cmd", fc.constantFrom("/bin/true", "curl -sf 'http://a b/'", '/bin/sh -c "a | b"')),
          option("check_interval", count(1, 3600)),
          option("check_timeout", count(1, 600)),
          option("check_rise", count(1, 1000)),
          option("check_fail", count(1, 1000)),
          option("check_disabled", fc.boolean()),
          option("on_disabled", fc.constantFrom("withdraw", "advertise")),
          option("ip_check_disabled", fc.boolean()),
        ),
      ).map(([name, text]) => `[${name}${last}]\nip_prefix = 198.51.100.${last}/32\n${text}\n`)
    )).map((sections) => `[DEFAULT]\ninterface = lo\n${sections.join("\n")}`),
);

const timing = lines(
  setting("delay_loop", count(1, 3600)),
  setting("retry", count(0, 20)),
  setting("delay_before_retry", fc.constantFrom("0.5", "1", "30")),
  setting("connect_timeout", fc.constantFrom("0.5", "3", "10")),
  setting("warmup", count(0, 9)),
);

const url = lines(
  setting("path", fc.constantFrom("/", "/a?b=c")),
  setting("status_code", fc.constantFrom("200", "200-299 301")),
  setting("virtualhost", fc.constant("www.example.org")),
  setting("regex", fc.constantFrom('"^ok$"', '"a|b"')),
  setting("regex_options", fc.constantFrom("caseless", "dotall multiline")),
).map((text) => `url {\n${text}\n}`);

const checker = fc.oneof(
  fc.tuple(
    fc.constantFrom("HTTP_GET", "SSL_GET"),
    fc.uniqueArray(url, { maxLength: 2 }).map((all) => all.join("\n")),
  ),
  fc.tuple(fc.constantFrom("TCP_CHECK", "SMTP_CHECK", "PING_CHECK"), fc.constant("")),
  fc.tuple(
    fc.constant("DNS_CHECK"),
    lines(
      setting("name", fc.constantFrom(".", "example.org")),
      setting("type", fc.constantFrom("A", "SOA", "txt")),
    ),
  ),
  fc.tuple(
    fc.constant("UDP_CHECK"),
    lines(
      setting("payload", fc.constantFrom("0a", "1 2ff")),
      setting("require_reply", fc.constantFrom("aa", "ax", "")),
    ),
  ),
  fc.tuple(
    fc.constant("MISC_CHECK"),
    lines(setting("misc_timeout", count(1, 900)), setting("user", fc.constant("nobody")))
      .map((text) => `misc_path "/usr/lib/check a 'b c'"\n${text}`),
  ),
).chain(([name, text]) => timing.map((more) => `${name} {\n${more}\n${text}\n}`));

const realServer = (last: number) =>
  fc.tuple(
    lines(
      setting("weight", count(1, 100)),
      fc.constant("inhibit_on_failure"),
      fc.tuple(count(100, 200), count(1, 99)).map(([upper, lower]) =>
        `uthreshold ${upper}\nlthreshold ${lower}`
      ),
      setting("notify_up", fc.constant('"/usr/bin/notify up"')),
    ),
    fc.option(checker, { nil: "" }),
  ).map(([text, check]) => `real_server 192.0.2.${last} 8080 {\n${text}\n${check}\n}`);

const virtualServer = (last: number) =>
  fc.tuple(
    timing,
    lines(
      setting("lb_algo", fc.constantFrom("rr", "wrr", "sh", "mh", "twos").filter((name) => name !== "twos")),
      setting("lb_kind", fc.constantFrom("NAT", "DR", "TUN", "TUN type gue port 6080 csum")),
      fc.constantFrom("flag-1", "sh-port", "mh-fallback", "ops"),
      setting("persistence_timeout", count(1, 1000)),
      setting("persistence_granularity", fc.constantFrom("255.255.255.0", "255.255.255.255")),
      setting("protocol", fc.constantFrom("TCP", "UDP", "SCTP")),
      setting("quorum", fc.constant(1)),
      setting("quorum_up", fc.constant("/usr/bin/up")),
      fc.constant("sorry_server 192.0.2.254 80"),
    ),
    fc.uniqueArray(count(20, 29), { minLength: 1, maxLength: 3 }).chain((hosts) =>
      fc.tuple(...hosts.map(realServer))
    ),
    fc.constantFrom(80, 443),
  ).map(([beat, text, reals, port]) =>
    `virtual_server 198.51.100.${last} ${port} {\n${beat}\n${text}\n${reals.join("\n")}\n}\n`
  );

/** A keepalived.conf with virtual servers of their own addresses. */
export const KEEPALIVED_FILE: fc.Arbitrary<string> = fc.uniqueArray(count(1, 250), {
  minLength: 1,
  maxLength: 3,
})
  .chain((hosts) => fc.tuple(...hosts.map(virtualServer))).map((servers) => servers.join("\n"));
