"""The console in a real browser, against a real run. `make test-console` starts it."""

import json
import os
import pathlib
import re
import time
import unittest
import urllib.error
import urllib.request

from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select

import world
from browser import AUDIT, FOLDER
from signed_in import SignedIn


class ConsoleTests(SignedIn):
    """Each test has a wishlist of its own."""

    SHAPES = {"phone": (390, 844), "tablet": (760, 1000), "laptop": (1024, 768), "desk": (1400, 900)}

    def asked(self, pattern=r"/api/"):
        """The requests since the last `performance.clearResourceTimings()`."""
        names = self.script("return performance.getEntriesByType('resource').map((e) => e.name)")
        return [name for name in names if re.search(pattern, name)]

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
              const bar = document.querySelector("main progress");
              if (bar && bars.at(-1) !== bar.value) bars.push(bar.value);
            }).observe(document.querySelector("main"), { subtree: true, childList: true, attributes: true });
            window.said = [];
            const announcer = document.querySelector("#announcer");
            new MutationObserver(() => said.push(announcer.textContent)).observe(announcer, { childList: true });
            """)
        self.create("Lights & Lamps")
        self.until_text("Lights & Lamps", "h1")
        self.until_text("Processing", ".summary .badge")
        self.until_text("Ada Berg", ".facts")
        self.look("moving")
        self.until_text("Completed", ".summary .badge")
        self.until_text("Result", "h2")
        self.until_text("Dataset completed", ".timeline")
        bars = self.script("return bars")
        self.assertEqual(bars, sorted(bars), "the bar never goes back")
        self.assertGreaterEqual(len(bars), 6, bars)
        self.assertEqual(bars[-1], 100)
        self.assertTrue(self.script("return isSamePage"), "without a reload")
        self.assertTrue(any("completed" in each for each in self.script("return said")), "told to screen readers")
        self.assertRegex(self.texts(".facts")[0], r"Stages.*: \d+ s")
        self.look("completed")
        # A switch of view costs one request, and the subscription stays.
        self.script("performance.clearResourceTimings()")
        self.act(".trail a:last-child", lambda each: each.click())
        self.until_text("Lights & Lamps", "tbody")
        self.assertEqual(len(self.asked()), 1, self.asked())
        self.assertEqual(self.texts("#connection"), ["Live"])

    def test_failure_has_its_reason(self):
        world.scenario(steps=6, step_delay=0.05, outcome="failed")
        self.open("#/standing-desks")
        self.create("Will fail")
        self.until_text("Will fail", "h1")
        self.until_text("Failed", ".summary .badge")
        self.until_text("Dataset failed", ".timeline")
        self.until_text("Try again", ".summary")
        self.until_text("Ada Berg", ".facts")
        self.look("failed")
        reason = self.texts(".card.failed p")[0]
        self.act(".trail a:last-child", lambda each: each.click())
        row = "tbody tr:first-child"
        self.until_text("Failed", f"{row} .badge")
        self.assertEqual(self.texts(f"{row} .reason")[0], reason)
        self.click("Will fail")
        # Another try, with the same choices.
        world.scenario(steps=2, step_delay=0.05)
        self.click("Try again")
        self.until(lambda: self.script("return document.querySelector('dialog #name')?.value") == "Will fail",
                   "the name")
        self.click("Create dataset", "dialog")
        self.until_text("Completed", ".summary .badge")

    def test_reads_while_pusher_is_away(self):
        self.expected_errors = [r"WebSocket connection to .* failed"]
        world.scenario(steps=30, step_delay=0.4)
        self.open("#/kids-bedroom")
        self.create()
        self.until_text("Processing", ".summary .badge")
        self.until(lambda: self.script("return document.querySelector('main progress')?.value > 0"), "progress")
        self.line.cut()
        self.addCleanup(self.line.restore)
        self.until_text("Reading every 10 s", "#connection")
        self.assertRegex(self.texts("#connection")[0], r"Live updates are away · as of \d")
        self.look("away")
        # It comes to its end all the same.
        self.until_text("Completed", ".summary .badge", seconds=40)
        self.until_text("Dataset completed", ".timeline")
        self.line.restore()
        self.until(lambda: self.texts("#connection") == ["Live"], "the live connection", seconds=40)
        # All thirty steps are told of, in groups of a stage.
        updates = sum(int(each) for each in re.findall(r"(\d+) updates", " ".join(self.texts(".timeline"))))
        self.assertEqual(updates, 30)

    def test_every_view_reads_while_pusher_is_away(self):
        self.expected_errors = [r"WebSocket connection to .* failed"]
        self.open()
        self.until_text("Winter Hiking")
        self.line.cut()
        self.addCleanup(self.line.restore)
        self.until_text("Reading every 10 s", "#connection")
        world.sql("UPDATE wishlist_to_groups SET name = 'Winter Hiking, read' WHERE id = 10")
        self.addCleanup(world.sql, "UPDATE wishlist_to_groups SET name = 'Winter Hiking' WHERE id = 10")
        self.until_text("Winter Hiking, read")
        self.script("location.hash = '#/winter-hiking'")
        self.until_text("Reading every 10 s", "#connection")
        world.sql("UPDATE wishlist_to_groups SET name = 'Winter Hiking, again' WHERE id = 10")
        self.until_text("Winter Hiking, again", "h1")

    def test_says_when_nothing_is_sent(self):
        """Trial 24."""
        world.scenario(steps=30, step_delay=0.4)
        self.open("#/bathroom-refresh")
        self.click("Create dataset", "main")
        self.choose_option("#notifications", "Nothing")
        self.click("Create dataset", "dialog")
        self.until_text("This dataset sends no live updates", "#connection")
        self.assertEqual(self.texts("#connection span")[0], "Reading every 10 s")
        self.look("untold")
        self.until_text("Completed", ".summary .badge", seconds=40)
        self.until_text("Dataset completed", ".timeline")
        self.until_text("This dataset sends no live updates", "#connection")

    def choose_option(self, selector, text):
        self.act(selector, lambda each: Select(each).select_by_visible_text(text))

    def test_rate_limit_and_outage_count_down(self):
        self.expected_errors = ["status of 429", "status of 503", "ERR_"]
        self.open("#/autumn-living-room")
        self.until_text("Completed", "tbody .badge")
        self.script("""
            const real = window.fetch;
            window.answer = { status: 429, after: 4 };
            window.fetch = (...all) => !window.answer ? real(...all)
              : window.answer.status === 0 ? Promise.reject(new TypeError("away"))
              : Promise.resolve(new Response('{"message": "x", "code": "y"}',
                  { status: window.answer.status, headers: { "Retry-After": window.answer.after } }));
            location.hash = "#/autumn-living-room?sort=id";
            """)
        self.until_text("Too many requests", "#connection")
        self.until(lambda: re.search(r"next try in [1-4] s", self.texts("#connection")[0]), "the countdown")
        self.look("limited")
        self.script("window.answer = { status: 0 }")
        self.until_text("Service unreachable", "#connection")
        self.look("unreachable")
        self.assertIn("Completed", self.texts("tbody .badge"), "what was read is still shown")
        self.script("window.answer = null")
        self.until(lambda: self.texts("#connection") == ["Live"], "the live connection", seconds=40)

    def test_long_timeline_opens_at_once(self):
        """Trial 23."""
        world.sql("""
            INSERT INTO wishlist_dataset_histories (id, wishlist_to_group_id, dataset_id, slug, status, reference, name,
                progress, stage, sequence, revision, notified_revision, created_at, updated_at, started_at)
            VALUES (70000, 1, 70000, 'autumn-living-room', 3, UUID(), 'Seven thousand', 100, 'stage 69', 7000, 7000, 7000,
                '2026-11-20', '2026-11-21', '2026-11-20');
            UPDATE wishlist_dataset_histories SET result = '{"rows": 1}' WHERE id = 70000;
            INSERT INTO wishlist_dataset_events
                (event_key, history_id, revision, dataset_id, sequence, type, outcome, status, progress, stage, body, recorded_at)
            SELECT CONCAT('long-', seq), 70000, seq, 70000, seq, 'dataset.progress', 0, 2, seq DIV 70,
                CONCAT('stage ', seq DIV 100), '{}', '2026-11-20' + INTERVAL seq SECOND FROM seq_1_to_7000
            """)
        self.addCleanup(world.sql, "DELETE FROM wishlist_dataset_histories WHERE id = 70000")
        self.open("#/autumn-living-room/70000")
        self.until_text("Seven thousand", "h1")
        self.until_text("Stage 70", ".timeline li:first-child")
        self.assertLessEqual(len(self.asked(r"/histories/")), 3, self.asked())
        self.assertLess(len(self.all(".timeline li")), 10)
        for _ in range(60):
            self.script("scrollTo(0, document.body.scrollHeight)")
            if not self.all(".earlier:not([hidden])"):
                break
            time.sleep(0.2)
        self.until_text("Stage 0", ".timeline li:last-child")
        self.assertEqual(len(self.all(".timeline li")), 71)
        updates = sum(int(each) for each in re.findall(r"(\d+) updates", " ".join(self.texts(".timeline"))))
        self.assertEqual(updates + len([each for each in self.texts(".timeline li") if "updates" not in each]), 7000)
        self.assertLessEqual(len(self.asked(r"events\?before")), 16)
        self.script("scrollTo(0, 0)")
        self.look("long")

    def test_says_why_it_is_late(self):
        world.sql("""
            UPDATE wishlist_dataset_histories SET status = 6, revision = 5, heard_at = '2026-11-02 08:00:00',
                redelivery_asked_at = '2026-11-02 08:27:00', updated_at = '2026-11-02 08:30:00' WHERE id = 4
            """)
        self.addCleanup(world.sql, """
            UPDATE wishlist_dataset_histories SET status = 3, redelivery_asked_at = NULL WHERE id = 4""")
        self.open("#/autumn-living-room/4")
        self.until_text("Nothing was heard of it since", ".why")
        told = self.texts(".why")[0]
        for part in ("5:00:00 PM", "5:30:00 PM", "5:27:00 PM", "GMT+9", "goes on by itself"):
            self.assertIn(part, told)
        self.look("stalled")

    def test_nothing_is_hidden(self):
        names = ["W" * 255, "\u05e9\u05dc\u05d5\u05dd " * 42, "\U0001f469\u200d\U0001f52c\U0001f1e9\U0001f1ea" * 30, "sure_thing/" * 23]
        message = "M" * 400 + " " + "word " * 119
        for index, name in enumerate(names):
            world.sql(f"""
                INSERT INTO wishlist_dataset_histories (id, wishlist_to_group_id, dataset_id, slug, status, reference, name,
                    progress, stage, message, error_code, error_message, revision, created_at, updated_at)
                VALUES ({80000 + index}, 1, {80000 + index}, 'autumn-living-room', 4, UUID(), '{name[:255]}', 50,
                    '{"S" * 100}', NULL, '{"C" * 100}', '{message[:1000]}', 1, '2026-11-01', '2026-11-01')
                """)
        world.sql(f"UPDATE wishlist_to_groups SET name = '{names[0]}' WHERE id = 1")
        world.sql(f"UPDATE `groups` SET name = '{names[1][:255]}' WHERE id = 1")
        self.addCleanup(world.sql, "DELETE FROM wishlist_dataset_histories WHERE id BETWEEN 80000 AND 80010")
        self.addCleanup(world.sql, "UPDATE wishlist_to_groups SET name = 'Autumn Living Room' WHERE id = 1")
        self.addCleanup(world.sql, "UPDATE `groups` SET name = 'Northlight Home' WHERE id = 1")
        self.open()
        self.until_text(names[0])
        self.look("names-wishlists")
        self.script("location.hash = '#/autumn-living-room'")
        self.until_text(names[3][:255], "tbody")
        self.look("names-wishlist")
        # A long message opens on demand.
        self.click("Show all", "tbody")
        self.assertEqual(self.script("return document.querySelector('tbody .clamped.open').textContent"), message[:1000])
        self.script("location.hash = '#/autumn-living-room/80000'")
        self.until_text(names[0], "h1")
        self.assertLess(self.script("return document.querySelector('.trail a').offsetHeight"), 30, "one line")
        self.look("names-dataset")
        # A browser that enlarges twice has half the width.
        self.cdp("Emulation.setDeviceMetricsOverride", width=640, height=450, deviceScaleFactor=2, mobile=False)
        self.assertEqual(self.script(AUDIT), [])
        self.cdp("Emulation.clearDeviceMetricsOverride")

    def test_forced_colours(self):
        self.open("#/autumn-living-room")
        self.until_text("Completed", "tbody .badge")
        self.cdp("Emulation.setEmulatedMedia", features=[{"name": "forced-colors", "value": "active"}])
        self.browser.save_screenshot(str(FOLDER / "forced-colours.png"))
        bar, badge = self.script("""
            return [getComputedStyle(document.querySelector("tbody progress")).borderTopWidth,
              getComputedStyle(document.querySelector("tbody .badge")).borderTopWidth];
            """)
        self.cdp("Emulation.setEmulatedMedia", features=[])
        self.assertEqual((bar, badge), ("1px", "1px"))

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

    def test_focus_and_time_stay_with_training(self):
        self.expected_errors = ["status of 400"]
        self.open("#/autumn-living-room")
        self.until_text("Request training", ".training")
        self.script("document.querySelector('#training-at').value = '2020-01-31T12:30'")
        self.act(".training button", lambda each: each.send_keys(Keys.ENTER))
        self.until_text("The time must be in the future.", ".training")
        self.assertEqual(self.script("return document.querySelector('#training-at').value"), "2020-01-31T12:30")
        self.assertEqual(self.script("return document.activeElement.dataset.set"), "requested")
        self.script("document.querySelector('#training-at').value = ''")
        self.press(Keys.ENTER)
        self.until_text("Requested", ".training .badge")
        self.assertEqual(self.script("return document.activeElement.dataset.set"), "requested")
        self.click("Withdraw")
        self.until_text("None", ".training .badge")
        self.assertEqual(self.script("return document.activeElement.dataset.set"), "requested")

    def test_what_cannot_be_done_is_told_before(self):
        for path, user, told in [
            ("#/kitchen-essentials", 3, "Viewers may not create datasets."),
            ("#/spring-clearance", 1, "The wishlist is not active."),
            ("#/winter-hiking", 1, "The group has no valid subscription."),
            ("#/garden-ideas", 1, "The wishlist has no "),
        ]:
            with self.subTest(path=path):
                self.setUp()
                self.open(path, token=world.token(user=user))
                self.until_text(told, ".state")
                button = self.all("main .primary")[0]
                self.assertEqual(button.get_attribute("aria-disabled"), "true")
                button.click()
                self.assertEqual(self.all("dialog"), [])
        self.setUp()
        self.open("#/kitchen-essentials", token=world.token(user=3))
        self.until_text("Viewers may not change the training status.", ".training")
        self.assertEqual(self.all(".training button"), [])

    def test_conflict_leads_to_the_running_dataset(self):
        self.expected_errors = ["status of 409"]
        self.open("#/outdoor-lighting")
        self.click("Create dataset", "main")
        self.until(lambda: self.all("dialog #name")[0], "the dialog")
        world.sql("""
            INSERT INTO wishlist_dataset_histories (id, wishlist_to_group_id, dataset_id, slug, status, reference, name,
                revision, created_at, updated_at)
            VALUES (60000, 4, 60000, 'outdoor-lighting', 2, UUID(), 'Somebody else was faster', 1, UTC_TIMESTAMP(), UTC_TIMESTAMP())
            """)
        self.addCleanup(world.sql, "DELETE FROM wishlist_dataset_histories WHERE id = 60000")
        self.click("Create dataset", "dialog")
        self.click("Watch it", "dialog")
        self.until_text("Somebody else was faster", "h1")
        self.act(".trail a:last-child", lambda each: each.click())
        self.until_text("Somebody else was faster", "tbody")

    def test_wishlists_are_searched_and_filtered(self):
        self.open()
        self.until_text("Winter Hiking")
        self.assertIn("Northlight Home", " ".join(self.texts(".wishlists .faint")))
        self.act("input[name=search]", lambda each: each.send_keys("harbor" + Keys.ENTER))
        self.until(lambda: self.texts(".wishlists h2") == ["Winter Hiking"], "the one wishlist")
        self.script("location.hash = '#/'")
        self.until(lambda: len(self.texts(".wishlists h2")) == 10, "all of them")
        self.assertEqual(self.script("return document.querySelector('[name=search]').value"), "")
        self.script("performance.clearResourceTimings()")
        select = self.all("select[name=status]")[0]
        select.send_keys(Keys.ARROW_DOWN, Keys.ARROW_DOWN)
        self.until(lambda: self.texts(".wishlists h2") == ["Spring Clearance"], "the inactive one")
        self.assertEqual(self.browser.switch_to.active_element, select, "the focus stays")
        self.assertEqual(len(self.asked()), 1, self.asked())
        self.assertEqual(self.texts("#connection"), ["Live"])
        self.script("location.hash = '#/?page=7'")
        self.click("To the last page")
        self.until_text("Winter Hiking")

    def test_filters_orders_and_pages(self):
        world.sql("""
            INSERT INTO wishlist_dataset_histories
                (wishlist_to_group_id, dataset_id, slug, status, progress, created_at, updated_at)
            SELECT 7, 5000 + seq, 'spring-clearance', IF(seq = 3, 4, 3), 100, '2026-01-02', '2026-01-02'
            FROM seq_1_to_18
            """)
        self.open("#/spring-clearance")
        self.until_text("The wishlist is not active.")
        self.until_text("Page 1 of 2 · 18 in all", ".pager")
        self.assertIn("Dataset 5018", self.texts("tbody tr:first-child")[0])
        self.look("pages")
        self.click("Next")
        self.until_text("Page 2 of 2", ".pager")
        self.script("performance.clearResourceTimings()")
        self.choose("sort", "Oldest first")
        self.until(lambda: "Dataset 5001" in self.texts("tbody tr:first-child")[0], "the oldest")
        self.choose("status", "Failed")
        self.until(lambda: len(self.all("tbody tr")) == 1, "one failed dataset")
        self.assertIn("sort=id", self.script("return location.hash"))
        self.assertEqual(len(self.asked()), 2, self.asked())
        self.assertEqual(self.script("return document.activeElement.name"), "status", "the focus stays")
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
        self.until(lambda: self.all("main .primary[aria-disabled=false]")[0], "the button")
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
        self.until_text("Completed", ".summary .badge")
        self.until_text(name, "h1")
        self.assertEqual(self.script("return document.activeElement.tagName"), "H1")
        self.act(".trail a:last-child", lambda each: each.send_keys(Keys.ENTER))
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

    def test_histories_module_follows_as_documented(self):
        """The example in "Live updates", as it stands there, from a page that is not the console."""
        text = (pathlib.Path(__file__).parents[2] / "Sources/Integrator/Documentation.docc/LiveUpdates.md").read_text()
        example = re.search(r"<!-- run: histories.js -->\n```js\n(.*?)```", text, re.S)[1]
        # The browser asks for an icon of a page that names none.
        self.expected_errors = [r"favicon\.ico"]
        world.scenario(steps=10, step_delay=0.3)
        created = self.post_create("standing-desks")
        # A page of the same origin, without the console's content security policy.
        self.browser.get(f"{world.URL}/openapi.json")
        self.browser.set_script_timeout(60)
        revisions, states = self.browser.execute_async_script("""
            const [base, token, slug, id, example, done] = arguments;
            const states = [];
            const console = { log: (...words) => states.push(words.join(" ").trim()) };
            const show = (history, events) => {
              if (history.status_label === "completed" && history.result) {
                done([events.map((event) => event.revision), states]);
              }
            };
            const Body = Object.getPrototypeOf(async () => {}).constructor;
            new Body("base", "token", "slug", "id", "show", "console", example)(base, token, slug, id, show, console)
              .catch((error) => done([String(error), states]));
            """, world.URL, self.owner, "standing-desks", created["id"], example)
        self.assertEqual(revisions, list(range(len(revisions), 0, -1)), "no gap, nothing twice")
        self.assertGreaterEqual(len(revisions), 12)
        self.assertIn("live", states)
        # All events are told of.
        described = self.script("return JSON.parse(document.body.textContent).components.schemas.NotificationName.enum")
        for event in described:
            self.assertIn(f"`{event}`", text)

    def test_nothing_there(self):
        self.expected_errors = ["status of 40[34]"]
        self.open("#/no-such-wishlist", connection="Not live")
        self.until_text("There is nothing here, or it is not open to you.")
        self.look("nothing")


if __name__ == "__main__":
    unittest.main(verbosity=2)
