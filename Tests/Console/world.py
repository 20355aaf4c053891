"""A real run of the service for the browser: database, sandbox, integrator, and a line to Pusher that can be cut."""

import contextlib
import hashlib
import hmac
import json
import os
import secrets
import selectors
import signal
import socket
import subprocess
import threading
import time
import urllib.request

BIN = ".build/debug"


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


class Line:
    """Forwards TCP connections to a port, until it is cut: then all end, and no new ones are taken."""

    def __init__(self, target):
        self.port = free_port()
        self._target = target
        self._listener = None
        self._sockets = set()
        self.restore()

    def restore(self):
        if self._listener:
            return
        listener = socket.create_server(("127.0.0.1", self.port))
        self._listener = listener
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()

    def cut(self):
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
            with selectors.DefaultSelector() as selector:
                selector.register(near, selectors.EVENT_READ, far)
                selector.register(far, selectors.EVENT_READ, near)
                while True:
                    for key, _ in selector.select():
                        data = key.fileobj.recv(65536)
                        if not data:
                            return
                        key.data.sendall(data)
        self._sockets -= {near}


class World:
    def __init__(self, db_socket, log_folder):
        self._log_folder = log_folder
        self._processes = []
        self.sandbox_port, self.http_port = free_port(), free_port()
        self.line = Line(self.sandbox_port)
        self.url = f"http://127.0.0.1:{self.http_port}"
        self.secrets = {name: secrets.token_hex(20) for name in ("TV_API_TOKEN", "PUSHER_APP_SECRET")}
        self._key = "console-test"
        self._database = "gb_console_page"
        self._db_socket = db_socket
        self._environment = {
            "PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), **self.secrets,
            "DB_SOCKET": db_socket, "DB_DATABASE": self._database, "DB_USERNAME": "root", "DB_PASSWORD": "",
            "TV_WEBHOOK_SECRETS": "whsec_" + "c2VjcmV0IG9mIHRoZSBwYWdlJ3MgdGVzdHM0",
            "HTTP_PORT": str(self.http_port), "PUBLIC_URL": self.url,
            "TV_API_URL": f"http://127.0.0.1:{self.sandbox_port}",
            "PUSHER_APP_ID": "1", "PUSHER_APP_KEY": self._key, "PUSHER_HOST": "127.0.0.1",
            "PUSHER_PORT": str(self.line.port), "PUSHER_SCHEME": "http", "RATE_LIMIT_PER_MINUTE": "10000",
            "LOG_FORMAT": "text",
        }

    def start(self):
        self.sql(f"DROP DATABASE IF EXISTS {self._database}; CREATE DATABASE {self._database}", database="")
        self._integrator("migrate", "--demo")
        self._serve(
            "sandbox", "serve", "--port", str(self.sandbox_port), "--tv-token", self.secrets["TV_API_TOKEN"],
            "--pusher-app-id", "1", "--pusher-key", self._key, "--pusher-secret", self.secrets["PUSHER_APP_SECRET"])
        self._wait_for(f"http://127.0.0.1:{self.sandbox_port}/sandbox/state")
        self._serve("integrator", "serve")
        self._wait_for(f"{self.url}/health/ready")

    def stop(self):
        for process in reversed(self._processes):
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()

    def token(self, user):
        return self._integrator("token", "create", "--user", str(user)).strip()

    def scenario(self, **members):
        """How the next dataset is built; see `sandbox serve --help`."""
        self._post("/sandbox/tv/scenario", json.dumps(members).encode())

    def publish(self, event, channel, data):
        """Publishes an event past the service, as Pusher's HTTP API wants it signed."""
        body = json.dumps({"name": event, "channels": [channel], "data": json.dumps(data)}).encode()
        query = (f"auth_key={self._key}&auth_timestamp={int(time.time())}&auth_version=1.0"
                 f"&body_md5={hashlib.md5(body).hexdigest()}")
        text = f"POST\n/apps/1/events\n{query}".encode()
        signature = hmac.new(self.secrets["PUSHER_APP_SECRET"].encode(), text, hashlib.sha256).hexdigest()
        self._post(f"/apps/1/events?{query}&auth_signature={signature}", body)

    def sql(self, text, database=None):
        command = ["mariadb", "--no-defaults", "--user=root", f"--socket={self._db_socket}", "--execute", text]
        subprocess.run(command + [self._database if database is None else database][:database != ""], check=True)

    def _post(self, path, body):
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.sandbox_port}{path}", body, {"Content-Type": "application/json"})
        urllib.request.urlopen(request, timeout=10).close()

    def _integrator(self, *words):
        return subprocess.run(
            [f"{BIN}/integrator", *words], env=self._environment, check=True, capture_output=True, text=True).stdout

    def _serve(self, name, *words):
        # Ends with this process, however that ends.
        command = ["setpriv", "--pdeathsig", "TERM", f"{BIN}/{name}", *words]
        with open(f"{self._log_folder}/{name}.log", "w") as log:
            self._processes.append(subprocess.Popen(
                command, env=self._environment, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT))

    def _wait_for(self, url):
        deadline = time.monotonic() + 30
        while True:
            try:
                return urllib.request.urlopen(url, timeout=2).close()
            except OSError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)
