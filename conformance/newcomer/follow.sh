#!/usr/bin/env bash
# Follows the quick start literally: every block of shell in it, in its order and as it stands. The first
# one goes on running; the others are one terminal beside it. The last one must show a paid order.
#
#   follow.sh QUICKSTART.md [BINARY]
#
# Run in the repository's root. With a BINARY, `cargo run --` starts that instead of building one.
set -euo pipefail

page=$1
binary=${2:-}
ready_s=${READY_S:-3600}
work=$(mktemp -d)
demo=

finish() {
    if [ -n "$demo" ]; then
        # Cargo does not pass a signal on to what it runs: the whole group is asked to end.
        kill -TERM -- "-$demo" 2>/dev/null || true
        wait "$demo" 2>/dev/null || true
    fi
    rm -rf "$work"
}
trap finish EXIT

# Block N of the page goes to the file N.sh.
awk -v work="$work" '
    /^```sh$/ { inside = 1; block += 1; next }
    /^```$/ { inside = 0 }
    inside { print > (work "/" block ".sh") }
' "$page"
blocks=$(find "$work" -name '*.sh' | wc -l)
[ "$blocks" -ge 3 ] || { echo "$page has $blocks blocks of shell"; exit 1; }

if [ -n "$binary" ]; then
    cargo() {
        [ "$1 $2" = "run --" ] || { echo "cargo $*: not a command of the quick start" >&2; return 1; }
        shift 2
        "$binary" "$@"
    }
    export -f cargo
    export binary
fi

# A group of its own, as a terminal's.
set -m
bash -euo pipefail "$work/1.sh" >"$work/demo.out" 2>&1 &
demo=$!
set +m
touch "$work/demo.out"
for ((second = 0; ; second += 1)); do
    ! grep -q ready "$work/demo.out" || break
    if [ "$second" -ge "$ready_s" ] || ! kill -0 "$demo" 2>/dev/null; then
        cat "$work/demo.out"
        echo "the demo was not ready after $second s"
        exit 1
    fi
    sleep 1
done
echo "ready after $second s"

# The second terminal: what one block sets, the next ones know.
begun=$SECONDS
for ((number = 2; number <= blocks; number += 1)); do
    echo "echo; echo 'block $number'"
    cat "$work/$number.sh"
done >"$work/terminal.sh"
bash -euo pipefail "$work/terminal.sh" | tee "$work/terminal.out"
echo
if ! tail -n 1 "$work/terminal.out" | grep -q '"trade_state":"SUCCESS"'; then
    echo "the last block shows no paid order"
    exit 1
fi
echo "a paid order, $((SECONDS - begun)) s after the demo was ready"
