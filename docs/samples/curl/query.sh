#!/usr/bin/env bash
source "$(dirname "$0")/jubao.sh"

call /order/query "out_trade_no=$OUT_TRADE_NO" | member trade_state
