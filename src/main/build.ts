/** Of which commit this program was built: packaging/bundle.ts stamps it into the bundle; sources run as they are have none. */

/** Stands in the bundle as it is, until it is stamped. */
export const UNSTAMPED = "bgp-lb, not stamped with a commit";

/** The commit of a build. */
export interface Build {
  /** 40 hexadecimal digits, `+changes` behind them where the checkout differed from it. */
  readonly commit: string;
  /** When it was committed, as ISO 8601. */
  readonly committed: string;
}

/** What a stamp says; undefined where it is none. */
export function readStamp(stamp: string): Build | undefined {
  const [, commit, committed] = /^([0-9a-f]{40}(?:\+changes)?) (\d{4}-\d\d-\d\dT[\d:]{8}Z)$/.exec(stamp) ??
    [];
  return commit === undefined || committed === undefined ? undefined : { commit, committed };
}

/** What `readStamp` reads. */
export function stampOf({ commit, committed }: Build): string {
  return `${commit} ${committed}`;
}
