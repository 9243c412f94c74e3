/** Completions for fish, with what each word means beside it. Pure. */
import {
  type CommandGrammar,
  commandGrammars,
  defaultGrammar,
  type OptionGrammar,
  type Word,
} from "./grammar.ts";

/** To be sourced, or put as `bgp-lb.fish` into fish's folder of completions. */
export function fishScript(): string {
  const commands = commandGrammars();
  const own = defaultGrammar();
  return `# Completions of bgp-lb for fish: bgp-lb completions fish | source
function __bgp_lb_names
  set -l words (commandline -opc)
  set -l socket
  for i in (seq 2 (count $words))
    switch $words[$i]
      case --control-socket
        set socket $words[$i] $words[(math $i + 1)]
      case '--control-socket=*'
        set socket $words[$i]
    end
  end
  $words[1] completions --list $argv[1] $socket 2> /dev/null
end
function __bgp_lb_first
  test (count (commandline -opc)) -eq 1
end
function __bgp_lb_command
  set -l words (commandline -opc)
  test (count $words) -gt 1; and test "$words[2]" = $argv[1]
end
function __bgp_lb_default
  set -l words (commandline -opc)
  test (count $words) -eq 1; or string match -q -- '-*' "$words[2]"
end
complete -c bgp-lb -e
complete -c bgp-lb -f
complete -c bgp-lb -l help -s h -d 'print help'
complete -c bgp-lb -n __bgp_lb_default -l version -s V -d 'print the version'
${
    commands.map(({ name, description }) =>
      `complete -c bgp-lb -n __bgp_lb_first -a ${quoted(name)} -d ${quoted(description)}\n`
    ).join("")
  }${own === undefined ? "" : own.options.map((option) => optionLine("__bgp_lb_default", option)).join("")}${
    commands.map(commandLines).join("")
  }`;
}

function commandLines({ name, argument, options }: CommandGrammar): string {
  const condition = quoted(`__bgp_lb_command ${name}`);
  const offered = offer(argument);
  return [
    ...offered === "" ? [] : [`complete -c bgp-lb -n ${condition}${offered}\n`],
    ...options.map((option) => optionLine(condition, option)),
  ].join("");
}

/** fish takes a value that may be left out only behind \`=\`: -r would make it need one. */
function optionLine(condition: string, { name, description, value, separate }: OptionGrammar): string {
  const offered = value === undefined ? "" : `${separate ? " -r" : ""}${offer(value)}`;
  return `complete -c bgp-lb -n ${condition} -l ${name} -d ${quoted(description)}${offered}\n`;
}

function offer(word: Word): string {
  switch (word.type) {
    case "any":
      return "";
    case "file":
      return " -F";
    case "words":
      return ` -a ${quoted(word.words.join(" "))}`;
    case "names":
      return ` -a ${quoted(`(__bgp_lb_names ${word.kind})`)}`;
    default:
      return word satisfies never;
  }
}

/** In single quotes fish knows two escapes: of the quote and of the backslash. */
function quoted(text: string): string {
  return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
}
