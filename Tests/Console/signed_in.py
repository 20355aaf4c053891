"""What the tests of the console do as somebody who is signed in."""

import json
import os
import re
import urllib.request

import world
from browser import BrowserTests


class SignedIn(BrowserTests):
    """As the owner of the demo data, with a line to Pusher that can be cut."""

    @classmethod
    def setUpClass(cls):
        cls.line = world.Line()
        cls.line.restore()
        cls.addClassCleanup(cls.line.cut)
        cls.owner = os.environ["TOKEN"]
        super().setUpClass()

    def open(self, path="", token=None, connection="Live"):
        self.browser.get(f"{world.URL}/console#token={token or self.owner}")
        self.click("Sign in", "main")
        self.until(lambda: "Wishlists" in self.texts("h1"), "the wishlists")
        if path:
            self.script("location.hash = arguments[0]", path)
        self.until(lambda: self.texts("#connection span")[0] == connection, f"the connection: {connection}")
        self.script("performance.clearResourceTimings()")

    def create(self, name=""):
        self.click("Create dataset", "main")
        field = self.until(lambda: self.all("dialog #name")[0], "the dialog")
        field.send_keys(name)
        self.click("Create dataset", "dialog")
        self.until(lambda: not self.all("dialog"), "the dialog's end")
        self.until(lambda: re.search(r"/\d+$", self.script("return location.hash")), "the new dataset")

    def post_create(self, slug):
        request = urllib.request.Request(
            f"{world.URL}/api/v1/wishlist-to-group/{slug}/createAnalysis", method="POST",
            headers={"Authorization": f"Bearer {self.owner}"})
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)["data"]
