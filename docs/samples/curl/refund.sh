#!/usr/bin/env bash
source "$(dirname "$0")/jubao.sh"

# out_refund_no is yours: one number is one refund.
call /payment/refund "out_trade_no=$OUT_TRADE_NO" "out_refund_no=$OUT_TRADE_NO-R1" refund_fee=314 |
    member refund_status
