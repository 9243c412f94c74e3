/** The texts of a Debian package that are made and not written: control, changelog, copyright (deb-control(5), Debian Policy). Pure. */
import denoJson from "../../deno.json" with { type: "json" };
import type { Build } from "../../src/main/build.ts";
import type { Architecture } from "../runtime.ts";
import type { NpmPackage } from "../sbom.ts";

/** Who is asked about the package. */
const MAINTAINER = "bgp-lb authors <bgp-lb@localhost>";

/**
 * Such as 0.1.0+git20261127193209.cd7500f24eb1: of two builds the one of the later commit is an upgrade of the other.
 * Without a checkout, such as of an archive of a release, the version alone.
 */
export function debianVersion(build: Build | undefined, version: string = denoJson.version): string {
  if (build === undefined) return version;
  const [commit = "", ...changes] = build.commit.split("+");
  const stamp = build.committed.replace(/\D/g, "");
  return [`${version}+git${stamp}`, commit.slice(0, 12), ...changes].join(".");
}

/** The control file. @param installedKiB what it takes on the disk */
export function controlFile(version: string, architecture: Architecture, installedKiB: number): string {
  return `Package: bgp-lb
Version: ${version}
Architecture: ${architecture}
Maintainer: ${MAINTAINER}
Installed-Size: ${installedKiB}
Depends: libc6 (>= 2.27), libgcc-s1, libnl-3-200, libnl-genl-3-200
Recommends: ca-certificates, kmod, systemd
Suggests: bash-completion
Section: net
Priority: optional
Description: anycast load-balancer agent: BGP, IPVS, health checks
 One process on each host owns service addresses, programs IPVS, checks health,
 and announces to routers by BGP what is well, with BFD and graceful restart.
 .
 It comes with the runtime that it is tested with, and fetches nothing. It is
 not started before it has a configuration and is told to.
`;
}

/** The changelog: of this version alone. What changed is told in CHANGELOG.md. */
export function changelog(version: string, committed: string): string {
  return `bgp-lb (${version}) stable; urgency=medium

  * Built from its repository; CHANGELOG.md there tells what changed.

 -- ${MAINTAINER}  ${new Date(committed).toUTCString().replace("GMT", "+0000")}
`;
}

/** The copyright file (DEP-5): ours, the runtime's, and that of every library in the bundle, with their texts. */
export function copyright(ours: string, libraries: readonly NpmPackage[]): string {
  return [
    "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\nUpstream-Name: bgp-lb\n",
    paragraph("*", "the bgp-lb authors", denoJson.license, ours),
    paragraph(
      "usr/lib/bgp-lb/deno",
      "the Deno authors",
      "MIT",
      `Deno, by the same licence.\n\n${withoutNames(ours)}`,
    ),
    ...libraries.map(({ name, version, licence = "not named", licenceText = "" }) =>
      paragraph(
        "usr/lib/bgp-lb/bgp-lb.js",
        `the authors of ${name}`,
        licence,
        `${name} ${version}\n\n${licenceText}`,
      )
    ),
  ].join("\n");
}

/** The licence without the line that names who gives it. */
function withoutNames(text: string): string {
  return text.replace(/^Copyright .*\n+/m, "");
}

function paragraph(files: string, who: string, licence: string, text: string): string {
  const lines = text.trim().split("\n").map((line) => line.trim() === "" ? " ." : ` ${line.trimEnd()}`);
  return `Files: ${files}\nCopyright: ${who}\nLicense: ${licence.replace(/[\s()]+/g, "-")}\n${
    lines.join("\n")
  }\n`;
}
