import os

from jubao import call

answer = call(
    "/payment/refund",
    out_trade_no=os.environ["OUT_TRADE_NO"],
    out_refund_no=os.environ["OUT_TRADE_NO"] + "-R1",  # yours: one number is one refund
    refund_fee=314,
)
print(answer["data"]["refund_status"] if answer["code"] == 200 else answer["message"])
