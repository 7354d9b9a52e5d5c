"""A Chromium to open pages in, and what it says of them."""

import base64
import importlib.util
import json
import shutil
from contextlib import contextmanager
from pathlib import Path

FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--disable-dev-shm-usage", "--hide-scrollbars",
)  # fmt: skip

WIDE, NARROW = 1280, 390
"""Pixels of a desk and of a telephone."""

SERIOUS = ("serious", "critical")


def missing():
    """Why no page can be opened here; empty where one can."""
    for program in ("chromium", "chromedriver"):
        if shutil.which(program) is None:
            return f"no {program} (apt-get install chromium chromium-driver)"
    for package in ("selenium", "axe_playwright_python"):
        if importlib.util.find_spec(package) is None:
            return f"no {package} (tests/browser/environment.sh makes an environment)"
    return ""


class Browser:
    """One window; everything that a page logs or asks the network for is kept."""

    def __init__(self, driver):
        self.driver = driver

    def open(self, path, width=WIDE, dark=False):
        """Open a file at a width, light or dark."""
        self.size(width, 900)
        colours = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [colours]})
        self.driver.get(Path(path).as_uri())
        return self

    def size(self, width, height):
        """Of the window, in pixels."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)

    def run(self, script, *arguments):
        """What a script returns in the page."""
        return self.driver.execute_script(script, *arguments)

    def find(self, selector):
        """The one element of a selector."""
        (found,) = self.driver.find_elements("css selector", selector)
        return found

    def text(self, selector):
        """That it shows."""
        return self.find(selector).text

    def drag(self, selector, *places):
        """Press at the first (x, y), shares of an element, go through the others, let go."""
        element = self.centred(selector)
        self._mouse("mouseMoved", element, places[0])
        self._mouse("mousePressed", element, places[0])
        for place in places[1:]:
            self._mouse("mouseMoved", element, place)
        self._mouse("mouseReleased", element, places[-1])

    def hover(self, selector, x=0.5, y=0.5):
        """Put the pointer on a place of an element, as a share of it."""
        self._mouse("mouseMoved", self.centred(selector), (x, y))

    def centred(self, selector):
        """An element's box on the screen, once it is in the middle of it: x, y, width, height."""
        return self.run(
            "const e = document.querySelector(arguments[0]); e.scrollIntoView({block: 'center'});"
            "const b = e.getBoundingClientRect(); return [b.x, b.y, b.width, b.height]",
            selector,
        )

    def _mouse(self, kind, box, place):
        (x, y, width, height), (across, down) = box, place
        event = {"type": kind, "x": x + across * width, "y": y + down * height}
        if kind != "mouseMoved":
            event |= {"button": "left", "clickCount": 1}
        elif place:
            event |= {"button": "none"}
        self.driver.execute_cdp_cmd("Input.dispatchMouseEvent", event)

    def said(self):
        """Errors and warnings of the console since it was last asked."""
        return [line["message"] for line in self.driver.get_log("browser")]

    def asked_for(self):
        """Addresses that the page asked for since this was last asked, but for what it holds."""
        events = [
            json.loads(one["message"])["message"] for one in self.driver.get_log("performance")
        ]
        sent = [e["params"]["request"]["url"] for e in events
                if e["method"] == "Network.requestWillBeSent"]  # fmt: skip
        # The browser's own first page may still be loading.
        return [address for address in sent if not address.startswith(("data:", "chrome:"))]

    def scrolls_sideways(self):
        """Whether the page is wider than the window."""
        return self.run(
            "const d = document.documentElement;"
            "return d.scrollWidth > d.clientWidth || document.body.scrollWidth > d.clientWidth"
        )

    def faults(self):
        """What axe-core finds serious: rule, and the first elements."""
        folder = Path(importlib.util.find_spec("axe_playwright_python").origin).parent
        self.run((folder / "axe.min.js").read_text())
        found = self.driver.execute_async_script("axe.run().then(arguments[arguments.length - 1])")
        assert found["passes"]
        return [
            f"{one['id']}: {one['help']}: {[node['html'][:120] for node in one['nodes'][:3]]}"
            for one in found["violations"] if one["impact"] in SERIOUS
        ]  # fmt: skip

    def picture(self, path):
        """The whole page as PNG."""
        width, height = self.run("return [innerWidth, document.documentElement.scrollHeight]")
        self.size(width, height)
        found = self.driver.execute_cdp_cmd("Page.captureScreenshot", {"format": "png"})
        Path(path).write_bytes(base64.b64decode(found["data"]))
        self.size(width, 900)


@contextmanager
def browser(profile):
    """A `Browser`, its profile in a folder."""
    from selenium.webdriver import Chrome, ChromeOptions
    from selenium.webdriver.chrome.service import Service

    options = ChromeOptions()
    options.binary_location = shutil.which("chromium")
    for flag in (*FLAGS, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "WARNING", "performance": "ALL"})
    driver = Chrome(options, Service(shutil.which("chromedriver")))
    try:
        yield Browser(driver)
    finally:
        driver.quit()
