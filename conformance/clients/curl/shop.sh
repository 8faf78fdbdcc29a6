#!/usr/bin/env bash
# A merchant's shop in bash: curl, md5sum, openssl and iconv. It places an order, queries it, is told
# that it is paid, and refunds a part: as JSON signed as section 1.2 says, and as an encoded form
# signed as section 1.4 says (utf8_encode is iconv's Latin-1), asking with `Expect: 100-continue`.
#
# Standard output: `placed SN` for each order, whose payer is somebody else; then one line of JSON.
# Standard input: the body of the notification of each, one a line, as a web server gives it to a CGI
# script: NOTIFY_URL is that server's. The exit code is 1 if any check failed.
#
#   JUBAO_API=http://127.0.0.1:8080 NOTIFY_URL=… bash shop.sh
#
# Optional: JUBAO_MCH_ID, JUBAO_KEY (default: the document's merchant).
set -uo pipefail
export LC_ALL=C

api=${JUBAO_API:?} notify_url=${NOTIFY_URL:?}
mch_id=${JUBAO_MCH_ID:-10502105689001}
key=${JUBAO_KEY:-685c6e3eca5c964b2b8240aa151cb75d}
goods='聚宝烤鸭（半只）5 元 – 外带' table='第 1 桌'
total=444 part=44
# curl goes on after a second without `100 Continue`; here it fails instead.
patience_s=20 expect_s=60

checks=0 failed=()
check() { # WHAT COMMAND…
    checks=$((checks + 1))
    local what=$1
    shift
    "$@" || failed+=("$what")
}

# Lines `name=value` on standard input become the signature: plain, or widened as utf8_encode does.
sign() { # FORM
    local text
    text=$(grep -v '^sign=' | sort -t= -k1,1 | sed 's/=//' | tr -d '\n')
    case $1 in
    plain) printf '%s' "$key$text$key" | md5sum | cut -c1-32 | tr a-f A-F ;;
    widened)
        text=$(printf '%s' "$text" | iconv -f ISO-8859-1 -t UTF-8)
        printf '%s' "$key$text$key" | openssl md5 -r | cut -c1-32 | tr a-f A-F
        ;;
    esac
}

# One member of lines `name=value`.
member() { sed -n "s/^$2=//p" <<<"$1"; }

# The members of `data` of an answer, one a line: strings and integers, nothing nested.
members() { # ANSWER
    local data=${1#*\"data\":\{}
    data=${data%%\},*}
    grep -oE '"[a-z_]+":("([^"\\]|\\.)*"|[0-9]+)' <<<"$data" |
        sed -E 's/^"([a-z_]+)":"?/\1=/; s/"$//; s/\\"/"/g'
}

is_signed() { # FORM MEMBERS
    [ -n "$(member "$2" sign)" ] && [ "$(member "$2" sign)" = "$(sign "$1" <<<"$2")" ]
}

as_json() { # MEMBERS
    sed -E 's/\\/\\\\/g; s/"/\\"/g; s/^([a-z_]+)=(.*)$/"\1":"\2"/' <<<"$1" | paste -sd, | sed 's/.*/{&}/'
}

# Signs and sends lines `name=value`; the members of the answer.
call() { # FORM ADDRESS MEMBERS
    local form=$1 address=$2 asked=$3 head answer
    asked+=$'\n'mch_id=$mch_id
    asked+=$'\n'sign=$(sign "$form" <<<"$asked")
    local options=(--silent --show-error --max-time "$patience_s" --header 'Accept-Encoding: gzip')
    if [ "$form" = plain ]; then
        options+=(--header 'Content-Type: application/json,' --data "$(as_json "$asked")")
    else
        options+=(--header 'Expect: 100-continue' --expect100-timeout "$expect_s")
        while IFS= read -r line; do options+=(--data-urlencode "$line"); done <<<"$asked"
    fi
    head=$(mktemp)
    answer=$(curl "${options[@]}" --dump-header "$head" "$api$address")
    check "$form $address: $answer" grep -q '"code":200,.*"ret":0,' <<<"$answer"
    check "$form $address: the answer is encoded" is_without "$head" '^content-encoding:'
    if [ "$form" = widened ]; then
        check "$form $address: it is told to go on" grep -q '^HTTP/1.1 100 ' "$head"
    fi
    rm "$head"
    answered=$(members "$answer")
    check "$form $address: the answer's signature is wrong" is_signed "$form" "$answered"
}

is_without() { ! grep -qi "$2" "$1"; }
is() { [ "$1" = "$2" ]; }

# A form's body as lines `name=value`.
decoded() {
    tr '&' '\n' <<<"$1" | while IFS= read -r pair; do
        pair=${pair//+/ }
        printf '%b\n' "${pair//%/\\x}"
    done
}

live() { # FORM
    local form=$1 number told sn name order
    number=curl$(openssl rand -hex 12)
    order="pay_channel_id=304
total_fee=$total
out_trade_no=$number
body=$goods
attach=$table
notify_url=$notify_url"
    call "$form" '/index.php?_m=pay_gateway&_a=apply_pay' "$order"
    sn=$(member "$answered" sn)
    for name in total_fee out_trade_no body attach; do
        check "$form: another $name came back" is "$(member "$answered" $name)" "$(member "$order" $name)"
    done
    call "$form" /order/query "sn=$sn"
    check "$form: nobody has paid yet" is "$(member "$answered" trade_state)" NOTPAY
    echo "placed $sn"
    IFS= read -r told
    told=$(decoded "$told")
    check "$form: the notification's signature: $told" is_signed "$form" "$told"
    check "$form: the notification tells the payment" is "$(member "$told" trade_state)" SUCCESS
    for name in total_fee out_trade_no body attach; do
        check "$form: another $name is told" is "$(member "$told" $name)" "$(member "$order" $name)"
    done
    call "$form" /order/query "out_trade_no=$number"
    check "$form: the query says paid" is "$(member "$answered" trade_state)" SUCCESS
    call "$form" /payment/refund "sn=$sn
out_refund_no=r$sn
refund_fee=$part"
    check "$form: another amount goes back" is "$(member "$answered" refund_fee)" "$part"
    check "$form: another amount is left" is "$(member "$answered" refundable)" "$((total - part))"
    call "$form" /order/refundquery "out_refund_no=r$sn"
    check "$form: the refund is of another order" is "$(member "$answered" sn)" "$sn"
    orders+=("{\"way\":\"$form\",\"sn\":\"$sn\"}")
}

orders=()
live plain
live widened
listed=$(printf '%s\n' "${failed[@]+"${failed[@]}"}" | sed -E '/^$/d; s/\\/\\\\/g; s/"/\\"/g; s/.*/"&"/' | paste -sd,)
ok=$([ ${#failed[@]} = 0 ] && echo true || echo false)
echo "{\"ok\":$ok,\"checks\":$checks,\"orders\":[$(IFS=,; echo "${orders[*]}")],\"failed\":[$listed]}"
[ "$ok" = true ]
