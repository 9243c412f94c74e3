/** The documents that tests look through. */
import { type Document, readDocument } from "../support/markdown.ts";

/** README and its like in the root, and all of docs/. */
export function documents(): ReadonlyMap<string, Document> {
  const inDocs = [...Deno.readDirSync("docs")].map(({ name }) => `docs/${name}`);
  const inRoot = [...Deno.readDirSync(".")].map(({ name }) => name);
  const paths = [...inRoot, ...inDocs].filter((path) => path.endsWith(".md")).sort();
  return new Map(paths.map((path) => [path, readDocument(Deno.readTextFileSync(path))]));
}

/** A piece of code in a document, and where it stands. */
export interface Code {
  readonly text: string;
  readonly where: string;
}

/** Every `piece` in the prose. */
export function spans(): readonly Code[] {
  return [...documents()].flatMap(([path, { prose }]) =>
    prose.flatMap(({ target, line }) =>
      [...target.matchAll(/`([^`]+)`/g)].map(([, text = ""]) => ({ text, where: `${path}:${line}` }))
    )
  );
}

/** Every line of a block of commands. */
export function commandLines(): readonly Code[] {
  return [...documents()].flatMap(([path, { blocks }]) =>
    blocks.filter(({ language }) => language === "sh").flatMap(({ text, line }) =>
      text.split("\n").map((each, index) => ({ text: each, where: `${path}:${line + index}` }))
    )
  );
}
