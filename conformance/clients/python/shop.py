"""A merchant's shop with Python's requests, which knows only section 1.2 of the document.

In each way that requests sends members (JSON, form, multipart) it places an order, queries it, hears
that it is paid, and refunds a part. It signs plain UTF-8, once with version 2 and once without.
Standard output: `placed SN` for each order, whose payer is somebody else; then one line of JSON. The
exit code is 1 if any check failed.

    JUBAO_API=http://127.0.0.1:8080 python3 shop.py

Optional: JUBAO_APPID, JUBAO_KEY (default: the document's merchant).
"""

import hashlib
import json
import os
import queue
import sys
import threading
import urllib.parse
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import requests

GOODS = "聚宝烤鸭（半只）£5 – 外带 🦆"
TABLE = "第 1 桌"
TOTAL = 888
PART = 88
PATIENCE_S = 20

APPID = os.environ.get("JUBAO_APPID", "1000258")
KEY = os.environ.get("JUBAO_KEY", "685c6e3eca5c964b2b8240aa151cb75d")


def make_sign(params):
    """Section 1.2: names in ASCII order, name and value joined, the key before and after."""
    text = "".join(f"{name}{params[name]}" for name in sorted(params) if name != "sign")
    return hashlib.md5(f"{KEY}{text}{KEY}".encode()).hexdigest().upper()


def is_signed(params):
    return bool(params.get("sign")) and params["sign"] == make_sign(params)


class Notices(BaseHTTPRequestHandler):
    """The address for notifications; what is not signed is not acknowledged."""

    heard = queue.Queue()

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", "0"))).decode()
        if self.headers.get("Content-Type", "").startswith("application/json"):
            told = json.loads(body)
        else:
            told = dict(urllib.parse.parse_qsl(body, keep_blank_values=True))
        self.heard.put(told)
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"SUCCESS" if is_signed(told) else b"FAIL")

    def log_message(self, *_):
        pass


class Shop:
    """The shop, and what it found wrong."""

    def __init__(self, api, notify_url):
        self.api, self.notify_url = api, notify_url
        self.session = requests.Session()
        self.checks, self.failed = 0, []

    def check(self, holds, what):
        self.checks += 1
        if not holds:
            self.failed.append(what)

    def call(self, way, path, params):
        """Signs and sends; the signed data of the answer, or an empty one."""
        params = {"appid": APPID, **params}
        params["sign"] = make_sign(params)
        answer = self.session.post(self.api + path, timeout=PATIENCE_S, **way(params))
        self.check(answer.status_code == 200, f"{path}: HTTP {answer.status_code}")
        asked = answer.request.headers.get("Accept-Encoding", "")
        self.check("gzip" in asked, f"requests takes gzip: {asked}")
        self.check("Content-Encoding" not in answer.headers, f"{path}: the answer is encoded")
        said = answer.json()
        self.check(said.get("code") == 200 and said.get("ret") == 0, f"{path}: {said}")
        data = said.get("data", {})
        self.check(is_signed(data), f"{path}: the answer's signature is wrong")
        return data

    def place(self, way, more):
        order = {
            "payment": "wechat.qrcode",
            "total_fee": TOTAL,
            "out_trade_no": f"py{uuid.uuid4().hex}",
            "body": GOODS,
            "attach": TABLE,
            "notify_url": self.notify_url,
            **more,
        }
        data = self.call(way, "/payment/pay", order)
        for name in ("total_fee", "out_trade_no", "body", "attach"):
            self.check(data.get(name) == order[name], f"{name} came back as {data.get(name)!r}")
        return data

    def check_notice(self, placed):
        try:
            told = Notices.heard.get(timeout=PATIENCE_S)
        except queue.Empty:
            told = {}
        self.check(is_signed(told), f"the notification's signature: {told}")
        self.check(told.get("trade_state") == "SUCCESS", "the notification tells the payment")
        self.check(int(told.get("total_fee", 0)) == TOTAL, "the notification tells the amount")
        for name in ("sn", "out_trade_no", "body", "attach"):
            self.check(told.get(name) == placed.get(name), f"{name} is told as {told.get(name)!r}")

    def live(self, name, way, more):
        """One order's life."""
        placed = self.place(way, more)
        sn = placed.get("sn", "")
        found = self.call(way, "/order/query", {"sn": sn, **more})
        self.check(found.get("trade_state") == "NOTPAY", f"{name}: nobody has paid yet")
        print(f"placed {sn}", flush=True)
        self.check_notice(placed)
        found = self.call(way, "/order/query", {"order_sn": sn, **more})
        self.check(found.get("trade_state") == "SUCCESS", f"{name}: the query says paid")
        refund = {"sn": sn, "out_refund_no": f"r{sn}", "refund_fee": PART, "refund_desc": "少了一件"}
        back = self.call(way, "/payment/refund", {**refund, **more})
        self.check(back.get("refund_fee") == PART, f"{name}: another amount goes back")
        self.check(back.get("refundable") == TOTAL - PART, f"{name}: another amount is left")
        found = self.call(way, "/order/refundquery", {"out_refund_no": f"r{sn}", **more})
        status = found.get("refund_status")
        self.check(status in ("PROCESSING", "SUCCESS"), f"{name}: the refund is {status}")
        return {"way": name, "sn": sn}


WAYS = (
    ("json", lambda params: {"json": params}, {}),
    ("json, version 2", lambda params: {"json": params}, {"version": 2}),
    ("form", lambda params: {"data": params}, {"version": "2"}),
    ("multipart", lambda params: {"files": {n: (None, str(v)) for n, v in params.items()}}, {}),
)


def main():
    api = os.environ.get("JUBAO_API", "").rstrip("/")
    if not api:
        print("shop.py: JUBAO_API is not set", file=sys.stderr)
        return 2
    server = ThreadingHTTPServer(("127.0.0.1", 0), Notices)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    shop = Shop(api, f"http://127.0.0.1:{server.server_port}/notify")
    orders = [shop.live(*way) for way in WAYS]
    result = {"ok": not shop.failed, "checks": shop.checks, "orders": orders, "failed": shop.failed}
    print(json.dumps(result, ensure_ascii=False))
    return 1 if shop.failed else 0


if __name__ == "__main__":
    sys.exit(main())
