"""The PyPI package python-alipay-sdk 3.4.0 as a client of our simulated Alipay.

Whatever the simulator gets wrong, the SDK that merchants use refuses. Standard output is one line
of JSON; the exit code is 1 if any check failed.

    SIM=http://127.0.0.1:8081 APP_ID=… APP_PRIVATE_KEY=app.pem ALIPAY_PUBLIC_KEY=alipay.pem \
        SIGN_TYPE=RSA2 python alipay_judge.py

The two keys are paths of PEM files. Payments are made by POST SIM/pay/OUT_TRADE_NO, the time is moved
by POST SIM/clock. Nothing but the gateway's address is changed in the SDK.
"""

import random
import sys
import urllib.parse
import uuid

import requests
from alipay import AliPay
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from judging import SIM, TIMEOUT_S, Findings, Listener, listen, pay, read, setting, verdict, wait

SUBJECT = "聚宝烤鸭（半只）& {汤} a=b"
TOTAL = "13.14"


def new_number():
    return uuid.uuid4().hex


def new_code(outcome):
    """A payer's code; its last two digits choose what happens."""
    return f"28{random.randrange(10**13, 10**14)}{outcome}"


class Judge(Findings):
    def __init__(self, notify_url):
        super().__init__()
        self.notify_url = notify_url
        self.sdk = self.client(read(setting("APP_PRIVATE_KEY")))

    def client(self, private_key):
        sdk = AliPay(
            appid=setting("APP_ID"),
            app_notify_url=self.notify_url,
            app_private_key_string=private_key,
            alipay_public_key_string=read(setting("ALIPAY_PUBLIC_KEY")),
            sign_type=setting("SIGN_TYPE"),
        )
        sdk._gateway = f"{SIM}/gateway.do"
        return sdk

    def status(self, number):
        return self.sdk.api_alipay_trade_query(out_trade_no=number).get("trade_status")

    def precreate(self, number, sdk=None):
        return (sdk or self.sdk).api_alipay_trade_precreate(SUBJECT, number, TOTAL)

    def verified(self, number, status, refunded=None):
        """The next notification, verified by the SDK."""
        heard = Listener.next()
        self.check(heard is not None, f"a notification of {status} comes")
        if heard is None:
            return {}
        told = dict(urllib.parse.parse_qsl(heard[1].decode("utf-8"), keep_blank_values=True))
        signature = told.pop("sign", "")
        self.check(self.sdk.verify(dict(told), signature), f"the signature of {status} verifies")
        forged = {**told, "total_amount": "0.01"}
        self.check(not self.sdk.verify(forged, signature), "another amount does not verify")
        self.check(told.get("out_trade_no") == number, "the notification names the order")
        self.check(told.get("trade_status") == status, f"{status}: {told.get('trade_status')}")
        self.check(told.get("total_amount") == TOTAL, "the notification tells the amount")
        self.check(told.get("app_id") == setting("APP_ID"), "the notification names the application")
        self.check(told.get("refund_fee") == refunded, f"it tells what was refunded: {refunded}")
        return told

    def paid(self):
        number = new_number()
        placed = self.precreate(number)
        self.check(placed.get("code") == "10000" and placed.get("qr_code"), f"precreate: {placed}")
        self.check(pay(number) == 200, "it can be paid")
        found = self.sdk.api_alipay_trade_query(out_trade_no=number)
        self.check(found.get("trade_status") == "TRADE_SUCCESS", f"paid: {found}")
        self.check(found.get("total_amount") == TOTAL, "the query tells the amount")
        self.check(found.get("buyer_pay_amount") == TOTAL, "the query tells what the payer paid")
        told = self.verified(number, "TRADE_SUCCESS")
        self.check(told.get("trade_no") == found.get("trade_no"), "Alipay's number is the same")
        by_theirs = self.sdk.api_alipay_trade_query(trade_no=found.get("trade_no"))
        self.check(by_theirs.get("out_trade_no") == number, "Alipay's number finds the order")
        close = self.sdk.api_alipay_trade_close(out_trade_no=number)
        self.check(close.get("code") == "40004", f"a paid trade cannot be closed: {close}")

    def paid_by_page(self):
        number = new_number()
        query = self.sdk.api_alipay_trade_wap_pay(SUBJECT, number, TOTAL, quit_url=self.notify_url)
        page = requests.get(f"{SIM}/gateway.do?{query}", timeout=TIMEOUT_S)
        self.check('id="pay"' in page.text, "the signed page opens")
        self.check(self.status(number) == "WAIT_BUYER_PAY", "an opened page is a trade that waits")
        self.check(pay(number) == 200, "the page's order can be paid")
        self.verified(number, "TRADE_SUCCESS")

    def paid_by_app(self):
        number = new_number()
        text = self.sdk.api_alipay_trade_app_pay(SUBJECT, number, TOTAL)
        wallet = requests.post(f"{SIM}/alipay/app", data=text, timeout=TIMEOUT_S)
        self.check('id="pay"' in wallet.text, "the wallet opens the text")
        self.check(pay(number) == 200, "the app's order can be paid")
        self.verified(number, "TRADE_SUCCESS")

    def charged(self):
        def charge(number, code):
            # The SDK's own example gives the amount as a number.
            more = {"total_amount": 13.14}
            return self.sdk.api_alipay_trade_pay(number, "bar_code", code, SUBJECT, **more)

        number, code = new_number(), new_code("00")
        done = charge(number, code)
        self.check(done.get("code") == "10000", f"a code is charged: {done}")
        self.check(done.get("total_amount") == TOTAL and done.get("gmt_payment"), f"paid: {done}")
        self.verified(number, "TRADE_SUCCESS")
        again = charge(new_number(), code)
        self.check(again.get("sub_code") == "ACQ.PAYMENT_AUTH_CODE_INVALID", f"used: {again}")
        undone = self.sdk.api_alipay_trade_cancel(out_trade_no=number)
        self.check(undone.get("action") == "refund", f"a paid trade is undone: {undone}")
        self.verified(number, "TRADE_CLOSED", refunded=TOTAL)
        slow = new_number()
        self.check(charge(slow, new_code("01")).get("code") == "10003", "a payer confirms")
        wait(9)
        self.check(self.status(slow) == "TRADE_SUCCESS", "the payer has confirmed")
        self.verified(slow, "TRADE_SUCCESS")
        poor = charge(new_number(), new_code("03"))
        self.check(poor.get("sub_code") == "ACQ.BUYER_BALANCE_NOT_ENOUGH", f"poor: {poor}")

    def refunded(self):
        number = new_number()
        self.precreate(number)
        pay(number)
        self.verified(number, "TRADE_SUCCESS")

        def refund(amount, request):
            return self.sdk.api_alipay_trade_refund(
                amount, out_trade_no=number, out_request_no=request
            )

        part = refund("5.00", "1")
        self.check(part.get("fund_change") == "Y" and part.get("refund_fee") == "5.00", f"{part}")
        self.verified(number, "TRADE_SUCCESS", refunded="5.00")
        again = refund("5.00", "1")
        self.check(again.get("fund_change") == "N", f"the same refund again is one: {again}")
        other = refund("6.00", "1")
        self.check(other.get("code") == "40004", f"its number with another amount: {other}")
        found = self.sdk.api_alipay_trade_fastpay_refund_query("1", out_trade_no=number)
        self.check(found.get("refund_status") == "REFUND_SUCCESS", f"the refund is found: {found}")
        self.check(found.get("refund_amount") == "5.00", "its amount is told")
        none = self.sdk.api_alipay_trade_fastpay_refund_query("never", out_trade_no=number)
        self.check(none.get("code") == "10000" and "refund_status" not in none, f"none: {none}")
        wait(4)
        # Amounts as numbers, as the SDK's own example has them.
        rest = refund(8.14, "2")
        self.check(rest.get("refund_fee") == TOTAL, f"the rest is refunded: {rest}")
        self.check(self.status(number) == "TRADE_CLOSED", "all refunded: the trade is closed")
        self.verified(number, "TRADE_CLOSED", refunded=TOTAL)

    def closed(self):
        number = new_number()
        code = self.precreate(number)["qr_code"]
        self.check(requests.get(code, timeout=TIMEOUT_S).status_code == 200, "the code opens a page")
        answer = self.sdk.api_alipay_trade_close(out_trade_no=number)
        self.check(answer.get("code") == "10000", f"a waiting trade can be closed: {answer}")
        self.check(self.status(number) == "TRADE_CLOSED", "the query says closed")
        self.check(pay(number) != 200, "a closed trade cannot be paid")
        self.verified(number, "TRADE_CLOSED")

    def refused(self):
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        pem = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.TraditionalOpenSSL,
            serialization.NoEncryption(),
        ).decode()
        answer = self.precreate(new_number(), self.client(pem))
        self.check(answer.get("sub_code") == "isv.invalid-signature", f"a stranger: {answer}")
        unknown = self.sdk.api_alipay_trade_query(out_trade_no=new_number())
        self.check(unknown.get("sub_code") == "ACQ.TRADE_NOT_EXIST", f"unknown: {unknown}")


def main():
    url, shutdown = listen(b"success")
    judge = Judge(url)
    parts = [judge.paid, judge.paid_by_page, judge.paid_by_app, judge.charged, judge.refunded]
    code = verdict(judge, [*parts, judge.closed, judge.refused], sign_type=setting("SIGN_TYPE"))
    shutdown()
    return code


if __name__ == "__main__":
    sys.exit(main())
