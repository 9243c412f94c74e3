/** Where an installation has its files, all of them below its prefix, and the texts that name these places: the unit and the command. */
import { bundleFlags, RUNTIME_VARIABLES, USER_REACH } from "./runtime_flags.ts";

/** The prefix that packaging/bgp-lb.service is written for. */
export const DEFAULT_PREFIX = "/usr/local";
/** Prefixes in which systemd looks for units. */
export const SYSTEM_PREFIXES: readonly string[] = ["/usr", "/usr/local"];
/** Outside of every prefix, as the unit names it: the user's own, never written here. */
export const CONFIGURATION_FOLDER = "/etc/bgp-lb";
/** Where the service's runtime keeps its caches. */
export const CACHE_FOLDER = "/var/cache/bgp-lb";

/** Paths as the installed system will have them; `root` of a staged installation is not part of them. */
export interface Layout {
  readonly prefix: string;
  /** Runtime and bundle. */
  readonly folder: string;
  readonly runtime: string;
  readonly bundle: string;
  readonly command: string;
  readonly unit: string;
  readonly example: string;
}

/** The places under a prefix. @throws where a systemd unit, a shell or a list of paths could not name it as it is */
export function layout(prefix: string): Layout {
  const folder = `${checkedPath("--prefix", prefix)}/lib/bgp-lb`;
  return {
    prefix,
    folder,
    runtime: `${folder}/deno`,
    bundle: `${folder}/bgp-lb.js`,
    command: `${prefix}/bin/bgp-lb`,
    unit: `${prefix}/lib/systemd/system/bgp-lb.service`,
    example: `${prefix}/share/bgp-lb/config.example.yaml`,
  };
}

/** `path` where it is absolute, plain and without a slash at its end. @throws otherwise, naming `option` */
export function checkedPath(option: string, path: string): string {
  const plain = /^(\/[A-Za-z0-9._+@-]+)+$/;
  if (plain.test(path) && !path.split("/").some((part) => part === "." || part === "..")) return path;
  throw new Error(
    `${option} must be an absolute path of letters, digits and ._+@- (got ${JSON.stringify(path)})`,
  );
}

/** The unit for this prefix, from the text of packaging/bgp-lb.service. */
export function unitFor({ prefix }: Layout, template: string): string {
  return template.replaceAll(`${DEFAULT_PREFIX}/`, `${prefix}/`);
}

/**
 * The command `bgp-lb`, for people: the same runtime and bundle as the service's, and its cache where it may be
 * written. Variables that would change the runtime behind our back are taken out.
 */
export function commandFor({ runtime, bundle }: Layout): string {
  return [
    "#!/bin/sh",
    "# bgp-lb: the installed runtime on the installed bundle. Made by `deno task install`.",
    `unset ${RUNTIME_VARIABLES.join(" ")}`,
    `[ -w ${CACHE_FOLDER} ] && export DENO_DIR=${CACHE_FOLDER}`,
    "export DENO_NO_UPDATE_CHECK=1",
    `exec ${runtime} run ${bundleFlags(USER_REACH).join(" ")} ${bundle} "$@"`,
    "",
  ].join("\n");
}
