/** The tls check: a handshake over a connection of its own, which is closed once the certificate has been looked at. */
import type { TlsCheckConfig } from "../../config/checks/tls.ts";
import { certificateWords } from "../connect/certificate.ts";
import type { DialPorts } from "../connect/dial.ts";
import { failureOf } from "../connect/failure.ts";
import { TlsDialer, type TlsPorts, tlsTarget } from "../connect/tls_dialer.ts";
import type { Probe } from "./probe.ts";

/** The probe of a tls check. */
export function tlsProbe(config: TlsCheckConfig, ports: DialPorts & TlsPorts): Probe {
  const { address, port, serverName } = config;
  const dialer = new TlsDialer(
    { ...tlsTarget(config), host: address, port, serverName, protocols: [] },
    ports,
  );
  return {
    async run(signal, progress) {
      try {
        const { stream, version = "TLS", certificate } = await dialer.dial(signal, progress);
        stream[Symbol.dispose]();
        const words = certificate === undefined
          ? "no certificate"
          : certificateWords(certificate, ports.clock.wallTime());
        return { kind: "pass", detail: `${version.replace("TLSv", "TLS ")}, ${words}` };
      } catch (error) {
        return failureOf(error);
      }
    },
  };
}
