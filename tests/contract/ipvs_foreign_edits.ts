/**
 * What somebody else does with ipvsadm to two virtual services of the contract, field by field, and the words of the one
 * change that mends it: udp 10.99.0.1:80 is plain, 10.99.0.1:81 has everything that can be set.
 */

const PLAIN_SERVICE = ["-E", "-u", "10.99.0.1:80"] as const;
const SPECIAL_SERVICE = ["-E", "-u", "10.99.0.1:81"] as const;
const SPECIAL_FLAGS = ["-b", "mh-port"] as const;
const PERSISTENT = ["-p", "300", "-M", "255.255.255.0"] as const;
const PLAIN_SERVER = ["-e", "-u", "10.99.0.1:80", "-r", "10.0.0.1:80"] as const;
const SPECIAL_SERVER = ["-e", "-u", "10.99.0.1:81", "-r", "10.0.0.1:81", "-i"] as const;
const SPECIAL_GUE = ["--tun-type", "gue", "--tun-port", "6080"] as const;
const LIMITS = ["-w", "7", "-x", "10", "-y", "5"] as const;
const ofService = (words: string) => `repair virtual service udp 10.99.0.1:80 (${words})`;
const ofSpecial = (words: string) => `repair virtual service udp 10.99.0.1:81 (${words})`;
const ofServer = (words: string) => `set destination 10.0.0.1:80 of udp 10.99.0.1:80 (${words})`;
const ofSpecialServer = (words: string) => `set destination 10.0.0.1:81 of udp 10.99.0.1:81 (${words})`;

/** What somebody does with ipvsadm, and how that is mended. */
export const FOREIGN_EDITS: readonly (readonly [readonly string[], string])[] = [
  [[...PLAIN_SERVICE, "-s", "lc"], ofService("scheduler rr, was lc")],
  [[...PLAIN_SERVICE, "-s", "rr", "-o"], ofService("flags none, was ops")],
  [
    [...PLAIN_SERVICE, "-s", "sh", "-b", "sh-fallback"],
    ofService("scheduler rr, was sh; flags none, was sh-fallback"),
  ],
  [[...PLAIN_SERVICE, "-s", "rr", "-p", "60"], ofService("persistence off, was 60 s by /32")],
  [
    [...PLAIN_SERVICE, "-s", "rr", "-p", "60", "--pe", "sip"],
    ofService("persistence off, was 60 s by /32; persistence engine none, was sip"),
  ],
  [[...SPECIAL_SERVICE, "-s", "mh", ...PERSISTENT], ofSpecial("flags mh-port, was none")],
  [[...SPECIAL_SERVICE, "-s", "mh", ...SPECIAL_FLAGS], ofSpecial("persistence 300 s by /24, was off")],
  [
    [...SPECIAL_SERVICE, "-s", "mh", ...SPECIAL_FLAGS, "-p", "300"],
    ofSpecial("persistence 300 s by /24, was 300 s by /32"),
  ],
  [
    [...SPECIAL_SERVICE, "-s", "mh", ...SPECIAL_FLAGS, ...PERSISTENT, "--pe", "sip"],
    ofSpecial("persistence engine none, was sip"),
  ],
  [[...PLAIN_SERVER, "-m", "-w", "0"], ofServer("weight 1, was 0")],
  [[...PLAIN_SERVER, "-g"], ofServer("forwarding masq, was droute")],
  [[...PLAIN_SERVER, "-i"], ofServer("forwarding masq, was tunnel")],
  [[...PLAIN_SERVER, "-m", "-x", "1"], ofServer("upper threshold 0, was 1")],
  [
    [...PLAIN_SERVER, "-m", "-x", "9", "-y", "3"],
    ofServer("upper threshold 0, was 9; lower threshold 0, was 3"),
  ],
  [
    [...PLAIN_SERVER, "-i", ...SPECIAL_GUE, "--tun-csum"],
    ofServer(
      "forwarding masq, was tunnel; tunnel ipip, was gue; tunnel port 0, was 6080; tunnel checksum off, was on",
    ),
  ],
  [
    [...SPECIAL_SERVER, ...SPECIAL_GUE, "--tun-csum", "-w", "7"],
    ofSpecialServer("upper threshold 10, was 0; lower threshold 5, was 0"),
  ],
  [[...SPECIAL_SERVER, ...SPECIAL_GUE, ...LIMITS], ofSpecialServer("tunnel checksum on, was off")],
  [
    [...SPECIAL_SERVER, ...SPECIAL_GUE, "--tun-remcsum", ...LIMITS],
    ofSpecialServer("tunnel checksum on, was off; no remote checksum"),
  ],
  [
    [...SPECIAL_SERVER, "--tun-type", "gue", "--tun-port", "7000", "--tun-csum", ...LIMITS],
    ofSpecialServer("tunnel port 6080, was 7000"),
  ],
  [
    [...SPECIAL_SERVER, "--tun-type", "gre", "--tun-csum", ...LIMITS],
    ofSpecialServer("tunnel gue, was gre; tunnel port 6080, was 0"),
  ],
  [
    [...SPECIAL_SERVER, ...LIMITS],
    ofSpecialServer("tunnel gue, was ipip; tunnel port 6080, was 0; tunnel checksum on, was off"),
  ],
];
