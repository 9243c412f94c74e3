#!/bin/sh
# PID 1 of the lab, in user-mode Linux or in fresh namespaces: init.sh uml|namespaces COMMAND [ARGUMENT]…
# The environment comes with it (LAB_DIR, DENO_DIR, …). In user-mode Linux the host's files are the root, mounted read-only;
# an overlay in memory makes all of it writable without a byte reaching the host.
set -eu
place=$1
shift
echo "lab: init $place"
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin

if [ "$place" = uml ]; then
  mount -t proc proc /proc
  # The only folder that every host has and that nobody needs yet.
  mount -t tmpfs tmpfs /sys
  mkdir -p /sys/kmod/lib/modules /sys/upper /sys/work /sys/root
  ln -s "/usr/lib/uml/modules/$(uname -r)" /sys/kmod/lib/modules/
  # shellcheck disable=SC2086
  modprobe -d /sys/kmod -a overlay $LAB_MODULES
  # Else each namespace would get a device of its own of every kind of tunnel.
  echo 1 >/proc/sys/net/core/fb_tunnels_only_for_init_net
  # Nothing is left to load on demand, and looking for it would cost a fork each time.
  echo "" >/proc/sys/kernel/modprobe
  mount -t overlay overlay -o lowerdir=/,upperdir=/sys/upper,workdir=/sys/work /sys/root
  cd /sys/root
  mount -t proc proc proc
  mount -t sysfs sysfs sys
  mount -t devtmpfs devtmpfs dev
  chroot . /bin/sh "$0" inside "$@" >/dev/tty1 2>&1 </dev/null || true
  echo "lab: over"
  # The host ends us when it has read the end; leaving would only be a kernel panic.
  exec sleep 1000
fi

if [ -c /dev/tty1 ] && [ "$place" = inside ]; then stty raw -echo </dev/tty1; fi
mkdir -p /run/netns
mount -t tmpfs tmpfs /run/netns
mount -t tmpfs tmpfs "$LAB_DIR"
mkdir -p "$LAB_DIR/home" "$LAB_DIR/tmp"
export HOME="$LAB_DIR/home" TMPDIR="$LAB_DIR/tmp"
cd "$LAB_ROOT"
ip link set lo up
"$@"
