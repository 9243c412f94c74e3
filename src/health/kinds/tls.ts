/** The tls check: a handshake over a connection of its own, which is closed once the certificate has been looked at. */
import type { TlsCheckConfig } from "../../config/checks/tls.ts";
import { certificateWords } from "../connect/certificate.ts";
import type { DialPorts } from "../connect/dial.ts";
import { answeredBy } from "../connect/each_address.ts";
import { failureOf } from "../connect/failure.ts";
import { watchEndpoint } from "../connect/idle_watch.ts";
import { TlsDialer, type TlsPorts, tlsTarget } from "../connect/tls_dialer.ts";
import type { Probe } from "./probe.ts";

/** The probe of a tls check. */
export function tlsProbe(config: TlsCheckConfig, ports: DialPorts & TlsPorts): Probe {
  const { address, port, serverName } = config;
  const dialer = new TlsDialer(
    { ...tlsTarget(config), host: address, port, serverName, protocols: [], limits: config },
    ports,
  );
  return {
    watch: (tripped) => watchEndpoint(config, ports, tripped),
    async run(signal, progress) {
      try {
        const { stream, version = "TLS", certificate } = await dialer.dial(signal, progress);
        stream[Symbol.dispose]();
        const words = certificate === undefined
          ? "no certificate"
          : certificateWords(certificate, ports.clock.wallTime());
        const by = answeredBy(address, stream.remote?.address);
        return { kind: "pass", detail: `${version.replace("TLSv", "TLS ")}, ${words}${by}` };
      } catch (error) {
        return failureOf(error);
      }
    },
  };
}
