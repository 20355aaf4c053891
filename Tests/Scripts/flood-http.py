"""Strangers that hold all they can of the service, while good webhooks come: tells their answer times and the service's
memory, and fails where they are too much.

Usage: flood-http.py PORT PID SECRET
"""
import base64
import hashlib
import hmac
import json
import multiprocessing
import resource
import socket
import sys
import threading
import time

PORT, PID, SECRET = int(sys.argv[1]), int(sys.argv[2]), base64.b64decode(sys.argv[3].removeprefix("whsec_"))
MEMORY_MB, P99_MS = 200, 100


def connect(source="127.0.0.1"):
    client = socket.socket()
    client.settimeout(10)
    client.bind((source, 0))
    client.connect(("127.0.0.1", PORT))
    return client


def webhook(number, length=None):
    body = json.dumps({"type": "flood.none", "timestamp": "2026-11-23T16:00:00Z", "data": {}}).encode()
    identity, now = f"flood-{time.time_ns()}-{number}", int(time.time())
    signed = f"{identity}.{now}.".encode() + body
    signature = base64.b64encode(hmac.new(SECRET, signed, hashlib.sha256).digest()).decode()
    head = (
        f"POST /webhooks/tv-python HTTP/1.1\r\nHost: h\r\nwebhook-id: {identity}\r\nwebhook-timestamp: {now}\r\n"
        f"webhook-signature: v1,{signature}\r\nContent-Length: {length or len(body)}\r\n\r\n"
    )
    return head.encode(), body


def megabytes():
    with open(f"/proc/{PID}/statm") as file:
        return int(file.read().split()[1]) * 4096 / 2**20


class Good(threading.Thread):
    """A webhook every 20 ms, each on a connection of its own."""

    def __init__(self):
        super().__init__(daemon=True)
        self.times, self.failures, self.peak, self.ends = [], [], 0, False

    def run(self):
        number = 0
        while not self.ends:
            begin = time.monotonic()
            try:
                client = connect("127.0.0.9")
                client.sendall(b"".join(webhook(number)))
                answer = client.recv(65536)
                client.close()
                if not answer.startswith(b"HTTP/1.1 200"):
                    self.failures.append(answer[:80])
            except OSError as error:
                self.failures.append(error)
            self.times.append((time.monotonic() - begin) * 1000)
            self.peak = max(self.peak, megabytes())
            number += 1
            time.sleep(max(0, 0.02 - (time.monotonic() - begin)))


def half_bodies(source):
    """As many as there may be, with headers that may be right, all but one byte of the body sent."""
    clients = []
    head, _ = webhook(0, 262_144)
    for _ in range(4090):
        try:
            client = connect(source)
            client.sendall(head + b"x" * 262_143)
            clients.append(client)
        except OSError:
            pass
    return clients


def idle(source):
    clients = []
    for _ in range(4200):
        try:
            clients.append(connect(source))
        except OSError:
            pass
    return clients


def hold(attack, source):
    clients = attack(source) if attack else []
    time.sleep(60)
    del clients


def main():
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 20_000), hard))
    failed = False
    for name, attack in [("nobody", None), ("half bodies", half_bodies), ("idle connections", idle)]:
        for source in ["127.0.0.2", "127.0.0.9"] if attack else ["-"]:
            good = Good()
            good.start()
            # In a process of its own: it is not to slow down what measures.
            strangers = multiprocessing.Process(target=hold, args=(attack, source))
            strangers.start()
            time.sleep(8)
            good.ends = True
            good.join()
            times = sorted(good.times)
            p99 = times[int(len(times) * 0.99)]
            strangers.kill()
            strangers.join()
            print(
                f"flood-http: {name} from {source}: {len(times)} webhooks, {len(good.failures)} failed, median "
                f"{times[len(times) // 2]:.1f} ms, p99 {p99:.1f} ms, memory at most {good.peak:.0f} MB"
            )
            for failure in good.failures[:5]:
                print(f"    {failure!r}")
            failed = failed or bool(good.failures) or p99 > P99_MS or good.peak > MEMORY_MB
    time.sleep(3)
    print(f"flood-http: memory afterwards {megabytes():.0f} MB")
    sys.exit(1 if failed else 0)


main()
