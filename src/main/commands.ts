/** The commands with the world that they live in. */
import denoJson from "../../deno.json" with { type: "json" };
import { openLibc } from "../../ffi/libc.ts";
import { mayUseFfi } from "../../ffi/library.ts";
import { isStandardError, StandardError } from "../../ffi/stderr.ts";
import { ask } from "../cli/ask.ts";
import { check } from "../cli/check.ts";
import { listNames } from "../cli/list_names.ts";
import { top } from "../cli/top.ts";
import { watch } from "../cli/watch.ts";
import { cleanup } from "../cli/cleanup.ts";
import { doctor } from "../cli/doctor.ts";
import { events } from "../cli/events.ts";
import { ExitStatus } from "../cli/exit_status.ts";
import { LogQueue, type LogSink } from "../cli/log_queue.ts";
import { migrate } from "../cli/migrate.ts";
import { giveOrder } from "../cli/orders.ts";
import { plan } from "../cli/plan.ts";
import { runProgram } from "../cli/program.ts";
import { run, type Signal } from "../cli/run.ts";
import { schema } from "../cli/schema.ts";
import { styleFor } from "../cli/terminal.ts";
import { MAX_FILE_OCTETS } from "../config/source_text.ts";
import { denoSocketFiles } from "../os/deno_socket_files.ts";
import { denoStreams } from "../os/deno_streams.ts";
import { readFile, readStdin, writeText } from "../os/files.ts";
import type { ExceptionDesk } from "../os/exceptions.ts";
import type { SignalDesk } from "../os/signals.ts";
import { StandardTerminal } from "../os/terminal.ts";
import { askControl, type ControlRequest, findAgent } from "../control/client.ts";
import { streamControl } from "../control/stream_client.ts";
import { messageOf } from "../text/error_message.ts";
import { painted } from "../text/style.ts";
import { version as printVersion } from "../cli/version.ts";
import { sleep, systemClock } from "../time/clock.ts";
import { readStamp, UNSTAMPED } from "./build.ts";
import { withDoctorHost } from "./doctor_host.ts";
import { withCleanupHost } from "./host_kernel.ts";
import { planOnHost } from "./plan_host.ts";
import { openPlatform } from "./platform.ts";

/** The last log lines may take so long, where nobody reads them. */
const LAST_LINES_MS = 500;

/** Of a terminal that does not say how wide it is. */
const USUAL_COLUMNS = 80;

/** What comes from outside at any moment; signals are caught for the agent alone. */
export interface Desks {
  readonly signals: SignalDesk<Signal> | undefined;
  readonly exceptions: ExceptionDesk;
}

/** Runs the command that `args` name; resolves to the exit status. */
export function runCommand(args: readonly string[], { signals, exceptions }: Desks): Promise<number> {
  const { version } = denoJson;
  const files = {
    readFile: (path: string) => readFile(path, MAX_FILE_OCTETS),
    readStdin: () => readStdin(MAX_FILE_OCTETS),
    stdout,
    stderr,
  };
  const asking = () => {
    const ports = { streams: denoStreams(), clock: systemClock };
    return {
      ...files,
      terminal: new StandardTerminal(),
      clock: systemClock,
      askControl: (request: ControlRequest) => askControl(request, ports),
    };
  };
  const log = new LogQueue(openStandardError());
  return runProgram(args, {
    async run(file, overrides) {
      return await run(file, overrides, {
        ...files,
        version,
        clock: systemClock,
        logOutput: {
          isTerminal: Deno.stderr.isTerminal(),
          isJournal: isJournal(),
          write: (line, important) => log.write(line, important),
          setLostLine: (line) => log.lostLine = line,
        },
        openPlatform,
        onException: (callback) => exceptions.onException(callback),
        onSignal: (callback) => signals?.onSignal(callback) ?? { [Symbol.dispose]() {} },
      }).finally(() => Promise.race([log.drained, sleep(systemClock, LAST_LINES_MS)]));
    },
    async check(file, print, overrides) {
      return await check({ file, print, overrides }, files);
    },
    async plan(planned) {
      const style = styleFor(new StandardTerminal());
      return await plan(planned, {
        ...files,
        findAgent: (path) => findAgent(path, controlPorts()),
        postControl: (request) => askControl({ ...request, accept: "application/json" }, controlPorts()),
        planStart: planOnHost,
        paint: (text, tone) => painted(text, { text, tone }, style),
      });
    },
    async doctor(args) {
      return await doctor(args, {
        ...files,
        style: styleFor(new StandardTerminal()),
        findAgent: (path) => findAgent(path, controlPorts()),
        withHost: withDoctorHost,
      });
    },
    async cleanup(args) {
      return await cleanup(args, {
        ...files,
        style: styleFor(new StandardTerminal()),
        findAgent: (path) => findAgent(path, controlPorts()),
        withHost: withCleanupHost,
      });
    },
    async migrate(args) {
      return await migrate(args, files);
    },
    async schema() {
      return await schema(files);
    },
    async version(json) {
      const { deno, v8 } = Deno.version;
      const about = {
        version,
        build: readStamp(UNSTAMPED),
        runtime: { deno, v8, target: Deno.build.target },
      };
      return await printVersion(about, json, files);
    },
    async ask(question) {
      return await ask(question, asking());
    },
    async order(order, options) {
      return await giveOrder(order, options, { ...controlPorts(), ...terminal(), stdout, stderr });
    },
    async watch(question, everyMs) {
      return await watch(question, everyMs, asking());
    },
    async top(socket) {
      return await top(socket, asking());
    },
    async listNames(kind, socket) {
      return await listNames(kind, socket, asking());
    },
    async events(question) {
      const ports = { streams: denoStreams(), clock: systemClock };
      return await events(question, {
        ...files,
        clock: systemClock,
        // Ctrl-C ends the process as it does any other.
        stream: (request, onLine) => streamControl(request, ports, onLine, new AbortController().signal),
      });
    },
  }, { version, stdout, stderr });
}

/** The way to a running agent. */
function controlPorts() {
  return { streams: denoStreams(), clock: systemClock, user: denoSocketFiles().user };
}

/** The terminal of who waits for something: its width, and Ctrl-C. */
function terminal() {
  return {
    columns: () => Deno.stderr.isTerminal() ? Deno.consoleSize().columns || USUAL_COLUMNS : undefined,
    onInterrupt(callback: () => void): Disposable {
      Deno.addSignalListener("SIGINT", callback);
      return { [Symbol.dispose]: () => Deno.removeSignalListener("SIGINT", callback) };
    },
  };
}

/** Without FFI a reader that is stuck holds a thread of the runtime's pool. */
function openStandardError(): LogSink {
  if (mayUseFfi()) {
    try {
      return new StandardError(openLibc());
    } catch {
      // There is none, or no C library: the runtime tells whoever writes.
    }
  }
  return { write: (octets) => Deno.stderr.write(octets) };
}

/** Where FFI is not allowed, or the environment may not be read, that is not known: lines then have no priority. */
function isJournal(): boolean {
  try {
    const stream = Deno.env.get("JOURNAL_STREAM") ?? "";
    if (stream === "" || !mayUseFfi()) return false;
    const libc = openLibc();
    using _libc = libc;
    return isStandardError(libc, stream);
  } catch {
    return false;
  }
}

/** A reader that has had enough, such as head(1), is no failure; an answer that cannot be written is. */
function stdout(text: string): void {
  try {
    writeText(Deno.stdout, text);
  } catch (error) {
    if (error instanceof Deno.errors.BrokenPipe) Deno.exit(ExitStatus.OK);
    stderr(`the answer cannot be written to standard output: ${messageOf(error)}\n`);
    Deno.exit(ExitStatus.FAILED);
  }
}

/** A log that nobody reads any more is no reason to end. */
export function stderr(text: string): void {
  try {
    writeText(Deno.stderr, text);
  } catch {
    // Nothing is left to tell it to.
  }
}
