/** `bgp-lb completions SHELL`: the script that a shell reads, made of the table of commands. Pure. */
import { bashScript } from "./bash.ts";
import { fishScript } from "./fish.ts";
import { zshScript } from "./zsh.ts";

export { SHELLS } from "./grammar.ts";

/** The script; undefined where there is none for such a shell. */
export function completionScript(shell: string): string | undefined {
  switch (shell) {
    case "bash":
      return bashScript();
    case "zsh":
      return zshScript();
    case "fish":
      return fishScript();
    default:
      return undefined;
  }
}
