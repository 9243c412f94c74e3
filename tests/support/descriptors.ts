/** The open descriptors of this process, for leak checks: raw ones are invisible to Deno's sanitizers. */
import { until } from "./until.ts";

const F_GETFD = 1;
/** Descriptors are given out lowest first, so a test's are far below this. */
const HIGHEST = 4096;

/** How many descriptors are open now. Needs --allow-ffi. */
export function openDescriptors(): number {
  // int fcntl(int fd, int cmd)
  const libc = Deno.dlopen("libc.so.6", { fcntl: { parameters: ["i32", "i32"], result: "i32" } });
  try {
    let count = 0;
    for (let fd = 0; fd < HIGHEST; fd++) if (libc.symbols.fcntl(fd, F_GETFD) >= 0) count++;
    return count;
  } finally {
    libc.close();
  }
}

/** Whether a descriptor is open. Needs --allow-ffi. */
export function isOpen(fd: number): boolean {
  // int fcntl(int fd, int cmd)
  const libc = Deno.dlopen("libc.so.6", { fcntl: { parameters: ["i32", "i32"], result: "i32" } });
  try {
    return libc.symbols.fcntl(fd, F_GETFD) >= 0;
  } finally {
    libc.close();
  }
}

/** Runs `body` and waits until as few descriptors are open as before. @throws where they stay open */
export async function withoutLeak(body: () => void | Promise<void>): Promise<void> {
  const before = openDescriptors();
  await body();
  let after = before;
  await until(() => (after = openDescriptors()) <= before, () => `${before} descriptors, then ${after}`);
}
