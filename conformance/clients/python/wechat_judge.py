"""The PyPI package wechatpayv3 2.0.4 as a client of our simulated WeChat Pay.

Whatever the simulator gets wrong, the SDK that merchants use refuses. Standard output is one line
of JSON; the exit code is 1 if any check failed.

    SIM=http://127.0.0.1:8081 MCHID=… APPID=… SERIAL=… PRIVATE_KEY=mch.pem APIV3_KEY=… \
        MODE=certificate python wechat_judge.py

MODE=certificate downloads the platform's certificates; MODE=public_key wants PUBLIC_KEY_ID and
PUBLIC_KEY as well. PRIVATE_KEY and PUBLIC_KEY are paths of PEM files (PKCS#8,
SubjectPublicKeyInfo). Payments are made by POST SIM/pay/OUT_TRADE_NO.
"""

import json
import os
import queue
import sys
import threading
import uuid
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import requests
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from wechatpayv3 import WeChatPay, WeChatPayType, core

NOTICE_S_MAX = 15
TIMEOUT_S = 15
DESCRIPTION = "聚宝烤鸭（半只）"
TOTAL = 1314


def setting(name):
    value = os.environ.get(name, "")
    if not value:
        print(f"wechat_judge.py: {name} is not set", file=sys.stderr)
        sys.exit(2)
    return value


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


SIM = setting("SIM").rstrip("/")


class SimCore(core.Core):
    """The SDK's core, speaking to the simulator: its own address cannot be configured."""

    @property
    def _gate_way(self):
        return SIM

    @_gate_way.setter
    def _gate_way(self, _):
        pass


class Listener(BaseHTTPRequestHandler):
    """Keeps each notification as it came, and acknowledges it."""

    heard = queue.Queue()

    def do_POST(self):
        length = int(self.headers.get("Content-Length", "0"))
        self.heard.put((dict(self.headers.items()), self.rfile.read(length)))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_):
        pass


class Judge:
    """The client, and what it found wrong."""

    def __init__(self, notify_url):
        self.notify_url = notify_url
        self.checks, self.failed = 0, []
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

    def check(self, holds, what):
        self.checks += 1
        if not holds:
            self.failed.append(what)

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

    def notified(self, number, transaction_id):
        try:
            headers, body = Listener.heard.get(timeout=NOTICE_S_MAX)
        except queue.Empty:
            self.check(False, "no notification came")
            return
        told = self.sdk.callback(headers, body) or {}
        self.check(told.get("event_type") == "TRANSACTION.SUCCESS", f"notification: {told}")
        order = told.get("resource") or {}
        self.check(order.get("out_trade_no") == number, "the notification names the order")
        self.check(order.get("trade_state") == "SUCCESS", "the notification tells the state")
        self.check(order.get("transaction_id") == transaction_id, "the notification tells WeChat's number")
        self.check(order.get("amount", {}).get("total") == TOTAL, "the notification tells the amount")
        self.check(order.get("mchid") == setting("MCHID"), "the notification names the merchant")
        forged = body.replace(b"TRANSACTION.SUCCESS", b"TRANSACTION.REVOKED")
        self.check(self.sdk.callback(headers, forged) is None, "a changed notification does not verify")

    def paid_by_h5(self):
        number = new_number()
        scene = {"payer_client_ip": "203.0.113.7", "h5_info": {"type": "Wap"}}
        status, placed = self.place(number, pay_type=WeChatPayType.H5, scene_info=scene)
        self.check(status == 200 and placed.get("h5_url"), f"h5: {status} {placed}")
        self.check(pay(number) == 200, "an H5 order can be paid")
        self.check(self.query(number)[1].get("trade_state") == "SUCCESS", "the H5 order is paid")
        Listener.heard.get(timeout=NOTICE_S_MAX)

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


def pay(number):
    return requests.post(f"{SIM}/pay/{number}", timeout=TIMEOUT_S).status_code


def new_number():
    return uuid.uuid4().hex


def main():
    core.Core = SimCore
    server = ThreadingHTTPServer(("127.0.0.1", 0), Listener)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    judge = Judge(f"http://127.0.0.1:{server.server_port}/notify")
    for part in (judge.paid, judge.paid_by_h5, judge.closed, judge.refused):
        try:
            part()
        except Exception as error:  # Whatever the SDK refuses is a finding, and the next part runs.
            judge.check(False, f"{part.__name__}: {error!r}")
    server.shutdown()
    mode = setting("MODE")
    result = {"ok": not judge.failed, "mode": mode, "checks": judge.checks, "failed": judge.failed}
    print(json.dumps(result, ensure_ascii=False))
    return 1 if judge.failed else 0


if __name__ == "__main__":
    sys.exit(main())
