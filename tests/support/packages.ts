/** Two packages of this checkout for tests, the second one of a later commit, so that an upgrade is seen; not compressed. */
import { type Ingredients } from "../../packaging/deb/contents.ts";
import { ingredientsFor, makePackage, ownArchitecture } from "../../packaging/package.ts";
import { checkedOut } from "../../packaging/bundle.ts";

/** Both of them. */
export interface TestPackages {
  readonly paths: readonly [string, string];
  readonly versions: readonly [string, string];
  /** What `bgp-lb version` says of each. */
  readonly commits: readonly [string, string];
}

const LATER = "f".repeat(40);

/** Makes them in a folder. @throws where this is no checkout */
export async function makeTestPackages(output: string): Promise<TestPackages> {
  const architecture = ownArchitecture();
  const first = await ingredientsFor(architecture);
  const commit = (await checkedOut())?.commit;
  if (commit === undefined) throw new Error("packages of two commits are made in a checkout alone");
  const text = new TextDecoder().decode(first.bundle);
  const later = text.replace(commit, LATER);
  if (later === text) throw new Error("the bundle has no commit");
  const second: Ingredients = {
    ...first,
    version: `${first.version}.later`,
    bundle: new TextEncoder().encode(later),
  };
  const options = { architecture, output, compression: "none" } as const;
  return {
    paths: [await makePackage(first, options), await makePackage(second, options)],
    versions: [first.version, second.version],
    commits: [commit, LATER],
  };
}
