# What the other samples source: signs and sends. bash, curl and md5sum.

# MD5 over the key, name and value of every parameter in the order of names, and the key.
# Parameters come as name=value, one an argument.
sign() {
    local text
    text=$(printf '%s\n' "$@" | LC_ALL=C sort -t= -k1,1 | while IFS= read -r pair; do
        printf '%s%s' "${pair%%=*}" "${pair#*=}"
    done)
    printf '%s' "$JUBAO_KEY$text$JUBAO_KEY" | md5sum | cut -c1-32 | tr a-f A-F
}

# call PATH name=value …
call() {
    local path=$1 pair fields=()
    shift
    set -- "$@" "mch_id=$JUBAO_MCH_ID" "version=2"
    set -- "$@" "sign=$(sign "$@")"
    for pair in "$@"; do fields+=(--data-urlencode "$pair"); done
    curl --silent --show-error --max-time 15 "${fields[@]}" "$JUBAO_API$path"
}

# member NAME: its value in the JSON on standard input.
member() {
    grep -o "\"$1\":\(\"[^\"]*\"\|[0-9]*\)" | head -n 1 | cut -d: -f2- | tr -d '"'
}
