"""The console in a real browser, against a real run. `make test-console` starts it."""

import json
import os
import re
import unittest
import urllib.error
import urllib.request

from selenium.webdriver.common.keys import Keys

import world
from browser import BrowserTests


class ConsoleTests(BrowserTests):
    """Each test has a wishlist of its own."""

    @classmethod
    def setUpClass(cls):
        cls.line = world.Line()
        cls.line.restore()
        cls.owner = os.environ["TOKEN"]
        super().setUpClass()

    def open(self, path="", token=None, connection="Live"):
        self.browser.get(f"{world.URL}/console#token={token or self.owner}")
        self.click("Sign in", "main")
        self.until(lambda: "Wishlists" in self.texts("h1"), "the wishlists")
        if path:
            self.script("location.hash = arguments[0]", path)
        self.until(lambda: self.texts("#connection span")[0] == connection, f"the connection: {connection}")

    def create(self, name=""):
        self.click("Create dataset", "main")
        field = self.until(lambda: self.all("dialog #name")[0], "the dialog")
        field.send_keys(name)
        self.click("Create dataset", "dialog")
        self.until(lambda: not self.all("dialog"), "the dialog's end")

    # Tests

    def test_page_is_locked_down(self):
        with urllib.request.urlopen(f"{world.URL}/console") as answer:
            policy = answer.headers["Content-Security-Policy"]
            page = answer.read().decode()
        self.assertTrue(policy.startswith("default-src 'none'; script-src 'self'; style-src 'self';"), policy)
        self.assertIn(f"connect-src 'self' ws://127.0.0.1:{os.environ['PUSHER_PORT']};", policy)
        self.assertNotIn("unsafe", policy)
        self.assertEqual(re.findall(r'(?:src|href)="(?!console/|#/)([^"]*)"', page), [], "resources from elsewhere")
        with urllib.request.urlopen(f"{world.URL}/console/config.json") as answer:
            configuration = answer.read().decode()
        for secret in world.SECRETS:
            self.assertNotIn(secret, configuration)

    def test_sign_in_and_out(self):
        self.expected_errors = ["status of 401"]
        self.browser.get(f"{world.URL}/console")
        field = self.until(lambda: self.all("#token")[0], "the field")
        self.assertEqual(self.browser.switch_to.active_element, field)
        field.send_keys("1|wrong" + Keys.ENTER)
        self.until_text("This token is not valid.")
        self.look("sign-in")
        field.clear()
        field.send_keys(self.owner + Keys.ENTER)
        self.until_text("Winter Hiking")
        self.until(lambda: self.texts("#connection") == ["Live"], "the live connection")
        self.assertNotIn(self.owner.split("|")[1], self.script("return JSON.stringify(localStorage) + document.cookie"))
        self.look("wishlists")
        self.browser.refresh()
        self.until_text("Winter Hiking")
        self.click("Sign out")
        self.until_text("Access token")
        self.assertEqual(self.script("return sessionStorage.length"), 0)

    def test_creates_and_watches(self):
        world.scenario(steps=12, step_delay=0.15)
        self.open("#/outdoor-lighting")
        self.until_text("No dataset yet")
        self.look("empty")
        self.script("""
            window.isSamePage = true;
            window.bars = [];
            new MutationObserver(() => {
              const bar = document.querySelector("tbody progress");
              if (bar && bars.at(-1) !== bar.value) bars.push(bar.value);
            }).observe(document.querySelector("main"), { subtree: true, childList: true, characterData: true });
            window.said = [];
            const announcer = document.querySelector("#announcer");
            new MutationObserver(() => said.push(announcer.textContent)).observe(announcer, { childList: true });
            """)
        self.create()
        self.until_text("Processing", "tbody .badge")
        self.look("moving")
        self.until_text("Completed", "tbody .badge")
        bars = self.script("return bars")
        self.assertEqual(bars, sorted(bars), "the bar never goes back")
        self.assertGreaterEqual(len(bars), 6, bars)
        self.assertEqual(bars[-1], 100)
        self.assertTrue(self.script("return isSamePage"), "without a reload")
        self.assertTrue(any("completed" in each for each in self.script("return said")), "told to screen readers")
        self.act("tbody a", lambda each: each.click())
        self.until_text("Result", "h2")
        self.until_text("Dataset completed", ".timeline")
        self.look("completed")

    def test_failure_has_its_reason(self):
        world.scenario(steps=6, step_delay=0.05, outcome="failed")
        self.open("#/standing-desks")
        self.create("Will fail")
        row = "tbody tr:first-child"
        self.until_text("Will fail", row)
        self.until_text("Failed", f"{row} .badge")
        reason = self.texts(f"{row} .reason")[0]
        self.assertNotEqual(reason, "")
        self.click("Will fail")
        self.until_text(reason, ".card.failed")
        self.until_text("Dataset failed", ".timeline")
        self.look("failed")

    def test_connection_lost_and_regained(self):
        self.expected_errors = [r"WebSocket connection to .* failed"]
        world.scenario(steps=30, step_delay=0.15)
        self.open("#/kids-bedroom")
        self.create()
        self.until_text("Processing", "tbody .badge")
        self.act("tbody a", lambda each: each.click())
        self.until(lambda: self.script("return document.querySelector('main progress')?.value > 0"), "progress")
        self.line.cut()
        self.addCleanup(self.line.restore)
        self.until_text("Connection lost", "#connection")
        self.look("lost")
        self.until(lambda: self.world_revision("kids-bedroom") > 12, "more progress than the page has heard of")
        self.line.restore()
        self.until(lambda: self.texts("#connection") == ["Live"], "the live connection", seconds=40)
        self.until_text("Completed", ".summary .badge", seconds=30)
        self.until_text("Dataset completed", ".timeline")
        asked = self.script("return performance.getEntriesByType('resource').map((e) => e.name)")
        self.assertTrue(any(re.search(r"events\?after=[1-9]", each) for each in asked), "asked for what it missed")
        # All thirty steps are told of, in groups of a stage.
        updates = sum(int(each) for each in re.findall(r"(\d+) updates", " ".join(self.texts(".timeline"))))
        self.assertEqual(updates, 30)

    def world_revision(self, slug):
        return self.script("""
            return fetch(`api/v1/wishlist-to-group/${arguments[0]}/histories?per_page=1`,
              { headers: { Authorization: `Bearer ${sessionStorage.getItem("token")}` } })
              .then((answer) => answer.json()).then((answer) => answer.data[0].revision);
            """, slug)

    def test_old_revisions_are_dropped(self):
        self.open("#/autumn-living-room")
        self.until_text("Completed", "tbody .badge")
        history = {
            "id": 4, "slug": "autumn-living-room", "dataset_id": 4104, "name": "Stale", "status": 2,
            "status_label": "processing", "progress": 7, "stage": None, "message": "Stale", "error": None,
            "created_at": "2026-11-02T07:55:31.902000Z", "updated_at": "2026-11-02T07:55:31.902000Z",
        }
        channel = "private-wishlist-to-group.autumn-living-room"
        world.publish("dataset.progress", channel, {**history, "revision": 5})
        fresh = {**history, "status": 3, "status_label": "completed", "progress": 100, "name": "Fresh", "message": None}
        self.script("""
            window.seen = "";
            new MutationObserver(() => (seen += document.querySelector("tbody").textContent))
              .observe(document.querySelector("tbody"), { subtree: true, childList: true });
            """)
        world.publish("dataset.completed", channel, {**fresh, "revision": 99})
        self.until_text("Fresh", "tbody")
        self.assertNotIn("Stale", self.script("return seen"))

    def test_training(self):
        self.open("#/kitchen-essentials")
        self.until_text("Trained", ".training .badge")
        self.assertEqual(self.offered(), ["requested"])
        moment = self.all("#training-at")[0]
        self.script("arguments[0].value = '2027-01-31T12:30'", moment)
        self.click("Request training")
        self.until_text("Requested", ".training .badge")
        times = self.script("return [...document.querySelectorAll('.training time')].map((e) => [e.dateTime, e.title])")
        self.assertEqual([each[0] for each in times], ["2027-01-31T03:30:00.000000Z"], "Tokyo is nine hours ahead")
        self.assertIn("Japan Standard Time", times[0][1])
        self.assertEqual(self.offered(), ["requested", "none", "canceled"])
        self.look("training")
        self.click("Cancel training")
        self.until_text("Canceled", ".training .badge")
        self.assertEqual(self.offered(), ["requested"])

    def offered(self):
        buttons = ".training button:enabled"
        return self.until(lambda: [each.get_attribute("data-set") for each in self.all(buttons)], "something to set")

    def test_viewers_may_only_look(self):
        self.open("#/kitchen-essentials", token=world.token(user=3))
        self.until_text("Your role in this group may only look.", ".training")
        self.assertEqual(self.all(".training button"), [])

    def test_filters_orders_and_pages(self):
        world.sql("""
            INSERT INTO wishlist_dataset_histories
                (wishlist_to_group_id, dataset_id, slug, status, progress, created_at, updated_at)
            SELECT 7, 5000 + seq, 'spring-clearance', IF(seq = 3, 4, 3), 100, '2026-01-02', '2026-01-02'
            FROM seq_1_to_18
            """)
        self.open("#/spring-clearance")
        self.until_text("This wishlist is not active")
        self.until_text("Page 1 of 2 · 18 in all", ".pager")
        self.assertIn("Dataset 5018", self.texts("tbody tr:first-child")[0])
        self.look("pages")
        self.click("Next")
        self.until_text("Page 2 of 2", ".pager")
        self.choose("sort", "Oldest first")
        self.until(lambda: "Dataset 5001" in self.texts("tbody tr:first-child")[0], "the oldest")
        self.choose("status", "Failed")
        self.until(lambda: len(self.all("tbody tr")) == 1, "one failed dataset")
        self.assertIn("sort=id", self.script("return location.hash"))
        self.choose("status", "Queued")
        self.until_text("Nothing matches")
        self.click("Show all")
        self.until_text("Page 1 of 2", ".pager")
        self.act("input[name=dataset_id]", lambda each: each.send_keys("5007" + Keys.ENTER))
        self.until(lambda: [each[:12] for each in self.texts("tbody tr")] == ["Dataset 5007"], "the dataset looked for")

    def test_keyboard_and_hostile_text(self):
        name = "<img src=x onerror=alert(1)>"
        world.scenario(steps=2, step_delay=0.05)
        self.open("#/bathroom-refresh")
        self.until(lambda: self.script("return document.activeElement.tagName") == "H1", "the heading's focus")
        self.until(lambda: self.all("main .primary:enabled")[0], "the button")
        self.press(Keys.TAB)
        self.assertEqual(self.browser.switch_to.active_element.text, "Create dataset")
        self.press(Keys.ENTER)
        self.until(lambda: self.script("return document.activeElement.id") == "name", "the field's focus")
        self.look("create")
        self.press(Keys.ESCAPE)
        self.until(lambda: not self.all("dialog"), "the dialog's end")
        self.assertEqual(self.browser.switch_to.active_element.text, "Create dataset")
        self.press(Keys.ENTER)
        self.until(lambda: self.script("return document.activeElement.id") == "name", "the field's focus")
        self.press(name + Keys.ENTER)
        self.until_text("Completed", "tbody .badge")
        self.assertEqual(self.all("main img"), [])
        link = self.all("tbody a")[0]
        self.assertEqual(link.text, name)
        link.send_keys(Keys.ENTER)
        self.until_text(name, "h1")
        self.assertEqual(self.script("return document.activeElement.tagName"), "H1")

    def test_list_of_wishlists(self):
        status, everything = self.ask("per_page=2&page=2", self.owner)
        self.assertEqual(status, 200)
        self.assertEqual(everything["meta"]["total"], 10)
        self.assertEqual([each["slug"] for each in everything["data"]], ["garden-ideas", "holiday-gifts-2025"])
        self.assertTrue(everything["links"]["next"].endswith("/api/v1/wishlist-to-group?per_page=2&page=3"))
        one = self.ask("slug=winter-hiking", self.owner)[1]["data"]
        self.assertEqual(
            [(each["group_id"], each["role"], each["latest_dataset"]) for each in one], [(2, "owner", None)])
        theirs = self.ask("slug=kitchen-essentials", world.token(user=3))[1]["data"][0]
        self.assertEqual((theirs["role"], theirs["status"]), ("viewer", 1))
        self.assertEqual((theirs["latest_dataset"]["id"], theirs["latest_dataset"]["result"]), (3, None))
        self.assertEqual(self.ask("slug=WINTER-hiking", self.owner)[1]["data"], [])
        self.assertEqual(self.ask("slug=winter-hiking", world.token(user=2))[1]["data"], [], "not their group")
        self.assertEqual(self.ask("", world.token(user=4))[1]["meta"]["total"], 0)
        self.assertEqual(self.ask("per_page=0&color=red", self.owner)[0], 400)
        self.assertEqual(self.ask("", "1|wrong")[0], 401)

    def ask(self, query, token):
        request = urllib.request.Request(
            f"{world.URL}/api/v1/wishlist-to-group?{query}", headers={"Authorization": f"Bearer {token}"})
        try:
            with urllib.request.urlopen(request) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)

    def test_nothing_there(self):
        self.expected_errors = ["status of 40[34]"]
        self.open("#/no-such-wishlist", connection="Not live")
        self.until_text("There is nothing here, or it is not open to you.")
        self.look("nothing")


if __name__ == "__main__":
    unittest.main(verbosity=2)
