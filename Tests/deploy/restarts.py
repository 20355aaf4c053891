"""Load on a proxy with two instances behind it, which are restarted in turn: every request is answered as if nothing were."""

import collections
import json
import os
import pathlib
import signal
import subprocess
import sys
import threading
import time
import uuid

import requests
import urllib3.util.connection

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "fixtures" / "tv-team"))
import tv_team  # noqa: E402

# The proxy is asked by its name, which is this machine's here.
connect = urllib3.util.connection.create_connection
urllib3.util.connection.create_connection = lambda address, *rest, **more: connect(("127.0.0.1", address[1]), *rest, **more)
URL, CERTIFICATE = os.environ["PROXY_URL"], os.environ["PROXY_CERTIFICATE"]
PORTS = [int(port) for port in os.environ["PORTS"].split()]
SECRET = os.environ["TV_WEBHOOK_SECRETS"].split()[0]
API = {"Authorization": "Bearer " + os.environ["TOKEN"], "Accept": "application/json"}
ROUNDS = int(os.environ.get("ROUNDS", "3"))
WISHLISTS = "/api/v1/wishlist-to-group"


class Instance:
    def __init__(self, port):
        self.port = port
        self.process = None

    def start(self):
        environment = {**os.environ, "HTTP_PORT": str(self.port), "OPERATOR_HTTP_PORT": str(self.port + 1000), "LOG_LEVEL": "error"}
        self.process = subprocess.Popen([os.environ["INTEGRATOR"], "serve"], env=environment)
        end = time.monotonic() + 30
        while time.monotonic() < end:
            try:
                if requests.get(f"http://127.0.0.1:{self.port + 1000}/health/ready", timeout=2).status_code == 200:
                    return
            except requests.RequestException:
                pass
            time.sleep(0.05)
        raise AssertionError(f"the instance at port {self.port} is not ready")

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            status = self.process.wait(45)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise AssertionError("an instance did not stop") from None
        assert status == 0, f"an instance ended with {status}"


class Load:
    """Threads that ask one thing each, one after the other, until told to end."""

    def __init__(self):
        self.answers = collections.Counter()
        self.wrong = []
        self.sent = set()
        self.ended = threading.Event()
        self.threads = []

    def ask(self, name, expected, request):
        def run():
            session = requests.Session()
            session.trust_env, session.verify = False, CERTIFICATE
            while not self.ended.is_set():
                try:
                    answer = request(session)
                    self.answers[name, answer.status_code] += 1
                    if answer.status_code not in expected:
                        self.wrong.append((name, answer.status_code, answer.text[:200]))
                except requests.RequestException as error:
                    self.wrong.append((name, None, repr(error)))

        thread = threading.Thread(target=run)
        thread.start()
        self.threads.append(thread)

    def webhook(self, session):
        webhook_id, dataset = "msg_" + uuid.uuid4().hex, 10**9 + uuid.uuid4().int % 10**9
        body = json.dumps({"type": "dataset.queued", "data": {"dataset_id": dataset, "sequence": 1}})
        headers = {"content-type": "application/json", **tv_team.headers(SECRET, webhook_id, body)}
        answer = session.post(URL + "/webhooks/tv-python", data=body, headers=headers, timeout=30)
        if answer.ok:
            self.sent.add(webhook_id)
        return answer

    def end(self):
        self.ended.set()
        for thread in self.threads:
            thread.join(60)


def get(path, **options):
    return requests.get(URL + path, headers={**API, **options.pop("headers", {})}, verify=CERTIFICATE, timeout=10, **options)


def check_the_door():
    """What is public, what is not, and what is too large."""
    end = time.monotonic() + 10
    while get(WISHLISTS).status_code != 200:
        assert time.monotonic() < end, "the proxy finds no instance"
        time.sleep(0.2)
    assert get("/console").status_code == get("/openapi.json").status_code == 200
    for path in ("/metrics", "/health/ready", "/health/live", "/", "/webhooks/tv-pythonx", "/operator", "/api"):
        assert get(path).status_code == 404, path
    for size, status in ((200_000, (401,)), (300_000, (413,)), (3_000_000, (413,))):
        answer = requests.post(URL + "/webhooks/tv-python", data=b"x" * size, verify=CERTIFICATE, timeout=20)
        assert answer.status_code in status, (size, answer.status_code, answer.text)
        if answer.status_code == 413:
            assert answer.json()["code"] == "payload_too_large", answer.text
    # Links are those of the proxy: it has told scheme and host, and what the client says of them does not count.
    slug = get(WISHLISTS).json()["data"][0]["slug"]
    links = get(f"{WISHLISTS}/{slug}/histories", headers={"X-Forwarded-Proto": "http"}).json()["links"]
    assert links["first"].startswith("https://integrator.example.com"), links
    return slug


def main():
    instances = [Instance(port) for port in PORTS]
    load = Load()
    try:
        for instance in instances:
            instance.start()
        answer = requests.get(f"http://127.0.0.1:{PORTS[0]}{WISHLISTS}", headers=API, timeout=10)
        slugs = [wishlist["slug"] for wishlist in answer.json()["data"]]
        slug = check_the_door()
        for _ in range(8):
            load.ask("webhook", (202,), load.webhook)
        for _ in range(3):
            load.ask("read", (200,), lambda s: s.get(f"{URL}{WISHLISTS}/{slug}/histories", headers=API, timeout=30))
        for each in slugs[:2]:
            load.ask("create", (201, 409, 422), lambda s, each=each: (
                time.sleep(0.05), s.post(f"{URL}{WISHLISTS}/{each}/createAnalysis", headers=API, timeout=30))[1])
        time.sleep(1)
        began = time.monotonic()
        for _ in range(ROUNDS):
            for instance in instances:
                instance.stop()
                instance.start()
                # So long a proxy may need to see that it is there.
                time.sleep(2.5)
        seconds = time.monotonic() - began
    finally:
        load.end()
        for instance in instances:
            if instance.process and instance.process.poll() is None:
                instance.stop()
    stored = set(subprocess.run(
        ["mariadb", "--no-defaults", "--user=root", "--socket=" + os.environ["DB_SOCKET"], "--batch", "--skip-column-names",
         "--execute=SELECT event_key FROM wishlist_dataset_events", os.environ["DB_DATABASE"]],
        check=True, capture_output=True, text=True).stdout.split())
    print(f"{2 * ROUNDS} restarts in {seconds:.0f} s: {dict(load.answers)}", flush=True)
    lost = [id for id in load.sent if id not in stored]
    assert not lost, f"{len(lost)} webhooks were acknowledged and are not stored"
    assert not load.wrong, f"{len(load.wrong)} requests were not answered as they should be: {load.wrong[:5]}"
    for name in ("webhook", "read", "create"):
        assert sum(count for (each, _), count in load.answers.items() if each == name) > 10 * ROUNDS, name


if __name__ == "__main__":
    main()
