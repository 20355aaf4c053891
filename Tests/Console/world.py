"""What the tests do behind the browser's back: to the sandbox, to the database, and to the line to Pusher."""

import contextlib
import hashlib
import hmac
import json
import os
import selectors
import socket
import subprocess
import threading
import time
import urllib.parse
import urllib.request

URL = os.environ["PUBLIC_URL"]
SANDBOX = os.environ["TV_API_URL"]
SECRETS = [os.environ[name] for name in ("TV_API_TOKEN", "TV_WEBHOOK_SECRETS", "PUSHER_APP_SECRET")]


class Line:
    """The line of all to Pusher: forwards PUSHER_PORT to the sandbox, until it is cut. Then all connections end, and no
    new ones are taken."""

    def __init__(self):
        self._target = urllib.parse.urlsplit(SANDBOX).port
        self._listener = None
        self._sockets = set()

    def restore(self):
        if self._listener:
            return
        self._listener = socket.create_server(("127.0.0.1", int(os.environ["PUSHER_PORT"])))
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def cut(self):
        if not self._listener:
            return
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._listener = None
        for each in list(self._sockets):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def _accept(self, listener):
        with contextlib.suppress(OSError):
            while True:
                near, _ = listener.accept()
                threading.Thread(target=self._forward, args=(near,), daemon=True).start()

    def _forward(self, near):
        with contextlib.suppress(OSError), near, socket.create_connection(("127.0.0.1", self._target)) as far:
            self._sockets |= {near, far}
            try:
                self._copy(near, far)
            finally:
                self._sockets -= {near, far}

    @staticmethod
    def _copy(near, far):
        with selectors.DefaultSelector() as selector:
            selector.register(near, selectors.EVENT_READ, far)
            selector.register(far, selectors.EVENT_READ, near)
            while True:
                for key, _ in selector.select():
                    data = key.fileobj.recv(65536)
                    if not data:
                        return
                    key.data.sendall(data)


def token(user):
    command = [f"{os.environ['BIN']}/integrator", "token", "create", "--user", str(user)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def sql(text):
    command = ["mariadb", "--no-defaults", "--user=root", "--default-character-set=utf8mb4",
               f"--socket={os.environ['DB_SOCKET']}", "--execute", text]
    subprocess.run([*command, os.environ["DB_DATABASE"]], check=True)


def scenario(**members):
    """How the next dataset is built; see `sandbox serve --help`."""
    post("/sandbox/tv/scenario", json.dumps(members).encode())


def publish(event, channel, data):
    """Publishes an event past the service, signed as Pusher's HTTP API wants it."""
    path = f"/apps/{os.environ['PUSHER_APP_ID']}/events"
    body = json.dumps({"name": event, "channels": [channel], "data": json.dumps(data)}).encode()
    query = (f"auth_key={os.environ['PUSHER_APP_KEY']}&auth_timestamp={int(time.time())}&auth_version=1.0"
             f"&body_md5={hashlib.md5(body).hexdigest()}")
    key, text = os.environ["PUSHER_APP_SECRET"].encode(), f"POST\n{path}\n{query}".encode()
    post(f"{path}?{query}&auth_signature={hmac.new(key, text, hashlib.sha256).hexdigest()}", body)


def post(path, body):
    request = urllib.request.Request(SANDBOX + path, body, {"Content-Type": "application/json"})
    urllib.request.urlopen(request, timeout=10).close()
