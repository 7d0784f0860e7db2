/**
 * A shell script that runs a daemon for as long as somebody needs it, and then takes away all that it left.
 *
 * Arguments: the folder of the daemon, the folder of its sockets, `keep` or `remove` for the data, then the command.
 *
 * The script's standard input is a pipe that the starter holds: when the starter ends, in whatever way, the pipe
 * ends too. The daemon then runs on only while other processes are registered as users (a file `users/<pid>` each).
 * What is stopped is stopped by process id.
 */
export const supervisorScript: string = String.raw`
dir=$1 run=$2 data=$3
shift 3
exec 3<&0 </dev/null
trap '' INT HUP
"$@" >>"$dir/log" 2>&1 3<&- &
daemon=$!
echo "$daemon" >"$dir/daemon.pid"

in_use() {
  for user in "$dir"/users/*; do
    [ -e "$user" ] || continue
    if kill -0 "$(basename "$user")" 2>/dev/null; then return 0; fi
    rm -f "$user"
  done
  return 1
}

(
  read -r _ <&3
  while in_use; do sleep 0.2; done
  kill -TERM "$daemon" 2>/dev/null
  waited=0
  while kill -0 "$daemon" 2>/dev/null && [ "$waited" -lt 100 ]; do
    sleep 0.1
    waited=$((waited + 1))
  done
  kill -KILL "$daemon" 2>/dev/null
) &
watcher=$!
trap 'kill -TERM "$daemon" 2>/dev/null' TERM
wait "$daemon"
code=$?
while kill -0 "$daemon" 2>/dev/null; do
  wait "$daemon"
  code=$?
done
kill "$watcher" 2>/dev/null

# A daemon that was killed leaves its containerd and its mounts.
if [ -e "$run/exec/containerd/containerd.pid" ]; then
  left=$(cat "$run/exec/containerd/containerd.pid")
  if grep -qsF "$run/exec/containerd" "/proc/$left/cmdline"; then kill -TERM "$left"; sleep 0.5; fi
fi
while read -r _ point _; do
  case $point in "$dir"/* | "$run"/*) echo "$point" ;; esac
done </proc/self/mounts | sort -r | while read -r point; do umount -l "$point" 2>/dev/null; done

rm -rf "$run" "$dir/users" "$dir/daemon.pid" "$dir/daemon.json"
if [ "$data" = remove ]; then
  rm -rf "$dir"
  rmdir "$(dirname "$dir")" 2>/dev/null
else
  echo "$code" >"$dir/exit-code"
fi
`;
