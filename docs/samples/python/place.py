import os
import sys

from jubao import call

answer = call(
    "/payment/pay",
    pay_channel_id=304,
    total_fee=1314,  # 13.14, in fen
    out_trade_no=os.environ["OUT_TRADE_NO"],  # yours: it makes repeating safe
    notify_url=os.environ["NOTIFY_URL"],
    body="明前龙井",
)
if answer["code"] != 200:
    sys.exit(f"{answer['code']} {answer['message']}")
print(answer["data"]["sn"], answer["data"]["code_url"])
