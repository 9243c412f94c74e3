/** The agent as it is shipped, one file, for tests that start it often: it starts five times as fast as from its sources. */
import { agentArguments } from "./agent.ts";
import { run } from "./process.ts";

/** Makes the file in `folder`, and gives the program and its first arguments. @throws where that fails */
export async function bundledAgent(folder: string): Promise<readonly string[]> {
  const file = `${folder}/bgp-lb.js`;
  const options = ["--quiet", "--minify", "--platform=browser", "--output", file];
  const { code, stderr } = await run(Deno.execPath(), ["bundle", ...options, "main.ts"]);
  if (code !== 0) throw new Error(stderr);
  return [Deno.execPath(), ...agentArguments(file)];
}

/** These words as a shell reads them. */
export function quoted(words: readonly string[]): string {
  return words.map((word) => `'${word}'`).join(" ");
}
