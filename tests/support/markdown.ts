/** The documents of this repository as tests read them: their headings, links, and fenced blocks with the section that each is in. */

/** A fenced block. */
export interface Block {
  /** What stands behind the fence: `sh`, `yaml`, `text` or nothing. */
  readonly language: string;
  /** The file that it is, where one stands behind the language. */
  readonly file: string;
  readonly text: string;
  /** The heading that it is under. */
  readonly section: string;
  /** What the last comment `<!-- scene: NAME -->` of its section says. */
  readonly scene: string | undefined;
  /** Its first line in the file, from 1. */
  readonly line: number;
}

/** A link, with the line that it is in. */
export interface Link {
  readonly target: string;
  readonly line: number;
}

/** A document, taken apart. */
export interface Document {
  readonly blocks: readonly Block[];
  readonly links: readonly Link[];
  /** What a link may name behind #: headings as GitHub spells them, and ids of `<a id="…">`. */
  readonly anchors: ReadonlySet<string>;
  /** All but the fenced blocks, a line each. */
  readonly prose: readonly Link[];
}

/** Takes a document apart. */
export function readDocument(text: string): Document {
  const blocks: Block[] = [];
  const links: Link[] = [];
  const prose: Link[] = [];
  const anchors = new Set<string>();
  let section = "";
  let scene: string | undefined;
  let open: { fence: string; language: string; file: string; line: number; lines: string[] } | undefined;
  for (const [index, each] of text.split("\n").entries()) {
    const line = index + 1;
    const fence = /^\s*(`{3,})(\S*) ?(\S*)/.exec(each);
    if (open !== undefined) {
      if (fence?.[1] === open.fence && fence[2] === "") {
        blocks.push({
          language: open.language,
          file: open.file,
          text: open.lines.join("\n"),
          section,
          scene,
          line: open.line,
        });
        open = undefined;
      } else open.lines.push(each);
      continue;
    }
    if (fence !== null) {
      open = {
        fence: fence[1] ?? "",
        language: fence[2] ?? "",
        file: fence[3] ?? "",
        line: line + 1,
        lines: [],
      };
      continue;
    }
    prose.push({ target: each, line });
    const heading = /^#{1,6} (.*)$/.exec(each)?.[1];
    if (heading !== undefined) {
      section = heading;
      scene = undefined;
      anchors.add(slug(heading));
    }
    scene = /^<!-- scene: (\S+) -->$/.exec(each)?.[1] ?? scene;
    for (const [, id = ""] of each.matchAll(/<a id="([^"]+)">/g)) anchors.add(id);
    for (const [, target = ""] of each.replaceAll(/`[^`]*`/g, "").matchAll(/\]\(([^)\s]+)\)/g)) {
      links.push({ target, line });
    }
  }
  return { blocks, links, anchors, prose };
}

/** A heading as GitHub makes an anchor of it. */
export function slug(heading: string): string {
  const words = heading.replaceAll(/\[([^\]]*)\]\([^)]*\)/g, "$1").toLowerCase();
  return words.replaceAll(/[^\p{L}\p{N}\s_-]/gu, "").replaceAll(/\s/g, "-");
}
