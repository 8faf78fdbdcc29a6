#!/usr/bin/env bash
# Verifies a notification (a form) on standard input; any CGI server can run it.
source "$(dirname "$0")/jubao.sh"

decode() {
    local text=${1//+/ }
    printf '%b' "${text//%/\\x}"
}

IFS= read -r body || true
pairs=() given=
IFS='&' read -ra encoded <<<"$body"
for pair in "${encoded[@]}"; do
    case $pair in
        sign=*) given=${pair#sign=} ;;
        *) pairs+=("${pair%%=*}=$(decode "${pair#*=}")") ;;
    esac
done
if [ "$(sign "${pairs[@]}")" = "$given" ]; then echo success; else echo fail; fi
