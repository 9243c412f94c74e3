/** Completions for zsh, with what each word means beside it. Pure. */
import {
  type CommandGrammar,
  commandGrammars,
  defaultGrammar,
  type OptionGrammar,
  quoted,
  type Word,
} from "./grammar.ts";

/** To be sourced after compinit, or put as `_bgp-lb` into a folder of fpath. */
export function zshScript(): string {
  const commands = commandGrammars();
  const own = defaultGrammar();
  return `#compdef bgp-lb
# Completions of bgp-lb for zsh: source <(bgp-lb completions zsh)
_bgp_lb() {
  local command= socket= previous=\${words[CURRENT - 1]}
  local -a described
  local -i i
  (( CURRENT > 2 )) && command=\${words[2]}
  for (( i = 2; i < CURRENT; i++ )); do
    case \${words[i]} in
      (--control-socket) socket=\${(Q)words[i + 1]} ;;
      (--control-socket=*) socket=\${(Q)words[i]#*=} ;;
    esac
  done
  if [[ $PREFIX == --*=* ]]; then
    previous=\${PREFIX%%=*}=
    compset -P '*='
  fi
  case $command in
${commands.map(commandCase).join("")}    (*)
      if (( CURRENT == 2 )) && [[ $PREFIX != -* ]]; then
        described=(${commands.map(({ name, description }) => describe(name, description)).join(" ")})
        _describe command described
        return
      fi
${own === undefined ? "      :" : commandWords(own)}
      ;;
  esac
}
_bgp_lb_names() {
  local -a names
  names=("\${(@f)$(\${(Q)words[1]} completions --list $1 \${socket:+--control-socket} \${socket:+"$socket"} 2> /dev/null)}")
  names=(\${names:#})
  compadd -a names
}
if [[ \${funcstack[1]} == _bgp_lb || \${funcstack[1]} == _bgp-lb ]]; then
  _bgp_lb "$@"
else
  compdef _bgp_lb bgp-lb
fi
`;
}

function commandCase(command: CommandGrammar): string {
  return `    (${command.name})\n${commandWords(command)}\n      ;;\n`;
}

function commandWords({ argument, options }: CommandGrammar): string {
  const values = options.flatMap(valueCase);
  const described = [
    ...options.map(({ name, description }) => describe(`--${name}`, description)),
    describe("--help", "print this help"),
  ];
  return [
    ...values.length === 0 ? [] : ["case $previous in", ...values, "esac"],
    "if [[ $PREFIX == -* ]]; then",
    `  described=(${described.join(" ")})`,
    "  _describe -o option described",
    "  return",
    "fi",
    ...offer(argument),
  ].map((line) => `      ${line}`).join("\n");
}

function valueCase({ name, value, separate }: OptionGrammar): readonly string[] {
  if (value === undefined) return [];
  const patterns = [`--${name}=`, ...separate ? [`--${name}`] : []].join("|");
  return [`  (${patterns}) ${offer(value)[0] ?? ":"}; return ;;`];
}

function describe(word: string, description: string): string {
  return quoted(`${word.replaceAll(":", "\\:")}:${description}`);
}

function offer(word: Word): readonly string[] {
  switch (word.type) {
    case "any":
      return [];
    case "file":
      return ["_files"];
    case "words":
      return [`compadd -- ${word.words.map(quoted).join(" ")}`];
    case "names":
      return [`_bgp_lb_names ${word.kind}`];
    default:
      return word satisfies never;
  }
}
