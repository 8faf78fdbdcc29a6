"""A merchant's client in Python that knows section 1.2 of the document only.

It signs the plain UTF-8 text (nothing of utf8_encode, which only the PHP of section 1.4 does),
sends no version, and speaks JSON. Standard library only. Standard output is one line of JSON; the
exit code is 1 if any check failed.

    JUBAO_API=http://127.0.0.1:8080 python3 place.py

Optional: JUBAO_MCH_ID, JUBAO_KEY (default: the document's merchant), NOTIFY_URL.
"""

import hashlib
import json
import os
import sys
import urllib.request
import uuid

BODY = "聚宝烤鸭（半只）£5 – 外带"
TIMEOUT_S = 15


def make_sign(params, key):
    """Section 1.2: names in ASCII order, name and value joined, the key before and after."""
    text = "".join(f"{name}{params[name]}" for name in sorted(params) if name != "sign")
    return hashlib.md5(f"{key}{text}{key}".encode("utf-8")).hexdigest().upper()


def post(url, params):
    body = json.dumps(params, ensure_ascii=False).encode("utf-8")
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:
        return answer.status, json.loads(answer.read().decode("utf-8"))


class Client:
    """The merchant, and what it found wrong."""

    def __init__(self, api, mch_id, key):
        self.api, self.mch_id, self.key = api, mch_id, key
        self.failed = []

    def check(self, holds, what):
        if not holds:
            self.failed.append(what)

    def call(self, path, params):
        """Signs and sends; the signed data of the answer, or an empty one."""
        params = {"mch_id": self.mch_id, **params}
        params["sign"] = make_sign(params, self.key)
        status, answer = post(self.api + path, params)
        self.check(status == 200, f"{path}: HTTP {status}")
        self.check(answer.get("code") == 200 and answer.get("ret") == 0, f"{path}: {answer}")
        data = answer.get("data", {})
        self.check(data.get("sign") == make_sign(data, self.key), f"{path}: the signature is wrong")
        return data

    def place(self, notify_url):
        order = {
            "pay_channel_id": 304,
            "total_fee": 888,
            "out_trade_no": f"py{uuid.uuid4().hex}",
            "body": BODY,
            "attach": "第 1 桌",
        }
        if notify_url:
            order["notify_url"] = notify_url
        data = self.call("/index.php?_m=pay_gateway&_a=apply_pay", order)
        for name in ("total_fee", "out_trade_no", "body", "attach"):
            self.check(data.get(name) == order[name], f"{name} came back as {data.get(name)!r}")
        self.check("version" not in data, "version came back, but none was sent")
        return data


def main():
    api = os.environ.get("JUBAO_API", "").rstrip("/")
    if not api:
        print("place.py: JUBAO_API is not set", file=sys.stderr)
        return 2
    client = Client(
        api,
        os.environ.get("JUBAO_MCH_ID", "10502105689001"),
        os.environ.get("JUBAO_KEY", "685c6e3eca5c964b2b8240aa151cb75d"),
    )
    placed = client.place(os.environ.get("NOTIFY_URL"))
    found = client.call("/order/query", {"sn": placed.get("sn", "")})
    client.check(found.get("sn") == placed.get("sn"), "the query finds another order")
    client.check(found.get("body") == BODY, "the query tells another body")
    orders = [{"out_trade_no": placed.get("out_trade_no", ""), "sn": placed.get("sn", "")}]
    result = {"ok": not client.failed, "orders": orders, "failed": client.failed}
    print(json.dumps(result, ensure_ascii=False))
    return 1 if client.failed else 0


if __name__ == "__main__":
    sys.exit(main())
