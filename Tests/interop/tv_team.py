"""The kit for the TV team (fixtures/tv-team) in the place of the sandbox's TV Python API, against the service as a whole:
an integrator of its own with a database of its own, and between the two a proxy that fails as it is told."""

import collections
import datetime
import email.utils
import http.client
import http.server
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import threading
import time
import unittest
import uuid

import requests
import standardwebhooks

KIT = pathlib.Path(__file__).resolve().parents[2] / "fixtures" / "tv-team"
sys.path.insert(0, str(KIT))
import tv_team  # noqa: E402

SECRET = os.environ["TV_WEBHOOK_SECRETS"].split()[0]
DEADLINE = 4  # seconds of silence, of the service
CUT, LOST = "cut", "lost"  # the connection is cut instead of an answer: unheard, or with the webhook committed


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def wait(condition, seconds=30):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := condition():
            return found
        time.sleep(0.05)
    raise AssertionError("waited in vain")


class Faults(http.server.ThreadingHTTPServer):
    """Passes all on to the service, but fails `/webhooks/` as `plan` says, one entry for each attempt."""

    daemon_threads = True

    def __init__(self, port):
        self.plan = collections.deque()
        self.seen = []  # (time, webhook-id, webhook-timestamp, signature)
        target = port

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do(self):
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                server, fault = self.server, None
                if self.path.startswith("/webhooks/") and self.command == "POST":
                    names = ("webhook-id", "webhook-timestamp", "webhook-signature")
                    server.seen.append((time.time(), *(self.headers.get(name) for name in names)))
                    fault = server.plan.popleft() if server.plan else None
                if fault == CUT:
                    self.close_connection = True
                    return
                if isinstance(fault, tuple):
                    return self.answer(fault[0], fault[1], b"{}")
                connection = http.client.HTTPConnection("127.0.0.1", target, timeout=20)
                connection.request(self.command, self.path, body, dict(self.headers))
                answer = connection.getresponse()
                text = answer.read()
                connection.close()
                if fault == LOST:
                    self.close_connection = True
                    return
                self.answer(answer.status, dict(answer.getheaders()), text)

            def answer(self, status, headers, text):
                self.send_response(status)
                for name, value in headers.items():
                    if name.lower() not in ("content-length", "connection", "date", "transfer-encoding"):
                        self.send_header(name, value)
                self.send_header("content-length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            do_GET = do_POST = do_PATCH = do

            def log_message(self, *_):
                pass

        super().__init__(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()


class World:
    """The kit, the proxy and an integrator, in the order in which they need each other."""

    def __init__(self):
        self.steps = None
        self.api = tv_team.API(os.environ["TV_API_TOKEN"], lambda dataset: self.steps(dataset), 0.01, first_id=700_001)
        self.kit = tv_team.server(self.api)
        threading.Thread(target=self.kit.serve_forever, daemon=True).start()
        port = free_port()
        self.faults = Faults(port)
        self.url = f"http://127.0.0.1:{self.faults.server_port}"
        self.callback = self.url + "/webhooks/tv-python"
        environment = {
            **os.environ,
            "HTTP_PORT": str(port),
            "PUBLIC_URL": self.url,
            "TV_API_URL": f"http://127.0.0.1:{self.kit.server_port}",
            "TV_WEBHOOK_SECRETS": SECRET,
            "DB_DATABASE": os.environ["KIT_DATABASE"],
            "DATASET_DEADLINE_SECONDS": str(DEADLINE),
            "OPERATOR_HTTP_PORT": str(free_port()),
        }
        program = os.environ["INTEGRATOR"]
        subprocess.run([program, "migrate", "--demo"], env=environment, check=True, stdout=subprocess.DEVNULL)
        token = subprocess.run(
            [program, "token", "create", "--user", "1"], env=environment, check=True, capture_output=True, text=True
        ).stdout.strip()
        self.headers = {"Authorization": "Bearer " + token, "Accept": "application/json"}
        self.integrator = subprocess.Popen([program, "serve"], env=environment)
        wait(lambda: "gb-console" in self.api.callbacks)

    def stop(self):
        self.integrator.send_signal(signal.SIGTERM)
        try:
            status = self.integrator.wait(40)
        except subprocess.TimeoutExpired:
            self.integrator.kill()
            status = "killed"
        self.api.stop()
        for each in (self.kit, self.faults):
            each.shutdown()
            each.server_close()
        return status

    def get(self, path):
        answer = requests.get(f"{self.url}/api/v1/wishlist-to-group{path}", headers=self.headers, timeout=10)
        answer.raise_for_status()
        return answer.json()["data"]

    def create(self, steps):
        """A dataset of any wishlist of the demo data that can have one now; `steps` builds it."""
        self.steps = steps
        for wishlist in self.get(""):
            url = f"{self.url}/api/v1/wishlist-to-group/{wishlist['slug']}/createAnalysis"
            answer = requests.post(url, headers=self.headers, timeout=20)
            if answer.status_code == 201:
                history = answer.json()["data"]
                self.steps = None
                return self.api.datasets[history["dataset_id"]], f"/{wishlist['slug']}/histories/{history['id']}"
        raise AssertionError(f"no wishlist is free: {answer.text}")


world = None


def setUpModule():
    global world
    world = World()


def tearDownModule():
    status = world.stop()
    assert status == 0, f"the integrator ended with {status}"


def outcomes(dataset):
    return [webhook.answers[-1] if webhook.answers else None for webhook in dataset.webhooks]


class Kit(unittest.TestCase):
    def setUp(self):
        world.faults.plan.clear()
        world.faults.seen.clear()

    def test_a_dataset_from_creation_to_training(self):
        def steps(dataset):
            dataset.build(step=0.05)
            dataset.tell("training.started")
            dataset.tell("training.completed", result={"model": "m"})

        dataset, path = world.create(steps)
        history = wait(lambda: (found := world.get(path)) and found["status_label"] == "completed" and found)
        self.assertEqual(history["result"]["rows"], len(dataset.request["products"]))
        wait(lambda: len(dataset.webhooks) == 10 and all(outcomes(dataset)))
        self.assertEqual(set(outcomes(dataset)), {(200, "applied")})
        self.assertEqual(dataset.request["reference"], history["reference"])
        # A redelivery comes under the ids of before, and changes nothing.
        revision = world.get(path)["revision"]
        status, body = world.api.redeliver("gb-console", {"dataset_id": dataset.id, "after_sequence": 7})
        self.assertEqual((status, body), (202, {"redelivering": 3}))
        wait(lambda: [len(webhook.answers) for webhook in dataset.webhooks] == [1] * 7 + [2] * 3)
        self.assertEqual(outcomes(dataset)[7:], [(200, "duplicate")] * 3)
        self.assertEqual(world.get(path)["revision"], revision)

    def test_what_fails_is_sent_again_under_the_same_id(self):
        date = email.utils.formatdate(time.time() + 3, usegmt=True)
        world.faults.plan.extend(
            [
                (503, {"Retry-After": "1"}),
                (503, {"Retry-After": date}),
                (429, {}),
                (408, {}),
                (425, {}),
                CUT,
                LOST,
            ]
        )
        dataset, path = world.create(lambda dataset: dataset.tell("dataset.queued"))
        world_schedule, tv_team.SCHEDULE = tv_team.SCHEDULE, (5,) * 9
        try:
            webhook = wait(lambda: dataset.webhooks and dataset.webhooks[0])
            wait(lambda: len(webhook.answers) == 8)
        finally:
            tv_team.SCHEDULE = world_schedule
        self.assertEqual([status for status, _ in webhook.answers], [503, 503, 429, 408, 425, None, None, 200])
        self.assertEqual(webhook.answers[-1], (200, "duplicate"), "committed before its answer was lost")
        times = [seen[0] for seen in world.faults.seen]
        self.assertEqual({seen[1] for seen in world.faults.seen}, {webhook.id})
        self.assertGreaterEqual(times[1] - times[0], 1, "Retry-After in seconds")
        self.assertGreaterEqual(times[2], email.utils.parsedate_to_datetime(date).timestamp(), "Retry-After as a date")
        self.assertGreater(int(world.faults.seen[-1][2]), int(world.faults.seen[0][2]), "a new timestamp each time")
        self.assertNotEqual(world.faults.seen[-1][3], world.faults.seen[0][3])
        self.finish(dataset, path)

    def test_receipts(self):
        dataset, path = world.create(lambda dataset: None)
        good = dataset.tell("dataset.progress", progress=50)
        bad = dataset.tell("dataset.progress", progress="half")
        wait(lambda: good.answers and bad.answers)
        status, told = tv_team.receipt(world.callback, SECRET, good.id)
        self.assertEqual((status, told["outcome"], told["dataset_id"]), (200, "applied", dataset.id))
        self.assertGreater(told["revision"], 0)
        status, told = tv_team.receipt(world.callback, SECRET, bad.id)
        self.assertEqual((status, told["outcome"], told["reason"]), (200, "rejected", bad.answers[0][1]))
        self.assertEqual(tv_team.receipt(world.callback, SECRET, "msg_unknown")[0], 404)
        other = "whsec_" + "A" * 43 + "="
        self.assertEqual(tv_team.receipt(world.callback, other, good.id)[0], 401)
        command = [sys.executable, KIT / "tv_team.py", "receipt", good.id, "--url", world.callback, "--secret", SECRET]
        shown = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
        self.assertEqual(json.loads(shown.stdout)["webhook_id"], good.id)
        self.finish(dataset, path)

    def test_a_refusal_is_final(self):
        dataset, path = world.create(lambda dataset: None)
        bad = dataset.tell("dataset.progress", progress="half")
        good = dataset.tell("dataset.progress", progress=50)
        wait(lambda: good.answers)
        self.assertEqual(good.answers, [(200, "applied")])
        time.sleep(0.5)
        self.assertEqual(len(bad.answers), 1)
        self.assertEqual(bad.answers[0][0], 422)
        self.assertIn("progress", bad.answers[0][1], "the reason names the field")
        self.finish(dataset, path)

    def test_the_service_asks_for_what_was_never_sent(self):
        def steps(dataset):
            dataset.tell("dataset.queued")
            dataset.tell("dataset.started", send=False)
            dataset.tell("dataset.completed", send=False, result={})

        dataset, path = world.create(steps)
        wait(lambda: world.get(path)["status_label"] == "completed", 3 * DEADLINE)
        wait(lambda: all(outcomes(dataset)))
        # What is asked for lies after the last that was applied; that one may come once more.
        self.assertEqual(outcomes(dataset)[1:], [(200, "applied")] * 2)

    def test_the_examples_are_taken_and_late_or_strange_ones_told_so(self):
        dataset = 800_000 + uuid.uuid4().int % 10_000
        files = sorted((KIT / "examples").glob("*.json"))
        self.assertEqual(sorted(file.stem for file in files), sorted(tv_team.TYPES))
        for file in files:
            dataset += 1
            example = json.loads(file.read_text())
            self.assertEqual(example["type"], file.stem)
            example["data"].update(dataset_id=dataset, reference=str(uuid.uuid4()))
            self.assertEqual(self.send(example), (202, "parked"), file.stem)
        self.assertEqual(self.send({"type": "dataset.archived", "data": {}}), (200, "ignored"))
        done, path = world.create(lambda dataset: dataset.tell("dataset.completed", result={}))
        wait(lambda: done.webhooks and done.webhooks[0].answers)
        late = {"dataset_id": done.id, "sequence": 1, "progress": 5}
        self.assertEqual(self.send({"type": "dataset.progress", "data": late}), (200, "stale"))

    def send(self, example):
        return tv_team.post(world.callback, SECRET, "msg_" + uuid.uuid4().hex, json.dumps(example))[:2]

    def finish(self, dataset, path):
        dataset.tell("dataset.completed", result={})
        wait(lambda: world.get(path)["status_label"] == "completed")


class Rules(unittest.TestCase):
    def test_only_what_may_pass_is_sent_again(self):
        for status in (200, 202, 204, 400, 401, 404, 410, 413, 422):
            self.assertIsNone(tv_team.pause(1, status, "5", 0), status)
        for status in (408, 425, 429, 500, 502, 503, 504, None):
            self.assertIsNotNone(tv_team.pause(1, status, None, 0), status)

    def test_the_schedule_and_retry_after(self):
        waits = [tv_team.pause(attempts, 503, None, 0) for attempts in range(1, 10)]
        for wait_, least in zip(waits, (5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400)):
            self.assertTrue(least <= wait_ <= least * 1.1, wait_)
        self.assertIsNone(tv_team.pause(10, 503, None, 0), "then it is given up")
        self.assertGreaterEqual(tv_team.pause(1, 503, "60", 0), 60)
        now = 1_800_000_000
        self.assertEqual(tv_team.retry_after(email.utils.formatdate(now + 90, usegmt=True), now), 90)
        self.assertEqual(tv_team.retry_after(email.utils.formatdate(now - 90, usegmt=True), now), 0)
        for told, seconds in (("7", 7), (" 7 ", 7), ("-7", 0), ("soon", 0), ("", 0), (None, 0), ("9" * 30, 86400)):
            self.assertEqual(tv_team.retry_after(told, now), seconds, told)

    def test_ids_that_cannot_be_signed(self):
        for bad in ("", "a.b", "a b", "a\tb", "é", "a" * 256, "a\n"):
            with self.assertRaises(ValueError, msg=repr(bad)):
                tv_team.check_id(bad)
        tv_team.check_id("!~" + "a" * 253)

    def test_the_zone_that_the_official_package_forgets(self):
        """The reason for `headers`: should this fail with a newer package, the warning can go."""
        moment = datetime.datetime.now(datetime.timezone.utc)
        elsewhere = moment.astimezone(datetime.timezone(datetime.timedelta(hours=2)))
        self.assertEqual(moment, elsewhere)
        sign = standardwebhooks.Webhook(SECRET).sign
        self.assertNotEqual(sign("msg_1", moment, "{}"), sign("msg_1", elsewhere, "{}"))
        sent = tv_team.headers(SECRET, "msg_1", "{}", now=moment.timestamp())
        self.assertEqual(sent["webhook-signature"], sign("msg_1", moment, "{}"))
        # The service sees the one signature as wrong and the other as right.
        body = json.dumps({"type": "of.no.interest", "data": {}})
        for at, status in ((moment, 200), (elsewhere, 401)):
            webhook_id = "msg_" + uuid.uuid4().hex
            headers = {
                "webhook-id": webhook_id,
                "webhook-timestamp": str(int(at.timestamp())),
                "webhook-signature": sign(webhook_id, at, body),
            }
            self.assertEqual(requests.post(world.callback, data=body, headers=headers, timeout=10).status_code, status)


if __name__ == "__main__":
    unittest.main(verbosity=2)
