"""Clients that others wrote, against the integrator and the sandbox: each must take the other for the real party."""

import datetime
import http.server
import json
import os
import queue
import threading
import time
import unittest
import uuid

import pusher
import pysher
import requests
import standardwebhooks
import svix.webhooks

URL = os.environ["PUBLIC_URL"]
SANDBOX = os.environ["TV_API_URL"]
SECRETS = os.environ["TV_WEBHOOK_SECRETS"].split()
API = {"Authorization": "Bearer " + os.environ["TOKEN"], "Accept": "application/json"}
TV = {"Authorization": "Bearer " + os.environ["TV_API_TOKEN"]}
KEY, SECRET = os.environ["PUSHER_APP_KEY"], os.environ["PUSHER_APP_SECRET"]
PORT = int(os.environ["PUSHER_PORT"])
TYPES = {
    "dataset.queued": {},
    "dataset.started": {},
    "dataset.progress": {"progress": 42, "stage": "embedding", "message": "Ümläut 😀"},
    "dataset.completed": {"result": {"rows": 1, "deep": [[[[[]]]]]}},
    "dataset.failed": {"error": {"code": "x", "message": "y", "retryable": True}},
    "dataset.canceled": {},
    "training.started": {},
    "training.completed": {"result": {}},
    "training.failed": {"error": {"code": "x", "message": "y"}},
}


def now(seconds=0):
    return datetime.datetime.now(tz=datetime.timezone.utc) + datetime.timedelta(seconds=seconds)


def body(type, **data):
    data = {"dataset_id": uuid.uuid4().int % 2**53, "sequence": 1, **data}
    return json.dumps({"type": type, "timestamp": now().isoformat(), "data": data}, ensure_ascii=False)


def post(text, signer=standardwebhooks.Webhook, secrets=SECRETS[:1], id=None, at=None, **headers):
    """Signs with each secret, as at a rotation, and posts."""
    id, at = id or "msg_" + uuid.uuid4().hex, at or now()
    signatures = [signer(secret).sign(id, at, text) for secret in secrets]
    sent = {
        "content-type": "application/json",
        "webhook-id": id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": " ".join(signatures),
    }
    sent.update({name.replace("_", "-"): value for name, value in headers.items()})
    sent = {name: value for name, value in sent.items() if value is not None}
    return requests.post(URL + "/webhooks/tv-python", data=text.encode(), headers=sent, timeout=10)


def wait(condition, seconds=20):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = condition()
        if found:
            return found
        time.sleep(0.02)
    raise AssertionError("waited in vain")


class SignedByOthers(unittest.TestCase):
    def test_all_types_by_both_signers_and_secrets(self):
        for signer in (standardwebhooks.Webhook, svix.webhooks.Webhook):
            for secret in SECRETS:
                for type, data in TYPES.items():
                    answer = post(body(type, **data), signer, [secret])
                    self.assertEqual((answer.status_code, answer.json()), (202, {"outcome": "parked"}), type)

    def test_rotation_and_odd_bodies(self):
        stranger = "whsec_" + "A" * 43 + "="
        self.assertEqual(post(body("dataset.queued"), secrets=[stranger, SECRETS[1]]).status_code, 202)
        for text in ("", "null", "[]", "{", '{"type": 1}', '{"type": "dataset.queued"}', "\u0000"):
            self.assertEqual(post(text).status_code, 422, text)
        self.assertEqual(post('{"type": "from.the.future", "data": [1e400]}').json(), {"outcome": "ignored"})

    def test_the_same_id_twice(self):
        text, id = body("dataset.queued"), "msg_" + uuid.uuid4().hex
        self.assertEqual(post(text, id=id).json(), {"outcome": "parked"})
        self.assertEqual(post(text, id=id, at=now(5)).json(), {"outcome": "duplicate"})

    def test_forged(self):
        text = body("dataset.queued")
        good = standardwebhooks.Webhook(SECRETS[0]).sign("msg_1", now(), text)
        forged = {
            "another secret": dict(secrets=["whsec_" + "A" * 43 + "="]),
            "too old": dict(at=now(-310)),
            "too new": dict(at=now(310)),
            "another id": dict(webhook_id="msg_other"),
            "another time": dict(webhook_timestamp=str(int(now(-7).timestamp()))),
            "no id": dict(webhook_id=None),
            "no timestamp": dict(webhook_timestamp=None),
            "no signature": dict(webhook_signature=None),
            "another version": dict(webhook_signature=good.replace("v1,", "v2,")),
            "part of a signature": dict(webhook_signature=good[:20]),
            "no comma": dict(webhook_signature="v1"),
            "not a number": dict(webhook_timestamp="now"),
            "fraction": dict(webhook_timestamp=str(now().timestamp())),
        }
        for name, change in forged.items():
            answer = post(text, **change)
            self.assertEqual(answer.status_code, 401, name)
            self.assertEqual(answer.json()["code"], "invalid_signature", name)
        id, at = "msg_" + uuid.uuid4().hex, now()
        signature = standardwebhooks.Webhook(SECRETS[0]).sign(id, at, text)
        answer = post(text + " ", id=id, at=at, webhook_signature=signature)
        self.assertEqual(answer.status_code, 401, "another body")


class Subscriber:
    """A pysher client that notes what comes on its channels. Its thread ends with the process: disconnecting can hang."""

    def __init__(self, channels, events, **options):
        self.got = queue.Queue()
        self.subscribed = queue.Queue()
        self.client = pysher.Pusher(key=KEY, custom_host="127.0.0.1", port=PORT, secure=False, **options)

        def connected(_):
            for name in channels:
                channel = self.client.subscribe(name)
                channel.bind("pusher_internal:subscription_succeeded", lambda data, name=name: self.subscribed.put(name))
                for event in events:
                    channel.bind(event, lambda data, name=name, event=event: self.got.put((name, event, data)))

        self.client.connection.bind("pusher:connection_established", connected)
        self.client.connect()
        for _ in channels:
            self.subscribed.get(timeout=10)

    def take(self, count):
        return [self.got.get(timeout=15) for _ in range(count)]


class PusherByOthers(unittest.TestCase):
    def setUp(self):
        self.server = pusher.Pusher(
            app_id=os.environ["PUSHER_APP_ID"], key=KEY, secret=SECRET, host="127.0.0.1", port=PORT, ssl=False
        )

    def test_official_library_triggers_on_the_sandbox(self):
        subscriber = Subscriber(["open", "private-x"], ["hello"], secret=SECRET)
        self.server.trigger(["open", "private-x"], "hello", {"a": 1})
        self.server.trigger_batch(
            [
                {"channel": "open", "name": "hello", "data": "b"},
                {"channel": "private-x", "name": "hello", "data": "c"},
            ]
        )
        got = sorted(subscriber.take(4))
        self.assertEqual([item[2] for item in got], ["b", '{"a": 1}', "c", '{"a": 1}'])
        self.assertIn("private-x", self.server.channels_info()["channels"])

    def test_channel_signatures_are_those_of_the_official_library(self):
        slug = "autumn-living-room"
        for form in (True, False):
            fields = {"socket_id": "12.34", "channel_name": "private-wishlist-to-group." + slug}
            answer = requests.post(
                URL + "/broadcasting/auth",
                data=fields if form else json.dumps(fields),
                headers=API if form else {**API, "content-type": "application/json"},
                timeout=10,
            )
            self.assertEqual(answer.status_code, 200, answer.text)
            self.assertEqual(answer.json(), self.server.authenticate(fields["channel_name"], "12.34"))
        fields = {"socket_id": "12.34", "channel_name": "presence-wishlist-to-group." + slug}
        answer = requests.post(URL + "/broadcasting/auth", data=fields, headers=API, timeout=10).json()
        member = json.loads(answer["channel_data"])
        self.assertIsInstance(member["user_id"], str)
        signed = "12.34:" + fields["channel_name"] + ":" + answer["channel_data"]
        self.assertEqual(answer["auth"], KEY + ":" + pusher.signature.sign(SECRET, signed))

    def test_what_the_integrator_sends_is_seen_on_private_and_presence_channels(self):
        wishlists = requests.get(URL + "/api/v1/wishlist-to-group", headers=API, timeout=10).json()["data"]
        channels = ["private-group.1"]
        subscriber = Subscriber(channels, ["dataset.created", "dataset.completed"], secret=SECRET)
        created = None
        for slug in [wishlist["slug"] for wishlist in wishlists]:
            answer = requests.post(
                f"{URL}/api/v1/wishlist-to-group/{slug}/createAnalysis", headers=API, timeout=20
            )
            if answer.status_code == 201:
                created = answer.json()["data"]
                break
        self.assertIsNotNone(created, answer.text)
        presence = Subscriber(
            ["presence-wishlist-to-group." + slug, "private-wishlist-to-group." + slug],
            ["dataset.completed"],
            secret=SECRET,
            user_data={"user_id": "1"},
        )
        seen = [(event, json.loads(data)["id"]) for _, event, data in subscriber.take(2)]
        self.assertEqual(seen, [("dataset.created", created["id"]), ("dataset.completed", created["id"])])
        self.assertEqual({name.split("-")[0] for name, _, _ in presence.take(2)}, {"private", "presence"})


class OursForOthers(unittest.TestCase):
    """What our signer and our Pusher client produce, taken in by their libraries."""

    def test_webhooks_of_our_signer_are_verified_by_theirs(self):
        got = queue.Queue()

        class Receiver(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                got.put((dict(self.headers), self.rfile.read(int(self.headers["content-length"]))))
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_):
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        secret = "whsec_" + "bXkgdmVyeSBvd24gc2VjcmV0IG9mIDMyIGJ5dGVzIQ=="
        callback = {"url": f"http://127.0.0.1:{server.server_port}/", "events": list(TYPES), "secret": secret}
        created = requests.put(SANDBOX + "/callbacks/interop", json=callback, headers=TV, timeout=10)
        self.assertIn(created.status_code, (200, 201), created.text)
        reference = str(uuid.uuid4())
        order = {
            "reference": reference,
            "name": "interop",
            "callback": "interop",
            "wishlist": {"id": 1, "slug": "s", "name": "n", "group_id": 1},
            "products": [{"id": 1}],
            "categories": [{"id": 1}],
            "queries": ["q"],
        }
        answer = requests.post(
            SANDBOX + "/dataset/create", json=order, headers={**TV, "Idempotency-Key": reference}, timeout=10
        )
        self.assertEqual(answer.status_code, 201, answer.text)
        for number in range(1, 5):
            headers, raw = got.get(timeout=10)
            for library in (standardwebhooks.Webhook, svix.webhooks.Webhook):
                told = library(secret).verify(raw, headers)
            self.assertEqual(json.loads(raw)["data"]["sequence"], number)
            self.assertIn(json.loads(raw)["type"], TYPES)
        requests.delete(SANDBOX + "/callbacks/interop", headers=TV, timeout=10)
        server.shutdown()
        server.server_close()


if __name__ == "__main__":
    unittest.main(verbosity=2)
