/** Two packages of this checkout for tests, the second one of a later commit, so that an upgrade is seen; not compressed. */
import { type Ingredients } from "../../packaging/deb/contents.ts";
import { ingredientsFor, makePackage, ownArchitecture } from "../../packaging/package.ts";
import { checkedOut, stamped } from "../../packaging/bundle.ts";

/** Both of them. */
export interface TestPackages {
  readonly paths: readonly [string, string];
  readonly versions: readonly [string, string];
  /** What `bgp-lb version` says of each. */
  readonly commits: readonly [string, string];
}

const LATER = "f".repeat(40);

/** Where this is no checkout. */
const NO_COMMIT = { commit: "0".repeat(40), committed: "2026-01-01T00:00:00Z" };

/** Makes them in a folder. */
export async function makeTestPackages(output: string): Promise<TestPackages> {
  const architecture = ownArchitecture();
  const build = await checkedOut();
  const made = await ingredientsFor(architecture);
  const bundle = new TextDecoder().decode(made.bundle);
  const text = build === undefined ? stamped(bundle, NO_COMMIT) : bundle;
  const first: Ingredients = { ...made, bundle: new TextEncoder().encode(text) };
  const { commit } = build ?? NO_COMMIT;
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
