import os

from jubao import call

answer = call("/order/query", out_trade_no=os.environ["OUT_TRADE_NO"])
print(answer["data"]["trade_state"] if answer["code"] == 200 else answer["message"])
