"""What the tests of both pages do with a browser."""

import contextlib
import os
import pathlib
import re
import time
import unittest

from selenium import webdriver
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import Select

FOLDER = pathlib.Path(os.environ["CONSOLE_FOLDER"])
AUDIT = (pathlib.Path(__file__).parent / "audit.js").read_text()
CONTROLS = "a, button, input, select, progress, dialog[open], table, nav"


def start_browser():
    options = webdriver.ChromeOptions()
    options.binary_location = "/usr/bin/chromium"
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
                     "--disable-background-networking", "--window-size=1280,900"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    # Far from UTC, so that local times are seen to be local.
    service = Service("/usr/bin/chromedriver", env=dict(os.environ, TZ="Asia/Tokyo"))
    return webdriver.Chrome(options=options, service=service)


class BrowserTests(unittest.TestCase):
    """Each test has a tab of its own."""

    SHAPES = {"wide": (1280, 900), "narrow": (390, 844)}

    @classmethod
    def setUpClass(cls):
        cls.browser = start_browser()
        cls.addClassCleanup(cls.browser.quit)

    def setUp(self):
        self.expected_errors = []
        # A tab of its own: nobody is signed in.
        before = self.browser.current_window_handle
        self.browser.switch_to.new_window("tab")
        after = self.browser.current_window_handle
        self.browser.switch_to.window(before)
        self.browser.close()
        self.browser.switch_to.window(after)
        self.browser.get_log("browser")

    def tearDown(self):
        for entry in self.browser.get_log("browser"):
            # A browser asks for it by itself, once.
            if "/favicon.ico" in entry["message"]:
                continue
            if not any(re.search(pattern, entry["message"]) for pattern in self.expected_errors):
                self.assertNotIn(entry["level"], ("SEVERE", "WARNING"), entry["message"])

    # Steps

    def script(self, text, *arguments):
        return self.browser.execute_script(text, *arguments)

    def all(self, selector):
        return self.browser.find_elements(By.CSS_SELECTOR, selector)

    def texts(self, selector):
        return self.script("return [...document.querySelectorAll(arguments[0])].map((e) => e.textContent)", selector)

    def until(self, condition, what, seconds=15):
        deadline = time.monotonic() + seconds
        while True:
            try:
                value = condition()
                if value:
                    return value
            except (StaleElementReferenceException, IndexError):
                pass
            if time.monotonic() > deadline:
                self.browser.save_screenshot(str(FOLDER / "failure.png"))
                self.fail(f"waited in vain for {what}; the page says: {self.texts('body')[0]!r}")
            time.sleep(0.03)

    def until_text(self, text, selector="main", seconds=15):
        self.until(lambda: any(text in each for each in self.texts(selector)), f"{text!r} in {selector}", seconds)

    def act(self, selector, action):
        """Does something with the first element; the page may be drawn anew between finding and doing."""
        self.until(lambda: action(self.all(selector)[0]) or True, f"{selector} to act on")

    def choose(self, name, text):
        self.act(f"select[name={name}]", lambda each: Select(each).select_by_visible_text(text))

    def click(self, text, within="body"):
        def attempt():
            for each in self.all(f"{within} a, {within} button"):
                if each.text.strip() == text and each.is_enabled():
                    each.click()
                    return True
        self.until(attempt, f"{text!r} to click")

    def press(self, keys):
        self.browser.switch_to.active_element.send_keys(keys)

    def look(self, name):
        """Screenshots in each width, light and dark, each of them audited."""
        for theme in ("light", "dark"):
            for shape, (width, height) in self.SHAPES.items():
                self.cdp("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": theme}])
                self.cdp("Emulation.setDeviceMetricsOverride",
                         width=width, height=height, deviceScaleFactor=1, mobile=False)
                self.browser.save_screenshot(str(FOLDER / f"{name}-{shape}-{theme}.png"))
                with self.subTest(view=name, theme=theme, shape=shape):
                    self.assertEqual(self.script(AUDIT), [])
        self.cdp("Emulation.clearDeviceMetricsOverride")
        modal = "dialog " if self.all("dialog[open]") else ""
        for each in self.all(", ".join(modal + part for part in CONTROLS.split(", "))):
            with contextlib.suppress(StaleElementReferenceException):
                if each.is_displayed() and each.accessible_name == "":
                    self.fail(f"no name: {each.get_attribute('outerHTML')[:120]}")

    def cdp(self, command, **parameters):
        return self.browser.execute_cdp_cmd(command, parameters)
