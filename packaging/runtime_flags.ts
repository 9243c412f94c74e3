/**
 * How the runtime is told to run the agent, written once: the task `agent`, the executable, the service and the installed
 * command differ in where they may read, write and load libraries, and in nothing else. deno.json and the unit repeat it,
 * because tools read them; tests compare.
 */

/** Where a process may read, write and load libraries; undefined is everywhere. */
export interface Reach {
  readonly read: readonly string[] | undefined;
  readonly write: readonly string[] | undefined;
  readonly ffi: readonly string[] | undefined;
}

/** V8's: a small young generation and two compilers are enough, and keep memory small. */
export const V8_FLAGS = "--v8-flags=--max-semi-space-size=1,--no-maglev";

/**
 * V8's code cache is a file without a checksum: one damaged page in it would kill every start from then on. What the
 * runtime keeps besides was seen to survive damage.
 */
const NO_CODE_CACHE = "--no-code-cache";

/**
 * The runtime's own warnings go to standard error without a word of ours around them, and a resolver that answers
 * nonsense has it write one for each packet.
 */
const QUIET = "--quiet";

/** A bundle needs nothing from anywhere: no configuration found by chance in a folder above, no lock, no registry. */
const BUNDLE_ALONE = ["--no-config", "--no-lock", "--no-remote", "--no-npm"];

/**
 * `deno bundle` with these makes the bundle. For a browser, so that libraries come without node: modules: a bundle imports
 * those of all its parts before its first line, which is half of what a start costs.
 */
export const BUNDLING = ["bundle", "--quiet", "--minify", "--platform=browser"] as const;

/**
 * Variables that the runtime itself follows, whatever --ignore-env says: they open its debugger, change its engine, its
 * trust or its output, or end it at its start. The service and the installed command take them out.
 */
export const RUNTIME_VARIABLES = [
  "NODE_OPTIONS",
  "NODE_EXTRA_CA_CERTS",
  "NODE_CHANNEL_FD",
  "DENO_V8_FLAGS",
  "DENO_CERT",
  "DENO_TLS_CA_STORE",
  "DENO_NO_PACKAGE_JSON",
  "DENO_PERMISSION_BROKER_PATH",
  "DENO_AUDIT_PERMISSIONS",
  "DENO_COVERAGE_DIR",
  "DENO_LOG",
  "OTEL_DENO",
] as const;

/** Variables that the agent reads, of its service manager; the last two, of the terminal, are for those who ask it. */
const VARIABLES = ["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "JOURNAL_STREAM", "NO_COLOR", "TERM"];

/** Where the shared libraries libc, libnl and libnl-genl can be: belongs to root on every distribution. */
const LIBRARIES: Reach["ffi"] = [
  "/usr/lib/x86_64-linux-gnu",
  "/usr/lib/aarch64-linux-gnu",
  "/usr/lib64",
  "/lib/x86_64-linux-gnu",
  "/lib/aarch64-linux-gnu",
  "/lib64",
];

/** What a user's command needs: the files that it is to read are its arguments, and so is its control socket. */
export const USER_REACH: Reach = { read: undefined, write: undefined, ffi: LIBRARIES };

/** Where distributions keep the certificates that they trust. The private keys beside them are not ours to read. */
const CERTIFICATES = [
  "/etc/ssl/certs",
  "/etc/ssl/cert.pem",
  "/etc/ssl/ca-bundle.pem",
  "/etc/pki/tls/certs",
  "/etc/pki/tls/cert.pem",
  "/etc/pki/ca-trust/extracted",
  "/var/lib/ca-certificates",
];

/** What the service needs: its own folders, its credentials, the host's certificates. */
export const SERVICE_REACH: Reach = {
  read: [
    "/etc/bgp-lb",
    "/run/bgp-lb",
    "/var/lib/bgp-lb",
    "/run/credentials/bgp-lb.service",
    // For the number of control.group.
    "/etc/group",
    ...CERTIFICATES,
  ],
  write: ["/run/bgp-lb", "/var/lib/bgp-lb"],
  ffi: LIBRARIES,
};

/** The flags of `deno run` or `deno compile` for the sources. */
export function sourceFlags(reach: Reach): readonly string[] {
  return [QUIET, NO_CODE_CACHE, V8_FLAGS, "--no-prompt", ...permissions(reach)];
}

/** The flags of `deno run` for the bundle. */
export function bundleFlags(reach: Reach): readonly string[] {
  return [QUIET, NO_CODE_CACHE, ...BUNDLE_ALONE, V8_FLAGS, "--no-prompt", ...permissions(reach)];
}

/**
 * Checks may go to any address, so the network is not limited. Nor are the programs of onChange: what hangs is ended with
 * its process group, and the runtime lets a process that may run only some programs signal none. It adds nothing to what
 * the C library can do, which is loaded anyway.
 */
function permissions({ read, write, ffi }: Reach): readonly string[] {
  return [
    "--allow-net",
    allow("ffi", ffi),
    allow("read", read),
    allow("write", write),
    "--allow-run",
    "--allow-sys=networkInterfaces,hostname,uid",
    `--allow-env=${VARIABLES.join(",")}`,
    "--ignore-env",
  ];
}

function allow(what: string, paths: readonly string[] | undefined): string {
  return `--allow-${what}${paths === undefined ? "" : `=${paths.join(",")}`}`;
}
