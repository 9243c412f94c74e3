/** A file in the reference's format as one in ours, with comments on what its flags decided. */
import { Document, isMap } from "yaml";
import { readDocument } from "../config/document.ts";
import { translate } from "../config/legacy.ts";
import type { OverrideValues } from "../config/overrides.ts";
import { formatListenAddress } from "../config/values/listen_address.ts";

/** YAML in our format that means what `text`, a valid file of the reference's, means when run with `flags`. */
export function migrateReference(text: string, flags: OverrideValues): string {
  const document = new Document(translate(readDocument(text).value).file);
  const setup = flags.setup ?? true;
  document.setIn(["network", "setup"], setup);
  document.setIn(["network", "ipvs"], flags.ipvs ?? false);
  if (flags.level !== undefined) document.set("log", document.createNode({ level: flags.level }));
  if (flags.http !== undefined) document.setIn(["http", "listen"], formatListenAddress(flags.http.listen));
  if (flags.control !== undefined) document.setIn(["control", "socket"], flags.control.socket ?? "");
  document.commentBefore = " The reference's configuration in the format of bgp-lb (bgp-lb migrate).";
  comment(document.get("network"), "ipvs", " true: IPVS is programmed, what --ipvs-setup=true did.");
  comment(
    document.getIn(["bgp", "defaults"]),
    "nextHop",
    " The reference always announces itself by its routerID.",
  );
  return document.toString({ lineWidth: 0 });
}

function comment(parent: unknown, key: string, text: string): void {
  if (!isMap(parent)) return;
  const pair = parent.items.find((item) => String(item.key) === key);
  if (pair === undefined) return;
  const node = new Document(key).contents;
  if (node === null) return;
  node.commentBefore = text;
  pair.key = node;
}
