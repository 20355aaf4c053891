"""The operator's page in a real browser, against a real run. `make test-console` starts it."""

import json
import os
import re
import subprocess
import time
import unittest
import urllib.error
import urllib.request

from selenium.webdriver.common.keys import Keys

import world
from browser import BrowserTests

URL = f"http://127.0.0.1:{os.environ['OPERATOR_HTTP_PORT']}"
NAME, _, TOKEN = os.environ["OPERATOR_TOKEN"].split(",")[0].split(":")
LOOKING = os.environ["OPERATOR_TOKEN"].split(",")[1].split(":")[2]


def integrator(*arguments, text=None):
    return subprocess.run([f"{os.environ['BIN']}/integrator", *arguments], input=text, capture_output=True, text=True)


def webhook(kind, dataset, sequence, **more):
    """Sends a webhook, rightly signed; returns its webhook-id."""
    body = {"type": kind, "timestamp": "2026-11-23T16:00:00.123456Z",
            "data": {"dataset_id": dataset, "sequence": sequence, **more}}
    run = integrator("webhooks", "send", "-", "--json", text=json.dumps(body))
    return json.loads(run.stdout)["id"]


def create(slug):
    """Creates a dataset as a web client; returns its history."""
    request = urllib.request.Request(f"{world.URL}/api/v1/wishlist-to-group/{slug}/createAnalysis", b"", {
        "Authorization": f"Bearer {os.environ['TOKEN']}"})
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)["data"]


class OperatorTests(BrowserTests):
    @classmethod
    def setUpClass(cls):
        cls.line = world.Line()
        cls.line.restore()
        cls.addClassCleanup(cls.line.cut)
        super().setUpClass()

    def open(self, path="", token=TOKEN):
        self.browser.get(f"{URL}/operator")
        self.until(lambda: self.all("#token")[0], "the field").send_keys(token + Keys.ENTER)
        self.until(lambda: "Overview" in self.texts("h1"), "the overview")
        if path:
            self.script("location.hash = arguments[0]", path)

    def test_page_is_locked_down(self):
        with urllib.request.urlopen(f"{URL}/operator") as answer:
            policy, page = answer.headers["Content-Security-Policy"], answer.read().decode()
            self.assertEqual(answer.headers["Cache-Control"], "no-store")
        self.assertNotIn("unsafe", policy)
        self.assertIn("connect-src 'self';", policy)
        self.assertEqual(re.findall(r'(?:src|href)="(?!operator/|#/)([^"]*)"', page), [], "resources from elsewhere")
        with self.assertRaises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(f"{world.URL}/operator")
        self.assertEqual(refused.exception.code, 404, "the public listener has no such page")

    def test_sign_in_and_out(self):
        self.expected_errors = ["status of 401"]
        self.browser.get(URL)
        field = self.until(lambda: self.all("#token")[0], "the field")
        self.assertEqual(self.browser.switch_to.active_element, field)
        field.send_keys("wrong" + Keys.ENTER)
        self.until_text("This token is not valid.")
        self.look("operator-sign-in")
        field.clear()
        field.send_keys(TOKEN + Keys.ENTER)
        self.until_text("Overview", "h1")
        self.assertEqual(self.texts("#holder"), [NAME])
        self.assertNotIn(TOKEN, self.script("return JSON.stringify(localStorage) + document.cookie"))
        self.browser.refresh()
        self.until_text("Overview", "h1")
        self.click("Sign out")
        self.until_text("Operator token")
        self.assertEqual(self.script("return sessionStorage.length"), 0)

    def test_overview(self):
        webhook("dataset.started", 990001, 1)
        self.open()
        self.until_text("migrations", ".findings")
        self.until(lambda: self.all(".chart rect"), "columns of the last hour")
        self.until_text("Registered", ".tiles")
        self.script("document.querySelector('details').open = true")
        self.look("operator-overview")

    def test_webhooks_come_live_and_are_searched(self):
        world.scenario(steps=6, step_delay=0.2)
        self.open("#/webhooks")
        self.until_text("Live", "#connection")
        before = set(self.texts("tbody td:first-child"))
        history = create("standing-desks")
        self.until(lambda: len(set(self.texts("tbody td:first-child")) - before) >= 6, "new rows by themselves")
        self.look("operator-webhooks")
        self.act("input[name=dataset]", lambda each: each.send_keys(str(history["dataset_id"]) + Keys.ENTER))
        # The first event of a dataset is from before it has a number.
        self.until(lambda: set(self.texts("tbody .is-dataset_id")) - {"", "-", "–", "—"} == {str(history["dataset_id"])},
                   "those of the dataset")
        self.until_text("dataset.completed", "tbody")
        self.choose("type", "dataset.completed")
        self.until(lambda: len(self.all("tbody tr")) == 1, "the one of that type")
        self.act("tbody a", lambda each: each.click())
        self.until_text("200 applied")
        self.until_text('"type": "dataset.completed"', "pre")
        self.until_text(f"Events of dataset {history['dataset_id']}", "h2")
        self.look("operator-webhook")
        self.assertRegex(self.texts(".facts")[0], r"Committed\d{4}-\d\d-\d\d [\d:]{8}\.\d{6} UTC \d+\.\d ms later")
        self.click("Show its dataset")
        self.until_text("Completed", ".now")
        self.look("operator-dataset")

    def test_pages(self):
        world.sql("""
            INSERT INTO wishlist_dataset_events (event_key, outcome, type, body, recorded_at)
            SELECT CONCAT('page-', seq), 2, 'paged.kind', '{}', UTC_TIMESTAMP(6) FROM seq_1_to_120
            """)
        self.open("#/backlog/ignored")
        self.until(lambda: len(self.all("tbody tr")) == 50, "a full page")
        newest = self.texts("tbody td:nth-child(2)")[0]
        self.click("Older")
        self.until(lambda: self.texts("tbody td:nth-child(2)")[0] != newest and len(self.all("tbody tr")) == 50, "the next")
        self.look("operator-ignored")

    def test_rejected_are_tried_replayed_and_dropped(self):
        webhook("dataset.progress", 990100, 1, progress=400)
        webhook("dataset.progress", 990100, 2, progress=500)
        self.open("#/backlog/rejected")
        self.until(lambda: len(self.all("tbody tr")) >= 2, "both")
        self.until_text("data.progress", "tbody")
        self.look("operator-rejected")
        self.click("Dry run")
        self.until_text("Nothing was changed.")
        self.act("tbody tr:first-child input", lambda each: each.click())
        self.until_text("1 chosen", ".decisions")
        rows = len(self.all(".histories tbody tr"))
        self.click("Drop")
        self.until(lambda: self.all("dialog[open]"), "the question")
        self.look("operator-question")
        self.press(Keys.ESCAPE)
        self.until(lambda: not self.all("dialog"), "its end")
        self.click("Drop", "main")
        self.click("Drop", "dialog")
        self.until_text("1 dropped.")
        self.until(lambda: len(self.all(".histories tbody tr")) == rows - 1, "one less")
        self.click("Actions")
        self.until_text("events drop", "tbody")
        self.assertIn(NAME, self.texts("tbody tr:first-child")[0])
        self.look("operator-actions")

    def test_parked_of_another_environment(self):
        webhook("dataset.started", 990200, 1)
        self.open("#/backlog/parked")
        self.until_text("990200", "tbody")
        listed = integrator("events", "list", "--outcome", "parked", "--dataset", "990200", "--json")
        self.assertEqual(len(json.loads(listed.stdout)), 1, "the command line says the same")
        self.click("Replay")
        self.click("Replay", "dialog")
        self.until_text("replayed")
        self.look("operator-parked")

    def test_dead_letters(self):
        world.sql("""
            INSERT INTO wishlist_dataset_dead_letters (event_id, history_id, revision, reason, refused_at)
            SELECT e.id, e.history_id, e.revision, 'Pusher answered 413', UTC_TIMESTAMP(6) FROM wishlist_dataset_events e
            WHERE e.revision IS NOT NULL ORDER BY e.id LIMIT 1
            """)
        self.addCleanup(world.sql, "DELETE FROM wishlist_dataset_dead_letters")
        self.open("#/backlog/dead-letters")
        self.until_text("Pusher answered 413", "tbody")
        self.look("operator-dead-letters")
        self.click("Retry")
        self.until_text("1 of 1 sent")

    def test_owed_notifications(self):
        self.addCleanup(self.line.restore)
        self.line.cut()
        world.scenario(steps=4, step_delay=1)
        history = create("bathroom-refresh")
        self.open("#/backlog/owed")
        self.until_text("bathroom-refresh", "tbody")
        self.assertEqual(self.all(".decisions"), [], "nothing to decide: they are sent by themselves")
        self.look("operator-owed")
        self.act(f"tbody a[href='#/datasets/{history['id']}']", lambda each: each.click())
        self.until_text("are owed since", ".now")
        self.line.restore()
        self.until_text("Completed", ".now", 60)  # by itself: the view is live
        self.until(lambda: "Owed since" not in self.texts("dl")[0], "its delivery", 60)

    def test_late_datasets_have_their_reason(self):
        world.sql("""
            UPDATE wishlist_dataset_histories SET status = 6, heard_at = UTC_TIMESTAMP(6) - INTERVAL 2 HOUR,
            redelivery_asked_at = UTC_TIMESTAMP(6) - INTERVAL 95 MINUTE WHERE slug = 'kitchen-essentials' ORDER BY id LIMIT 1
            """)
        self.open("#/datasets")
        self.choose("state", "Stalled")
        self.until_text("nothing was heard since 2 h ago", "tbody")
        self.look("operator-datasets")
        self.choose("by", "Slug")
        self.act("input[name=text]", lambda each: each.send_keys("kitchen-essentials" + Keys.ENTER))
        self.until(lambda: set(self.texts("tbody .is-slug")) == {"kitchen-essentials"}, "those of the wishlist")
        self.act("tbody a", lambda each: each.click())
        self.until_text("A webhook revives it", ".now")

    def test_what_is_not_there(self):
        self.expected_errors = ["status of 404"]
        self.open("#/datasets/999999999")
        self.until(lambda: self.all(".problem"), "the reason")
        self.assertEqual(self.texts("#connection:not([hidden])"), [], "the connection is fine")

    def test_callback_is_lost_and_put_right(self):
        # The service looks from time to time, and may put it right before the page is open.
        for _ in range(3):
            integrator("callbacks", "remove")
            self.open("#/callback")
            self.until(lambda: any("egistered" in each for each in self.texts("h2")), "the callback's state")
            if "Not registered" in self.texts("h2"):
                break
        self.until_text("Not registered", "h2")
        self.click("Synchronise")
        self.until_text("Registered as it should be", "h2")
        self.click("Send")
        self.until_text('Answered 200 {"outcome":"ignored"}')
        self.look("operator-callback")

    def test_wrong_secret_at_the_other_side(self):
        request = urllib.request.Request(f"{world.URL}/webhooks/tv-python", b"{}", {
            "webhook-id": "msg_wrong", "webhook-timestamp": str(int(time.time())), "webhook-signature": "v1," + "A" * 43 + "="})
        with self.assertRaises(urllib.error.HTTPError):
            urllib.request.urlopen(request)
        time.sleep(3)  # refusals gather for two seconds
        self.open("#/refused")
        self.until_text("msg_wrong", "tbody")
        self.until_text("no_match", "tbody")
        self.look("operator-refused")

    def test_who_may_only_look(self):
        self.open("#/backlog/rejected", token=LOOKING)
        self.until_text("read only", "#holder")
        self.until_text("Rejected", "h1")
        self.assertEqual(self.all(".decisions"), [])

    def test_keyboard_and_hostile_text(self):
        name = "<img src=x onerror=alert(1)>"
        webhook(name, 1, 1)
        self.open("#/webhooks")
        self.until_text(name, "tbody")
        self.assertEqual(self.all("main img"), [])
        self.until(lambda: self.script("return document.activeElement.tagName") == "H1", "the heading's focus")
        self.press(Keys.TAB)
        self.assertEqual(self.script("return document.activeElement.name"), "type")
        self.script("[...document.querySelectorAll('tbody a')][0].focus()")
        self.press(Keys.ENTER)
        self.until_text("Webhook", "h1")


if __name__ == "__main__":
    unittest.main(verbosity=2)
