"""What the judges of this folder share: settings, findings, notifications, the simulator's switches."""

import json
import os
import queue
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import requests

NOTICE_S_MAX = 15
TIMEOUT_S = 15


def setting(name):
    """A setting of the environment; without it the judge ends with 2."""
    value = os.environ.get(name, "")
    if not value:
        print(f"{sys.argv[0]}: {name} is not set", file=sys.stderr)
        sys.exit(2)
    return value


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


SIM = setting("SIM").rstrip("/")


def pay(number):
    """Has the simulated payer pay; the HTTP status."""
    return requests.post(f"{SIM}/pay/{number}", timeout=TIMEOUT_S).status_code


def wait(seconds):
    """Moves the simulators' clock."""
    requests.post(f"{SIM}/clock", json={"seconds": seconds}, timeout=TIMEOUT_S).raise_for_status()


class Listener(BaseHTTPRequestHandler):
    """Keeps each notification as it came, and acknowledges it."""

    heard = queue.Queue()
    acknowledgement = b""

    def do_POST(self):
        length = int(self.headers.get("Content-Length", "0"))
        self.heard.put((dict(self.headers.items()), self.rfile.read(length)))
        self.send_response(200)
        self.end_headers()
        self.wfile.write(self.acknowledgement)

    def log_message(self, *_):
        pass

    @classmethod
    def next(cls):
        """Headers and body of the next notification; None if none comes."""
        try:
            return cls.heard.get(timeout=NOTICE_S_MAX)
        except queue.Empty:
            return None


class Findings:
    """What was checked, and what was wrong."""

    def __init__(self):
        self.checks, self.failed = 0, []

    def check(self, holds, what):
        self.checks += 1
        if not holds:
            self.failed.append(what)


def listen(acknowledgement):
    """Starts the listener; its address and how it ends."""
    Listener.acknowledgement = acknowledgement
    server = ThreadingHTTPServer(("127.0.0.1", 0), Listener)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}/notify", server.shutdown


def verdict(judge, parts, **more):
    """Runs the parts, prints the verdict as one line of JSON, and gives back the exit code."""
    for part in parts:
        try:
            part()
        except Exception as error:  # Whatever the SDK refuses is a finding, and the next part runs.
            judge.check(False, f"{part.__name__}: {error!r}")
    result = {"ok": not judge.failed, **more, "checks": judge.checks, "failed": judge.failed}
    print(json.dumps(result, ensure_ascii=False))
    return 1 if judge.failed else 0
