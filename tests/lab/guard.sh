#!/bin/sh
# Runs a command in a session of its own and leaves nothing behind: guard.sh FOLDER COMMAND [ARGUMENT]…
# When the command ends, or standard input does (the process that started us is gone, however it went, or wants an
# end), every process of the session's group is ended and FOLDER is removed. A Ctrl-C reaches our parent, not the command.
folder=$1
shift
exec 3<&0
trap : INT HUP TERM
setsid "$@" </dev/null 3<&- &
pid=$!
(
  while read -r _; do :; done
  kill -s TERM -- "-$pid"
  for _ in 1 2 3 4 5 6 7 8 9 10; do
    kill -s 0 -- "-$pid" || exit 0
    sleep 0.1
  done
  kill -s KILL -- "-$pid"
) <&3 3<&- >/dev/null 2>&1 &
watcher=$!
while kill -0 "$pid" 2>/dev/null; do
  wait "$pid"
  status=$?
done
kill -s KILL -- "-$pid" 2>/dev/null
kill -KILL "$watcher" 2>/dev/null
rm -rf -- "$folder"
exit "${status:-1}"
