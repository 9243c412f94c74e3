/** The commands, their arguments and options: one table that parsing, help and suggestions are made of. */

/** An option. Options of one name are the same option in every command. */
export interface OptionRow {
  /** Without dashes. */
  readonly name: string;
  /** What its value is called; undefined: it takes none. */
  readonly value?: string;
  /** What it means without a value; with this, a value must follow after `=`, unless it looks like `taken`. */
  readonly implied?: string;
  /** A word behind it that is its value; where it is left out, true and false are. */
  readonly taken?: RegExp;
  /** Of programs alone: not in help, nor in completions. */
  readonly hidden?: true;
  readonly description: string;
}

/** A command. */
export interface CommandRow {
  readonly name: string;
  /** What its argument is called; undefined: it takes none. */
  readonly argument?: string;
  readonly argumentRequired?: boolean;
  /** It takes any number of them. */
  readonly argumentRepeats?: boolean;
  readonly options: readonly OptionRow[];
  readonly description: string;
}

const CONTROL_SOCKET: OptionRow = {
  name: "control-socket",
  value: "PATH",
  description: "the agent's control.socket, over what the file says",
};

/** What the command line says over the file; the reference's flags. */
const OVERRIDES: readonly OptionRow[] = [
  { name: "log-level", value: "LEVEL", description: "overrides log.level: debug, info, warning, error" },
  { name: "network-setup", value: "true|false", implied: "true", description: "overrides network.setup" },
  {
    name: "ipvs-setup",
    value: "true|false",
    implied: "true",
    description: "overrides network.ipvs; the reference's format has it off without this",
  },
  { name: "metrics-address", value: "ADDRESS", description: "overrides http.listen, such as :8081" },
  CONTROL_SOCKET,
];

/** How often a question is asked where nothing else is said. */
export const WATCH_DEFAULT = "2s";

const QUESTION: readonly OptionRow[] = [
  { name: "json", description: "print JSON" },
  {
    name: "watch",
    value: "SECONDS",
    implied: WATCH_DEFAULT,
    taken: /^[\d.]+(ms|s|m|h)?$/,
    description: `ask again and again, every ${WATCH_DEFAULT} unless said otherwise; q or Ctrl-C ends it`,
  },
  CONTROL_SOCKET,
];

const WAIT: OptionRow = { name: "wait", description: "show the progress, and end when it is done" };

/** What changes something in the running agent. */
const ORDERS = [
  {
    name: "drain",
    argument: "SERVICE",
    argumentRepeats: true,
    options: [
      { name: "reason", value: "TEXT", description: "why, for the log and whoever asks" },
      { name: "for", value: "DURATION", description: "undo it by itself after so long, such as 2h" },
      WAIT,
      ...QUESTION,
    ],
    description: "take services out of service in order, all where none is named, until undrain",
  },
  {
    name: "undrain",
    argument: "SERVICE",
    argumentRepeats: true,
    options: [WAIT, ...QUESTION],
    description: "put drained services back, all where none is named",
  },
  {
    name: "reload",
    options: QUESTION,
    description: "read the configuration file again, and apply what differs",
  },
  {
    name: "check-now",
    argument: "SERVICE",
    options: QUESTION,
    description: "probe at once, all services where none is named, and look at the kernel",
  },
  {
    name: "handover",
    options: QUESTION,
    description: "end the agent and leave routes and kernel to the next one (graceful restart)",
  },
] as const satisfies readonly CommandRow[];

/** What is run where no command is named. */
export const DEFAULT_COMMAND = "run";

const TABLE = [
  {
    name: "run",
    options: [
      {
        name: "config",
        value: "FILE",
        description: "configuration file (default: /etc/bgp-lb/config.yaml, else config.json there)",
      },
      ...OVERRIDES,
    ],
    description: "run the agent (the default command)",
  },
  {
    name: "status",
    argument: "SERVICE",
    options: QUESTION,
    description: "the running agent: kernel, services, peers, and why what is down is down",
  },
  {
    name: "peers",
    argument: "PEER",
    options: QUESTION,
    description: "its peers: sessions, what was negotiated, counters, errors",
  },
  {
    name: "services",
    argument: "SERVICE",
    options: QUESTION,
    description:
      "its services: phase, drain, checks, gates, what the kernel has; all about one that is named",
  },
  {
    name: "explain",
    argument: "SERVICE",
    argumentRequired: true,
    options: [
      { name: "peer", value: "PEER", description: "only to this peer" },
      ...QUESTION,
    ],
    description: "why a service is announced or not: the first shut gate, since when, and what opens it",
  },
  { name: "top", options: [CONTROL_SOCKET], description: "a live view on the terminal; q or Ctrl-C ends it" },
  {
    name: "routes",
    argument: "SERVICE",
    options: QUESTION,
    description: "its prefixes: whether announced, with which attributes, to whom, and why not",
  },
  ...ORDERS,
  {
    name: "events",
    options: [
      { name: "follow", description: "go on with each event as it happens; over restarts of the agent, too" },
      {
        name: "since",
        value: "WHEN",
        description: "from this event on (its number), this moment on (10m ago, or ISO 8601), or now",
      },
      { name: "service", value: "SERVICE", description: "only what is about this service" },
      { name: "peer", value: "PEER", description: "only what is about this peer" },
      { name: "kind", value: "KIND", description: "only events of this kind, or of these (a,b)" },
      { name: "json", description: "print one JSON record in each line" },
      CONTROL_SOCKET,
    ],
    description: "what happened: every transition with its cause, and the event that led to it",
  },
  {
    name: "check",
    argument: "FILE",
    argumentRequired: true,
    options: [{ name: "print", description: "print what would be run" }, ...OVERRIDES],
    description: "check a configuration file (- is standard input): every problem with line and column",
  },
  {
    name: "plan",
    argument: "FILE",
    options: [{ name: "json", description: "print JSON" }, ...OVERRIDES],
    description:
      "what a reload with FILE (default: the agent's own file) would change, in order; where no agent runs, a start with FILE and these options. Changes nothing",
  },
  {
    name: "doctor",
    argument: "FILE",
    options: [{ name: "json", description: "print JSON" }, CONTROL_SOCKET],
    description:
      "is this host fit for FILE (default: the agent's): modules, capabilities, sysctls, MTU, clashes; what, why, and the cure",
  },
  {
    name: "cleanup",
    argument: "FILE",
    options: [
      { name: "yes", description: "remove it; without this nothing is changed" },
      { name: "json", description: "print JSON" },
      CONTROL_SOCKET,
    ],
    description:
      "what is ours in the kernel where no agent runs, and with FILE what it configures; with --yes removes it",
  },
  {
    name: "migrate",
    argument: "FILE",
    argumentRequired: true,
    argumentRepeats: true,
    options: [
      {
        name: "from",
        value: "FORMAT",
        description:
          "whose it is: exabgp, anycast-healthchecker, keepalived or reference; without this what is in it tells",
      },
      { name: "router-id", value: "ADDRESS", description: "bgp.local.routerID, where the file does not say" },
      { name: "local-as", value: "NUMBER", description: "bgp.local.as, where the file does not say" },
      { name: "peers", value: "ADDRESSES", description: "more peers, with commas between them" },
      { name: "peer-as", value: "NUMBER", description: "their AS number" },
      ...OVERRIDES,
    ],
    description:
      "print a file of another program (- is standard input) in our format, and on stderr what it lacks of it; flags become part of it",
  },
  { name: "schema", options: [], description: "print the JSON Schema of the configuration file" },
  {
    name: "completions",
    argument: "SHELL",
    options: [
      {
        name: "list",
        value: "KIND",
        hidden: true,
        description: "names of the running agent's services or peers",
      },
      CONTROL_SOCKET,
    ],
    description: "print a script of completions for bash, zsh or fish",
  },
  {
    name: "version",
    options: [{ name: "json", description: "print JSON" }],
    description: "print version, commit and runtime (--version: the version alone)",
  },
] as const satisfies readonly CommandRow[];

/** The name of a command. */
export type CommandName = (typeof TABLE)[number]["name"];

/** A command of the table. */
export type Command = CommandRow & { readonly name: CommandName };

/** Every command. */
export const COMMANDS: readonly Command[] = TABLE;

/** What was asked for. */
export interface CommandLine {
  readonly command: CommandName;
  /** The first argument. */
  readonly argument: string | undefined;
  /** All of them. */
  readonly argumentList: readonly string[];
  /** By name without dashes. */
  readonly options: ReadonlyMap<string, string>;
}
