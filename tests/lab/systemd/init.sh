#!/bin/sh
# PID 1 of a user-mode Linux whose root is this machine's, read-only: init.sh ROOT OVER REPOSITORY WALK. Lays memory over OVER
# over ROOT, a Debian system, makes that the root and goes on as its systemd, which runs the program WALK once it is up.
set -eu
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
echo "systemd lab: init"
mount -t proc proc /proc
# The only folder that every host has and that nobody needs yet.
mount -t tmpfs tmpfs /sys
mkdir -p /sys/kmod/lib/modules /sys/upper /sys/work /sys/root
ln -s "/usr/lib/uml/modules/$(uname -r)" /sys/kmod/lib/modules/
modprobe -d /sys/kmod -a overlay autofs4 dummy veth ip_vs ip_vs_rr
# Nothing is left to load on demand, and looking for it would cost a fork each time.
echo "" >/proc/sys/kernel/modprobe
mount -t overlay overlay -o "lowerdir=$2:$1,upperdir=/sys/upper,workdir=/sys/work" /sys/root
mkdir -p /sys/root/old /sys/root/repository
mount --bind "$3" /sys/root/repository
cd /sys/root/etc/systemd/system
cat >walk.service <<UNIT
[Unit]
After=multi-user.target
[Service]
Type=oneshot
Environment=DENO_DIR=/var/tmp/deno NO_COLOR=1 HOME=/root
WorkingDirectory=/repository
ExecStart=/usr/local/lib/bgp-lb/deno run -A --quiet --no-config --no-lock --no-remote --no-npm --no-check tests/lab/systemd/$4
StandardOutput=tty
StandardError=tty
TTYPath=/dev/tty1
UNIT
mkdir -p default.target.wants
ln -s ../walk.service default.target.wants/
# What a machine has and this one does not need.
for unit in bird getty@tty1 systemd-logind e2scrub_reap apt-daily.timer apt-daily-upgrade.timer systemd-update-utmp \
  systemd-random-seed systemd-network-generator dev-mqueue.mount modprobe@ systemd-journal-flush; do
  case $unit in *.timer | *.mount) ;; *) unit=$unit.service ;; esac
  ln -sf /dev/null "$unit"
done
umount /proc
cd /sys/root
pivot_root . old
exec chroot . /lib/systemd/systemd --show-status=0
