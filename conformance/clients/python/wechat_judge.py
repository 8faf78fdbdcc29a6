"""The PyPI package wechatpayv3 2.0.4 as a client of our simulated WeChat Pay.

Whatever the simulator gets wrong, the SDK that merchants use refuses. Standard output is one line
of JSON; the exit code is 1 if any check failed.

    SIM=http://127.0.0.1:8081 MCHID=… APPID=… SERIAL=… PRIVATE_KEY=mch.pem APIV3_KEY=… \
        MODE=certificate python wechat_judge.py

MODE=certificate downloads the platform's certificates; MODE=public_key wants PUBLIC_KEY_ID and
PUBLIC_KEY as well. PRIVATE_KEY and PUBLIC_KEY are paths of PEM files (PKCS#8,
SubjectPublicKeyInfo). Payments are made by POST SIM/pay/OUT_TRADE_NO, the time is moved by POST
SIM/clock.
"""

import json
import random
import sys
import uuid
from datetime import datetime, timedelta, timezone

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from wechatpayv3 import WeChatPay, WeChatPayType, core

from judging import SIM, TIMEOUT_S, Findings, Listener, listen, pay, read, setting, verdict, wait

DESCRIPTION = "聚宝烤鸭（半只）"
TOTAL = 1314


class SimCore(core.Core):
    """The SDK's core, speaking to the simulator: its own address cannot be configured."""

    @property
    def _gate_way(self):
        return SIM

    @_gate_way.setter
    def _gate_way(self, _):
        pass


class Judge(Findings):
    def __init__(self, notify_url):
        super().__init__()
        self.notify_url = notify_url
        self.sdk = self.client(read(setting("PRIVATE_KEY")))

    def client(self, private_key):
        keys = {}
        if setting("MODE") == "public_key":
            keys = {"public_key": read(setting("PUBLIC_KEY")), "public_key_id": setting("PUBLIC_KEY_ID")}
        return WeChatPay(
            wechatpay_type=WeChatPayType.NATIVE,
            mchid=setting("MCHID"),
            private_key=private_key,
            cert_serial_no=setting("SERIAL"),
            appid=setting("APPID"),
            apiv3_key=setting("APIV3_KEY"),
            notify_url=self.notify_url,
            timeout=TIMEOUT_S,
            **keys,
        )

    def place(self, number, sdk=None, **more):
        order = {"description": DESCRIPTION, "out_trade_no": number, "amount": {"total": TOTAL}}
        expires = datetime.now(timezone(timedelta(hours=8))) + timedelta(minutes=30)
        order["time_expire"] = expires.isoformat(timespec="seconds")
        return parsed((sdk or self.sdk).pay(**{**order, **more}))

    def query(self, number):
        """The SDK verifies the answer's signature, or throws."""
        return parsed(self.sdk.query(out_trade_no=number))

    def paid(self):
        number = new_number()
        status, placed = self.place(number)
        self.check(status == 200 and placed.get("code_url"), f"native: {status} {placed}")
        status, order = self.query(number)
        self.check(status == 200 and order.get("trade_state") == "NOTPAY", f"unpaid: {order}")
        self.check("transaction_id" not in order, "an unpaid order has no transaction_id")

        self.check(pay(number) == 200, "it can be paid")
        status, order = self.query(number)
        self.check(order.get("trade_state") == "SUCCESS", f"paid: {status} {order}")
        self.check(order.get("amount", {}).get("total") == TOTAL, "the query tells the amount")
        self.check(order.get("mchid") == setting("MCHID"), "the query names the merchant")
        self.check(order.get("appid") == setting("APPID"), "the query names the application")
        self.check(bool(order.get("transaction_id")), "the query tells WeChat's number")
        self.check(pay(number) != 200, "it cannot be paid twice")
        status, answer = parsed(self.sdk.close(out_trade_no=number))
        self.check(status >= 400, f"a paid order cannot be closed: {status} {answer}")
        self.notified(number, order.get("transaction_id"))

    def told(self, event_type):
        """What the next notification seals, verified and opened by the SDK."""
        heard = Listener.next()
        self.check(heard is not None, f"a notification of {event_type} comes")
        if heard is None:
            return {}
        headers, body = heard
        told = self.sdk.callback(headers, body) or {}
        self.check(told.get("event_type") == event_type, f"notification: {told}")
        forged = body.replace(event_type.encode(), b"TRANSACTION.REVOKED")
        self.check(self.sdk.callback(headers, forged) is None, "a changed notification does not verify")
        return told.get("resource") or {}

    def notified(self, number, transaction_id):
        order = self.told("TRANSACTION.SUCCESS")
        self.check(order.get("out_trade_no") == number, "the notification names the order")
        self.check(order.get("trade_state") == "SUCCESS", "the notification tells the state")
        self.check(order.get("transaction_id") == transaction_id, "the notification tells WeChat's number")
        self.check(order.get("amount", {}).get("total") == TOTAL, "the notification tells the amount")
        self.check(order.get("mchid") == setting("MCHID"), "the notification names the merchant")

    def prepaid(self):
        """Pages inside WeChat, and apps."""
        payer = {"openid": "oxoPW5SUhI5lMvZgkQb2yTt1"}
        for pay_type, more in [(WeChatPayType.JSAPI, {"payer": payer}), (WeChatPayType.APP, {})]:
            number = new_number()
            status, placed = self.place(number, pay_type=pay_type, **more)
            self.check(status == 200 and placed.get("prepay_id"), f"{pay_type}: {status} {placed}")
            self.check(pay(number) == 200, f"{pay_type} can be paid")
            status, order = self.query(number)
            self.check(order.get("trade_type") == pay_type.name, f"{pay_type}: {order}")
            self.notified(number, order.get("transaction_id"))

    def charged(self):
        """Payers' codes, whose last two digits choose what happens."""

        def charge(number, code):
            more = {"payer": {"auth_code": code}, "scene_info": {"store_info": {"out_id": "1"}}}
            return self.place(number, pay_type=WeChatPayType.CODEPAY, time_expire=None, **more)

        number, code = new_number(), new_code("00")
        status, order = charge(number, code)
        self.check(status == 200 and order.get("trade_state") == "SUCCESS", f"{status} {order}")
        status, again = charge(new_number(), code)
        self.check(status == 403, f"a code is good for once: {status} {again}")
        status, undone = parsed(self.sdk.codepay_reverse(out_trade_no=number))
        self.check(status == 200 and undone.get("out_trade_no") == number, f"{status} {undone}")
        self.check(self.query(number)[1].get("trade_state") == "REVOKED", "the query says reversed")
        slow = new_number()
        status, order = charge(slow, new_code("01"))
        self.check(order.get("trade_state") == "USERPAYING", f"a password: {status} {order}")
        wait(9)
        self.check(self.query(slow)[1].get("trade_state") == "SUCCESS", "the payer has paid")
        status, order = charge(new_number(), new_code("03"))
        self.check(status == 403 and order.get("code") == "NOT_ENOUGH", f"{status} {order}")

    def refunded(self):
        """Two refunds, each asked for, found, and told."""
        number = new_number()
        self.place(number)
        pay(number)
        self.told("TRANSACTION.SUCCESS")
        part = {"refund": 500, "total": TOTAL, "currency": "CNY"}
        refund_no = f"{number}-1"

        def refund(no, amount):
            return parsed(self.sdk.refund(no, amount, out_trade_no=number, reason="少了一件"))

        status, asked = refund(refund_no, part)
        self.check(status == 200 and asked.get("status") == "PROCESSING", f"{status} {asked}")
        self.check(asked.get("amount", {}).get("refund") == 500, "the refund's answer tells the amount")
        status, again = refund(refund_no, part)
        self.check(again.get("refund_id") == asked.get("refund_id"), "the same refund again is one")
        status, other = refund(refund_no, {**part, "refund": 501})
        self.check(status == 400, f"its number with another amount: {status} {other}")
        status, over = refund(f"{number}-2", {**part, "refund": TOTAL - 499})
        self.check(status >= 400, f"more than is left: {status} {over}")
        wait(4)
        status, done = parsed(self.sdk.query_refund(refund_no))
        self.check(status == 200 and done.get("status") == "SUCCESS", f"{status} {done}")
        self.check(done.get("success_time") and done.get("out_trade_no") == number, f"{done}")
        told = self.told("REFUND.SUCCESS")
        self.check(told.get("out_refund_no") == refund_no, "the notification names the refund")
        self.check(told.get("refund_status") == "SUCCESS", "the notification tells how it ended")
        self.check(told.get("amount", {}).get("refund") == 500, "the notification tells the amount")
        status, rest = refund(f"{number}-2", {**part, "refund": TOTAL - 500})
        self.check(status == 200, f"the rest: {status} {rest}")
        wait(4)
        self.told("REFUND.SUCCESS")
        self.check(self.query(number)[1].get("trade_state") == "REFUND", "the order is refunded")
        status, none = parsed(self.sdk.query_refund("never"))
        self.check(status == 404, f"a refund that is not there: {status} {none}")

    def paid_by_h5(self):
        number = new_number()
        scene = {"payer_client_ip": "203.0.113.7", "h5_info": {"type": "Wap"}}
        status, placed = self.place(number, pay_type=WeChatPayType.H5, scene_info=scene)
        self.check(status == 200 and placed.get("h5_url"), f"h5: {status} {placed}")
        self.check(pay(number) == 200, "an H5 order can be paid")
        self.check(self.query(number)[1].get("trade_state") == "SUCCESS", "the H5 order is paid")
        self.told("TRANSACTION.SUCCESS")

    def closed(self):
        number = new_number()
        self.place(number)
        status, _ = parsed(self.sdk.close(out_trade_no=number))
        self.check(status == 204, f"close answers {status}")
        self.check(self.query(number)[1].get("trade_state") == "CLOSED", "the query says closed")
        self.check(pay(number) != 200, "a closed order cannot be paid")

    def refused(self):
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        pem = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ).decode()
        # Certificates are fetched with the right key; the order is then signed with another.
        stranger = self.client(read(setting("PRIVATE_KEY")))
        stranger._core._private_key = core.load_private_key(pem)
        status, answer = self.place(new_number(), stranger)
        self.check(status == 401 and answer.get("code") == "SIGN_ERROR", f"stranger: {status} {answer}")
        status, answer = self.query(new_number())
        self.check(status == 404, f"an unknown number: {status} {answer}")
        status, answer = self.place(new_number(), amount={"total": 0})
        self.check(status == 400, f"an amount of nothing: {status} {answer}")


def parsed(answer):
    """Status and members; an empty body has none."""
    status, text = answer
    return status, json.loads(text) if text else {}


def new_number():
    return uuid.uuid4().hex


def new_code(outcome):
    return f"13{random.randrange(10**13, 10**14)}{outcome}"


def main():
    core.Core = SimCore
    url, shutdown = listen(b"")
    judge = Judge(url)
    parts = [judge.paid, judge.paid_by_h5, judge.prepaid, judge.charged, judge.refunded]
    code = verdict(judge, [*parts, judge.closed, judge.refused], mode=setting("MODE"))
    shutdown()
    return code


if __name__ == "__main__":
    sys.exit(main())
