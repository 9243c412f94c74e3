/** The world that the agent lives in, and how it says that this world will not do. */
import type { Logger } from "@logtape/logtape";
import type { Transport } from "../bgp/transport/transport.ts";
import type { CheckConfig } from "../config/checks/kinds.ts";
import type { ListenAddress } from "../config/config.ts";
import type { Probe } from "../health/kinds/probe.ts";
import type { ProcessFigures } from "../http/metrics.ts";
import type { Kernel } from "../kernel/kernel.ts";
import type { InterfaceAddress } from "../net/on_link.ts";
import type { Clock, Random } from "../time/clock.ts";

/** The world that the agent lives in. */
export interface AgentPorts {
  readonly version: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly transport: Transport;
  /** The addresses of this host's interfaces, as of now. */
  interfaces(): readonly InterfaceAddress[];
  /** Undefined where the configuration leaves nothing of the kernel to us. */
  readonly kernel: Kernel | undefined;
  probe(config: CheckConfig): Probe;
  /** @throws where the address cannot be listened on */
  serve(listen: ListenAddress, handler: (request: Request) => Promise<Response>): AsyncDisposable;
  /**
   * Answers on the control socket.
   * @throws {ControlSocketInUseError} where another agent does
   * @throws {Error} where the path cannot be had
   */
  listenControl(path: string, handler: (request: Request) => Promise<Response>): Promise<AsyncDisposable>;
  processFigures(): ProcessFigures;
}

/** Something about this host that must be mended before the agent can start: exit status 3. */
export class HostNotFitError extends Error {
  override readonly name = "HostNotFitError";
}
