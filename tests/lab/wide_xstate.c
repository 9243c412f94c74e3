/*
 * For user-mode Linux on a processor whose extended state (AMX) is larger than the buffer that user-mode Linux was built
 * with: the kernel takes the whole state or nothing (EFAULT), and PID 1 dies with "put_fp_registers". Preloaded, this
 * fills up what it sets with the rest of what is there. No header is needed, so that any C compiler will do.
 */
typedef unsigned long size_t;
struct iovec {
  char *base;
  size_t length;
};
extern long syscall(long number, ...);
extern int *__errno_location(void);

enum { SYS_PTRACE = 101, PEEKTEXT = 1, PEEKUSER = 3, GETREGSET = 0x4204, SETREGSET = 0x4205, NT_X86_XSTATE = 0x202 };

/* long ptrace(enum __ptrace_request request, ...), ptrace(2) */
long ptrace(long request, int pid, void *address, void *data) {
  static char wide[65536];
  if (request == SETREGSET && (long)address == NT_X86_XSTATE) {
    struct iovec *narrow = data, full = {wide, sizeof wide};
    long result = syscall(SYS_PTRACE, GETREGSET, pid, address, &full);
    if (result < 0) return result;
    if (full.length > narrow->length) {
      size_t at = 0;
      for (; at < narrow->length; at++) wide[at] = narrow->base[at];
      for (; at < full.length; at++) wide[at] = 0;
      return syscall(SYS_PTRACE, request, pid, address, &full);
    }
  }
  /* The system call stores the word that it peeks; the function of the C library returns it. */
  if (request >= PEEKTEXT && request <= PEEKUSER) {
    long word;
    long result = syscall(SYS_PTRACE, request, pid, address, &word);
    if (result != 0) return result;
    *__errno_location() = 0;
    return word;
  }
  return syscall(SYS_PTRACE, request, pid, address, data);
}
