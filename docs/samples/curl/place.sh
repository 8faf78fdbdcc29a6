#!/usr/bin/env bash
source "$(dirname "$0")/jubao.sh"

# 1314 is 13.14, in fen; out_trade_no is yours: it makes repeating safe.
answer=$(call /payment/pay pay_channel_id=304 total_fee=1314 "out_trade_no=$OUT_TRADE_NO" \
    "notify_url=$NOTIFY_URL" body=明前龙井)
if [ "$(member code <<<"$answer")" = 200 ]; then
    echo "$(member sn <<<"$answer") $(member code_url <<<"$answer")"
else
    echo "$answer"
fi
