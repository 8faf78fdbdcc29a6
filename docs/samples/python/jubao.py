"""The client that the other samples use: signs, sends, verifies. Python 3.8 or later, nothing else."""

import hashlib
import hmac
import json
import os
import urllib.request


def sign(params):
    """MD5 over the key, name and value of every parameter but sign in the order of names, and the key."""
    text = "".join(f"{name}{params[name]}" for name in sorted(params) if name != "sign")
    key = os.environ["JUBAO_KEY"]
    return hashlib.md5(f"{key}{text}{key}".encode()).hexdigest().upper()


def is_signed(params):
    return hmac.compare_digest(sign(params), str(params.get("sign", "")).upper())


def call(path, **params):
    """Calls an operation; gives back the whole answer, its data verified."""
    params = {"mch_id": os.environ["JUBAO_MCH_ID"], "version": 2, **params}
    body = json.dumps({**params, "sign": sign(params)}).encode()
    request = urllib.request.Request(
        os.environ["JUBAO_API"] + path, body, {"Content-Type": "application/json"}
    )
    # No answer in time raises: repeat the same request, or query.
    with urllib.request.urlopen(request, timeout=15) as response:
        answer = json.load(response)
    if "data" in answer and not is_signed(answer["data"]):
        raise ValueError("the answer is not signed with our key")
    return answer
