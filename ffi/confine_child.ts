/**
 * What a child of this process is held to, whatever program it becomes: it leaves no core file, which can take longer to write
 * than any check may take, and has none of the protection against the OOM killer that this process may have.
 */
import { cString, type Libc } from "./libc.ts";

const RLIMIT_CORE = 4;
/** A limit of 1 is for a core that is piped to a program, too: the kernel looks at no other there (fs/coredump.c). */
const NO_CORE = 1n;
const O_WRONLY_CLOEXEC = 0o2000001;

/** Holds it to that, as far as this process may; for one that was started a moment ago, and has not done much. */
export function confineChild(libc: Libc, pid: number): void {
  const { prlimit, open, write } = libc.symbols;
  const limit = new Uint8Array(new BigUint64Array([NO_CORE, NO_CORE]).buffer);
  prlimit(pid, RLIMIT_CORE, limit, null);
  const fd = open(cString(`/proc/${pid}/oom_score_adj`), O_WRONLY_CLOEXEC);
  if (fd < 0) return;
  write(fd, new TextEncoder().encode("0"), 1n);
  libc.close(fd);
}
