/* Answers keepalived's calls to IPVS, so that its checks can be measured on a kernel that has none. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <string.h>
#include <sys/socket.h>

#define IP_VS_BASE_CTL (64 + 1024 + 64)

int getsockopt(int fd, int level, int name, void *value, socklen_t *length) {
  int (*next)(int, int, int, void *, socklen_t *) = dlsym(RTLD_NEXT, "getsockopt");
  if (level != 0 || name < IP_VS_BASE_CTL || name > IP_VS_BASE_CTL + 64) return next(fd, level, name, value, length);
  memset(value, 0, *length);
  if (name == IP_VS_BASE_CTL + 1) *(unsigned *)value = 0x010201;
  return 0;
}

int setsockopt(int fd, int level, int name, const void *value, socklen_t length) {
  int (*next)(int, int, int, const void *, socklen_t) = dlsym(RTLD_NEXT, "setsockopt");
  return level == 0 && name >= IP_VS_BASE_CTL && name <= IP_VS_BASE_CTL + 64 ? 0 : next(fd, level, name, value, length);
}
