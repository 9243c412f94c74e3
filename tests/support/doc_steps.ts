/** docs/failures.md as a list of steps: commands, and the lines that they must answer. */
import { type Block, readDocument } from "./markdown.ts";

/** Commands that stand together, and the lines shown behind them. */
export interface Step {
  readonly block: Block;
  readonly shown: readonly string[];
}

/** Every block of commands of the file at `path`. */
export function stepsOf(path: string): readonly Step[] {
  const { blocks } = readDocument(Deno.readTextFileSync(path));
  return blocks.flatMap((block, index) => {
    if (block.language !== "sh") return [];
    const next = blocks[index + 1];
    const isShown = next?.language === "text" && next.section === block.section;
    return [{ block, shown: isShown ? next.text.split("\n") : [] }];
  });
}

/** The lines that an answer has not. In what is shown `…` stands for anything, and spaces for any number of them. */
export function missing(answer: string, shown: readonly string[]): readonly string[] {
  const lines = answer.split("\n").map(squeezed);
  return shown.filter((line) => {
    const parts = squeezed(line).split("…").map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&"));
    const pattern = new RegExp(parts.join(".*"));
    return !lines.some((each) => pattern.test(each));
  });
}

function squeezed(text: string): string {
  return text.trim().replaceAll(/\s+/g, " ");
}
