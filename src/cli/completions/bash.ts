/** Completions for bash (4.3 or newer), which splits words at `:` and `=`, and so has to be given what follows them. Pure. */
import { type CommandGrammar, commandGrammars, defaultGrammar, quoted, type Word } from "./grammar.ts";

/** To be sourced, or put into bash-completion's folder. */
export function bashScript(): string {
  const commands = commandGrammars();
  return `# Completions of bgp-lb for bash: source <(bgp-lb completions bash)
_bgp_lb() {
  local line=\${COMP_LINE:0:COMP_POINT} command= socket= previous cur prefix= i
  local -a words=()
  read -ra words <<< "$line"
  [[ $line == *[[:space:]] ]] && words+=("")
  COMPREPLY=()
  (( \${#words[@]} > 1 )) || return
  cur=\${words[-1]} previous=\${words[-2]}
  (( \${#words[@]} > 2 )) && command=\${words[1]}
  for (( i = 1; i < \${#words[@]} - 1; i++ )); do
    case \${words[i]} in
      --control-socket) socket=\${words[i + 1]} ;;
      --control-socket=*) socket=\${words[i]#*=} ;;
    esac
  done
  [[ $cur == --*=* ]] && previous=\${cur%%=*}= && cur=\${cur#*=}
  [[ $COMP_WORDBREAKS == *:* ]] && prefix=\${cur%"\${cur##*:}"}
  case $command in
${commands.map(commandCase).join("")}    *)
${indented(defaultWords(commands), 6)}
      ;;
  esac
}
_bgp_lb_words() {
  local word
  for word in "$@"; do
    [[ $word == "$cur"* ]] && COMPREPLY+=("\${word#"$prefix"}")
  done
}
_bgp_lb_names() {
  local name
  while IFS= read -r name; do
    [[ $name == "$cur"* ]] && COMPREPLY+=("$(printf %q "\${name#"$prefix"}")")
  done < <("\${words[0]}" completions --list "$1" \${socket:+--control-socket "$socket"} 2> /dev/null)
}
_bgp_lb_files() {
  compopt -o filenames 2> /dev/null
  mapfile -t COMPREPLY < <(compgen -f -- "$cur")
}
complete -F _bgp_lb bgp-lb
`;
}

function commandCase(command: CommandGrammar): string {
  return `    ${command.name})\n${indented(commandWords(command), 6)}\n      ;;\n`;
}

/** The value of the option before it, options where it begins with a dash, else the argument. */
function commandWords({ argument, options }: CommandGrammar): readonly string[] {
  const values = options.flatMap(({ name, value, separate }) => {
    const offered = value === undefined ? [] : offer(value);
    if (value === undefined || (offered.length === 0 && !separate)) return [];
    const patterns = [`--${name}=`, ...separate ? [`--${name}`] : []].join(" | ");
    return [`  ${patterns}) ${offered[0] ?? ":"}; return ;;`];
  });
  const names = [...options.map(({ name }) => `--${name}`), "--help"];
  return [
    ...values.length === 0 ? [] : ["case $previous in", ...values, "esac"],
    `if [[ $cur == -* ]]; then _bgp_lb_words ${names.join(" ")}; return; fi`,
    ...offer(argument),
  ];
}

function defaultWords(commands: readonly CommandGrammar[]): readonly string[] {
  const own = defaultGrammar();
  return [
    `if (( \${#words[@]} == 2 )) && [[ $cur != -* ]]; then _bgp_lb_words ${
      commands.map(({ name }) => name).join(" ")
    }; return; fi`,
    ...own === undefined ? [] : commandWords(own),
  ];
}

function offer(word: Word): readonly string[] {
  switch (word.type) {
    case "any":
      return [];
    case "file":
      return ["_bgp_lb_files"];
    case "words":
      return [`_bgp_lb_words ${word.words.map(quoted).join(" ")}`];
    case "names":
      return [`_bgp_lb_names ${word.kind}`];
    default:
      return word satisfies never;
  }
}

function indented(lines: readonly string[], columns: number): string {
  return lines.map((line) => " ".repeat(columns) + line).join("\n");
}
