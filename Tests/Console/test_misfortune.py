"""The console with hostile texts and unlucky users: what comes from outside may be wrong, late, cut off or forged."""

import pathlib
import re

import world
from signed_in import SignedIn

LONG = 10 ** 10


class MisfortuneTests(SignedIn):
    def answer_instead(self, text):
        """`text` is the body of a function of `url, options, really` that answers requests of the API."""
        self.script(f"""
            const really = window.really ??= window.fetch;
            const instead = (url, options) => {{ {text} }};
            window.asked = [];
            window.fetch = (url, options) => {{
              if (!String(url).includes("/api/")) return really(url, options);
              asked.push(Date.now());
              return instead(url, options);
            }};
            """)

    def test_address_that_is_not_well_encoded(self):
        self.expected_errors = ["status of 40[034]"]
        self.open()
        self.script("location.hash = '#/%E0%A4%A'")
        self.until_text("%E0%A4%A", "h1")
        self.until_text("There is nothing here", "main")
        self.until_text("There is nothing here", "#connection")

    def test_answer_that_is_not_whole(self):
        """A proxy's page instead of JSON, and an answer that never comes: it goes on by itself afterwards."""
        self.open("#/winter-hiking")
        self.script("""
            const timeout = AbortSignal.timeout.bind(AbortSignal);
            AbortSignal.timeout = (milliseconds) => timeout(milliseconds / 20);
            """)
        for fault in ("return Promise.resolve(new Response('<html>Sign in to the network</html>'));",
                      "return Promise.resolve(new Response('null'));",
                      "return new Promise((_, fail) => options.signal.addEventListener('abort', fail));"):
            self.answer_instead(fault)
            self.script("dispatchEvent(new Event('online'))")
            self.until_text("Service unreachable", "#connection")
            self.answer_instead("return really(url, options);")
            self.until(lambda: self.texts("#connection span")[0] == "Live", "the live connection", seconds=40)

    def test_answer_that_is_older_than_what_was_pushed(self):
        """It still tells what is not pushed, such as who made the dataset."""
        world.scenario(steps=5, step_delay=0.2, outcome="failed")
        self.open("#/standing-desks")
        self.answer_instead("""
            const answer = really(url, options);
            if (!/histories.\\d+$/.test(url)) return answer;
            return answer.then((late) => new Promise((go) => { setTimeout(() => go(late), 4000); }));
            """)
        self.create("Soon over")
        self.until_text("Dataset failed", ".timeline")
        self.until_text("Ada Berg", ".facts", seconds=8)

    def test_long_pause_is_kept(self):
        """A timer of more than 24 days would fire at once."""
        self.open("#/winter-hiking")
        self.answer_instead(
            f"return Promise.resolve(new Response('{{}}', {{ status: 429, headers: {{ 'Retry-After': '{LONG}' }} }}));")
        self.script("dispatchEvent(new Event('online'))")
        self.until_text("next try in 3", "#connection")
        first = self.script("return asked.length")
        self.until_text("next try in 359", "#connection")
        self.assertEqual(self.script("return asked.length"), first, "nothing is asked meanwhile")

    def check_clock(self, days):
        world.scenario(steps=20, step_delay=0.4)
        # Of this tab alone.
        self.cdp("Page.addScriptToEvaluateOnNewDocument", source=f"""
            const now = Date.now;
            Date.now = () => now() + {days} * 86_400_000;
            """)
        self.open("#/kids-bedroom")
        self.create("Out of time")
        self.until_text("Processing", ".summary .badge")
        self.until(lambda: re.search(r"At work for[1-9]\d? s", self.texts(".facts")[0]), "the time taken")
        self.assertNotIn("Nothing has been heard", self.texts(".why")[0])
        self.until_text("Completed", ".summary .badge", seconds=40)

    def test_clock_that_is_behind(self):
        self.check_clock(days=-3)

    def test_clock_that_is_ahead(self):
        self.check_clock(days=3)

    def test_name_that_cannot_be_seen(self):
        world.scenario(steps=2, step_delay=0.05)
        self.open("#/bathroom-refresh")
        self.create("\u200b\u2060\u3164\u200d")
        self.until_text("Completed", ".summary .badge")
        self.assertRegex(self.texts("h1")[0], r"^Dataset \d+$")
        world.sql("UPDATE wishlist_to_groups SET name = '\u200b\u202e\u2800' WHERE slug = 'bathroom-refresh'")
        self.addCleanup(
            world.sql, "UPDATE wishlist_to_groups SET name = 'Bathroom Refresh' WHERE slug = 'bathroom-refresh'")
        self.script("location.hash = '#/?search=bathroom'")
        self.script("location.hash = '#/'")
        self.click("bathroom-refresh", "main")
        self.until_text("bathroom-refresh", "h1")

    def test_late_answer_of_an_earlier_session(self):
        """The old token is refused while another one is signed in already."""
        self.open("#/winter-hiking")
        self.answer_instead("return new Promise((answer) => { window.late = answer; });")
        self.script("dispatchEvent(new Event('online'))")
        self.until(lambda: self.script("return Boolean(window.late)"), "the request")
        self.answer_instead("return really(url, options);")
        self.click("Sign out")
        field = self.until(lambda: self.all("#token")[0], "the field")
        field.send_keys(self.owner)
        self.click("Sign in", "main")
        self.until_text("Live", "#connection")
        self.script("late(new Response('{}', { status: 401 }))")
        self.script("location.hash = '#/standing-desks'")
        self.until_text("Standing", "h1")

    def test_events_of_other_members_are_not_believed(self):
        """Whoever has the channel can send `client-` events, where the application at Pusher allows them."""
        world.scenario(steps=20, step_delay=0.3)
        self.open("#/outdoor-lighting")
        self.create("Not forged")
        self.until_text("Processing", ".summary .badge")
        history = int(self.script("return location.hash").split("/")[-1])
        forged = {"id": history, "slug": "outdoor-lighting", "revision": LONG, "status": 4, "status_label": "failed",
                  "progress": 1, "message": "Forged", "error": {"code": "forged", "message": "Forged"}, "result": None}
        channel = "private-wishlist-to-group.outdoor-lighting"
        world.publish("client-dataset.failed", channel, forged)
        world.publish("dataset.progress", channel, None)
        self.until_text("Completed", ".summary .badge", seconds=40)
        self.assertNotIn("Forged", self.texts("main")[0])

    def test_documented_examples_for_other_clients(self):
        text = (pathlib.Path(__file__).parents[2] / "Sources/Integrator/Documentation.docc/LiveUpdates.md").read_text()
        stand_ins = (pathlib.Path(__file__).parent / "stand_ins.js").read_text()
        self.expected_errors = [r"favicon\.ico"]
        self.browser.set_script_timeout(60)
        for name in ("echo", "pusher-js"):
            with self.subTest(example=name):
                example = re.search(rf"<!-- example: {name} -->\n```js\n(.*?)```", text, re.S)[1]
                world.scenario(steps=10, step_delay=0.3)
                created = self.post_create("standing-desks")
                # A page of the same origin, without the console's content security policy.
                self.browser.get(f"{world.URL}/openapi.json")
                revisions = self.browser.execute_async_script("""
                    const [base, token, slug, id, example, done] = arguments;
                    const revisions = [];
                    const show = (change) => {
                      revisions.push(change.revision);
                      if (change.status_label === "completed") done(revisions);
                    };
                    const Body = Object.getPrototypeOf(async () => {}).constructor;
                    fetch(`${base}/console/config.json`).then((answer) => answer.json()).then(({ pusher }) => {
                      const given = { base, token, slug, id, show, ...pusher };
                      return new Body(...Object.keys(given), example)(...Object.values(given));
                    }).catch((error) => done(String(error)));
                    """, world.URL, self.owner, "standing-desks", created["id"],
                    stand_ins + re.sub(r"^import .*$", "", example, flags=re.M))
                self.assertIsInstance(revisions, list, revisions)
                self.assertEqual(revisions, list(range(1, len(revisions) + 1)), "no gap, nothing twice")
                self.assertGreaterEqual(len(revisions), 12)
