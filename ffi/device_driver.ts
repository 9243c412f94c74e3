/** Which driver a network interface has (ETHTOOL_GDRVINFO of linux/ethtool.h); everybody may ask. */
import { cString, type Libc } from "./libc.ts";

const SIOCETHTOOL = 0x8946n;
const ETHTOOL_GDRVINFO = 3;
/** struct ifreq, and its pointer to what is asked. */
const IFREQ = { size: 40, data: 16 } as const;
const IFNAMSIZ = 16;
/** struct ethtool_drvinfo. */
const DRVINFO = { size: 196, driver: 4, version: 36 } as const;

/** The name of the driver of `device`, such as "vrf", asked over any socket; undefined: there is no such one, or none that says. */
export function deviceDriver(libc: Libc, fd: number, device: string): string | undefined {
  const info = new Uint8Array(new ArrayBuffer(DRVINFO.size));
  new DataView(info.buffer).setUint32(0, ETHTOOL_GDRVINFO, true);
  const request = new Uint8Array(new ArrayBuffer(IFREQ.size));
  request.set(cString(device).subarray(0, IFNAMSIZ - 1));
  new DataView(request.buffer).setBigUint64(IFREQ.data, libc.addressOf(info), true);
  if (libc.symbols.ioctl(fd, SIOCETHTOOL, request) !== 0) return undefined;
  const name = info.subarray(DRVINFO.driver, DRVINFO.version);
  return new TextDecoder().decode(name.subarray(0, name.indexOf(0)));
}
