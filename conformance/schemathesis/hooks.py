"""What schemathesis needs to know of the merchant API: whom a request comes from, and how it is signed.

Most requests are made the demo merchant's own and signed, so that they reach what lies behind the signature; the
rest is sent as it was invented. Orders have few numbers, so that operations meet orders. Codes are counted, and
written to STATISTICS at the end.
"""

import atexit
import collections
import hashlib
import json
import os
import random
import time
import urllib.request

import schemathesis

KEY = os.environ["JUBAO_KEY"]
MCH_ID = os.environ["JUBAO_MCH_ID"]
APP_ID = os.environ["JUBAO_APPID"]
STATISTICS = os.environ["STATISTICS"]
# The simulators, where payers pay.
SIM = os.environ["SIM"]

# Out of a hundred.
SENT_AS_INVENTED = 10
KEPT_UNKNOWN_NAMES = 15
OWN_NUMBERS = 60
PAID = 50

NUMBERS = [f"ST{number}" for number in range(40)]
REFUNDS = [f"STR{number}" for number in range(20)]
# Nobody is there: notifications must not go to hosts that a generator invented.
NOTIFY_URL = "http://shop.example/notify"

counted = collections.Counter()
dice = random.Random(20261129)


def chance(percent):
    return dice.randrange(100) < percent


def text(value):
    return "" if value is None else str(value)


def sign(body):
    joined = "".join(f"{name}{text(body[name])}" for name in sorted(body, key=str.encode) if name != "sign")
    if str(body.get("version")) != "2" and chance(50):
        joined = joined.encode("utf-8", "replace").decode("latin-1")
    return hashlib.md5(f"{KEY}{joined}{KEY}".encode("utf-8", "replace")).hexdigest().upper()


def own(body, known):
    """The request as the demo merchant would have sent it."""
    if not chance(KEPT_UNKNOWN_NAMES):
        for name in [name for name in body if name not in known]:
            del body[name]
    body.pop("mch_id", None)
    body.pop("appid", None)
    body.update({"mch_id": MCH_ID} if chance(70) else {"appid": APP_ID})
    if chance(OWN_NUMBERS) and "out_trade_no" in known:
        for name in ("sn", "order_sn", "transaction_id"):
            body.pop(name, None)
        body["out_trade_no"] = dice.choice(NUMBERS)
    if "total_fee" in known and chance(90):
        body.setdefault("total_fee", dice.randrange(1, 5_000))
        if "payment" not in body:
            body.setdefault("pay_channel_id", 304)
    if chance(OWN_NUMBERS) and "out_refund_no" in known:
        body["out_refund_no"] = dice.choice(REFUNDS)
    if "time_expire" in body and chance(90):
        body["time_expire"] = int(time.time()) + 3600
    if "discount" in body and chance(90):
        body["discount"] = 0
    if "payment" in body and "pay_channel_id" in body and chance(90):
        del body["payment"]


def request_schema(document, case):
    """The schema of the operation that a request asks for, in either address style."""
    query = case.query or {}
    style = f"/index.php?_m={query.get('_m')}&_a={query.get('_a')}"
    for path, item in document["paths"].items():
        operation = item["post"]
        if case.operation.path == path and "x-query-style" in operation:
            break
        if case.operation.path == "/index.php" and operation.get("x-query-style") == style:
            break
    else:
        return {}, False
    reference = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"]
    return document["components"]["schemas"][reference.rsplit("/", 1)[-1]], operation["x-signed"]


@schemathesis.hook
def before_call(context, case, kwargs):
    body = case.body
    if not isinstance(body, dict):
        return
    if str(body.get("notify_url", "")).lower().startswith("http"):
        body["notify_url"] = NOTIFY_URL
    # An answer that waits for events would be waited for.
    if "wait" in body:
        body["wait"] = 0
    if chance(SENT_AS_INVENTED):
        return
    schema, is_signed = request_schema(case.operation.schema.raw_schema, case)
    if is_signed:
        own(body, set(schema["properties"]))
        body["sign"] = sign(body)


@schemathesis.hook
def after_call(context, case, response):
    try:
        answer = json.loads(response.content)
        code = answer["code"]
    except (ValueError, KeyError, TypeError):
        code = "none"
    counted[f"{case.operation.path} {code}"] += 1
    if case.operation.path == "/payment/pay" and code == 200 and chance(PAID):
        pay(answer["data"]["sn"])


def pay(sn):
    """Somebody pays the order; some cannot be paid by anybody."""
    try:
        urllib.request.urlopen(f"{SIM}/pay/{sn}", b"{}", timeout=5).close()
    except OSError:
        pass


@atexit.register
def write():
    codes = collections.Counter()
    for key, times in counted.items():
        codes[key.rsplit(" ", 1)[1]] += times
    statistics = {"examples": sum(counted.values()), "codes": codes, "by_operation": counted}
    with open(STATISTICS, "w", encoding="utf-8") as file:
        json.dump(statistics, file)
