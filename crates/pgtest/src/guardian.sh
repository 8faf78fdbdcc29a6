# Waits until standard input ends, which it does at the latest with the process that holds the other
# end, killed or not. Then ends the server whose data are in the folder $1, and removes the folder.
trap '' HUP INT QUIT TERM
while read -r _; do :; done

pid_file=$1/data/postmaster.pid
if [ -f "$pid_file" ]; then
    pid=$(sed -n 1p "$pid_file")
    memory=$(sed -n '7s/.* //p' "$pid_file")
    # Its number may be another process's by now, and a dead one's command line is empty.
    is_alive() { tr '\0' '\n' <"/proc/$pid/cmdline" 2>/dev/null | grep -qxF "$1/data"; }
    if is_alive "$1"; then
        kill -CONT "$pid"
        kill -QUIT "$pid"
        looks=0
        while is_alive "$1" && [ "$looks" -lt 250 ]; do
            sleep 0.02
            looks=$((looks + 1))
        done
        # Its children end when it is gone.
        is_alive "$1" && kill -KILL "$pid"
    elif [ -n "$memory" ]; then
        # A killed server leaves a few bytes of shared memory, which only a next start would remove.
        ipcrm -m "$memory"
    fi
fi
looks=0
# A child that is still ending may write into a folder that is being removed.
while ! rm -rf "$1" && [ "$looks" -lt 100 ]; do
    sleep 0.02
    looks=$((looks + 1))
done
