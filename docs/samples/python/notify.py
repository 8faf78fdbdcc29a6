"""Receives notifications: PORT=8000 python3 notify.py"""

import json
import os
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qsl

from jubao import is_signed


def read(body):
    """A notification comes as a form or as JSON; empty values are signed too."""
    if body.startswith("{"):
        return json.loads(body)
    return dict(parse_qsl(body, keep_blank_values=True))


class Notify(BaseHTTPRequestHandler):
    def do_POST(self):
        params = read(self.rfile.read(int(self.headers["Content-Length"])).decode())
        is_ours = is_signed(params)
        if is_ours:
            # In one transaction of yours: find the order, compare total_fee, mark it paid if it is not.
            print("paid", params["out_trade_no"], params["total_fee"], flush=True)
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"success" if is_ours else b"fail")


HTTPServer(("127.0.0.1", int(os.environ["PORT"])), Notify).serve_forever()
