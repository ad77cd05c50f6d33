# SPDX-License-Identifier: Apache-2.0
"""browser.py - Chromium without a screen, driven over WebDriver with the standard library."""
import json
import re
import shutil
import subprocess
import time
import urllib.error
import urllib.request

DRAWN_SECONDS = 90


def is_there():
    return bool(shutil.which("chromedriver") and shutil.which("chromium"))


class Browser:
    """One page at a time. What the console and the network see is kept by Chromium's logs."""

    def __init__(self, width=1280, height=1000):
        self.driver = subprocess.Popen(["chromedriver", "--port=0"], stdout=subprocess.PIPE,
                                       stderr=subprocess.DEVNULL, text=True)
        for line in self.driver.stdout:
            found = re.search(r"started successfully on port (\d+)", line)
            if found:
                break
        self.base = f"http://127.0.0.1:{found.group(1)}"
        options = {"args": ["--headless", "--no-sandbox", "--disable-gpu",
                            "--disable-dev-shm-usage", f"--window-size={width},{height}"]}
        wanted = {"browserName": "chrome", "goog:chromeOptions": options,
                  "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"}}
        session = self.call("POST", "/session", {"capabilities": {"alwaysMatch": wanted}})
        self.base += f"/session/{session['sessionId']}"

    def call(self, method, path, body=None):
        data = None if method != "POST" else json.dumps(body or {}).encode()
        request = urllib.request.Request(self.base + path, data, method=method,
                                         headers={"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=100) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            raise AssertionError(error.read().decode()) from None

    def open(self, path):
        self.open_study(f"file://{path}")

    def open_study(self, url):
        """The page of a study, until all of it is drawn."""
        self.open_url(url)
        end = time.monotonic() + DRAWN_SECONDS
        while not self.run("return document.documentElement.dataset.drawn !== undefined"):
            if time.monotonic() > end:
                raise TimeoutError(f"{url} was not drawn in {DRAWN_SECONDS} s")
            time.sleep(0.05)

    def open_url(self, url):
        self.call("POST", "/url", {"url": url})

    def run(self, script, *arguments):
        """The value of a function body in the page."""
        return self.call("POST", "/execute/sync", {"script": script, "args": list(arguments)})

    def move_to(self, x, y):
        """The mouse to a place of the window."""
        step = {"type": "pointerMove", "duration": 0, "x": round(x), "y": round(y)}
        self.call("POST", "/actions", {"actions": [
            {"type": "pointer", "id": "mouse", "parameters": {"pointerType": "mouse"},
             "actions": [step]}]})

    def narrow(self, width):
        """Pretend that the screen is so wide; 0: no longer."""
        name = "Emulation." + ("set" if width else "clear") + "DeviceMetricsOverride"
        values = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": False}
        self.call("POST", "/goog/cdp/execute", {"cmd": name, "params": values if width else {}})

    def media(self, name, **features):
        """Pretend to be printed ("print"), or `prefers_color_scheme="dark"`; "": no longer."""
        self.call("POST", "/goog/cdp/execute", {"cmd": "Emulation.setEmulatedMedia", "params": {
            "media": name, "features": [{"name": key.replace("_", "-"), "value": value}
                                        for key, value in features.items()]}})

    def log(self, kind):
        return self.call("POST", "/se/log", {"type": kind})

    def requests(self):
        """Addresses that were asked for."""
        events = [json.loads(entry["message"])["message"] for entry in self.log("performance")]
        return [event["params"]["request"]["url"] for event in events
                if event["method"] == "Network.requestWillBeSent"]

    def close(self):
        try:
            self.call("DELETE", "")
        finally:
            self.driver.terminate()
            self.driver.wait()
            self.driver.stdout.close()
