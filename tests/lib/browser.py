#!/usr/bin/env python3
"""A page in headless Chromium, driven through the DevTools protocol over pipes, for tests.

  browser.py FILE [WORD...] <CODE
      opens FILE as file://… with no network, and runs the Python CODE on `page` and `words`. It
      fails where the code does, where the page wrote an error to the console or threw one, and
      where it asked for anything but itself.
"""
import base64
import json
import os
import select
import shutil
import subprocess
import sys
import tempfile
import time

SECONDS = 30  # for any one answer

# What a screenshot holds, as the browser itself decodes it.
COLOURS = """(async url => {
    const image = new Image();
    image.src = url;
    await image.decode();
    const canvas = document.createElement("canvas");
    canvas.width = image.width;
    canvas.height = image.height;
    const c = canvas.getContext("2d");
    c.drawImage(image, 0, 0);
    const d = c.getImageData(0, 0, image.width, image.height).data, seen = new Map();
    for (let i = 0; i < d.length; i += 4) {
        const colour = d[i] << 16 | d[i + 1] << 8 | d[i + 2];
        seen.set(colour, (seen.get(colour) || 0) + 1);
    }
    const most = [...seen].sort((a, b) => b[1] - a[1])[0];
    return {width: image.width, height: image.height, colours: seen.size, most: most[0],
        share: most[1] * 4 / d.length};
})"""


class Browser:
    def __init__(self, home):
        program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
        to_browser, self.to = os.pipe()
        self.back, from_browser = os.pipe()

        def pipes():  # as --remote-debugging-pipe wants them
            a, b = os.dup(to_browser), os.dup(from_browser)
            os.dup2(a, 3)
            os.dup2(b, 4)

        self.log = open(os.path.join(home, "log"), "wb")
        self.child = subprocess.Popen(
            [program, "--headless=new", "--remote-debugging-pipe", "--no-sandbox", "--disable-gpu",
             "--disable-dev-shm-usage", "--no-first-run", "--disable-extensions", "--disable-sync",
             "--disable-background-networking", "--disable-component-update", "--hide-scrollbars",
             "--user-data-dir=" + os.path.join(home, "profile"), "--host-resolver-rules=MAP * ~NOTFOUND",
             "about:blank"],
            preexec_fn=pipes, pass_fds=(3, 4, to_browser, from_browser), stdin=subprocess.DEVNULL, stdout=self.log,
            stderr=self.log, env=dict(os.environ, HOME=home, XDG_CACHE_HOME=home, XDG_CONFIG_HOME=home))
        os.close(to_browser)
        os.close(from_browser)
        self.number, self.pending, self.events = 0, b"", []

    def receive(self, until):
        while b"\0" not in self.pending:
            if not select.select([self.back], [], [], max(0, until - time.monotonic()))[0]:
                return None
            more = os.read(self.back, 1 << 16)
            if not more:
                raise SystemExit("the browser ended")
            self.pending += more
        message, self.pending = self.pending.split(b"\0", 1)
        return json.loads(message)

    def call(self, method, session=None, **params):
        self.number += 1
        message = {"id": self.number, "method": method, "params": params}
        if session:
            message["sessionId"] = session
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self.to, data):]
        until = time.monotonic() + SECONDS
        while True:
            answer = self.receive(until)
            if answer is None:
                raise SystemExit(f"no answer to {method}")
            if answer.get("id") == self.number:
                if "error" in answer:
                    raise SystemExit(f"{method}: {answer['error']['message']}")
                return answer["result"]
            self.events.append(answer)

    def close(self):
        try:
            os.write(self.to, json.dumps({"id": 0, "method": "Browser.close"}).encode() + b"\0")
            self.child.wait(10)
        except (OSError, subprocess.TimeoutExpired):
            self.child.kill()
            self.child.wait()


class Page:
    def __init__(self, browser, url):
        self.browser, self.url = browser, url
        self.target = browser.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = browser.call("Target.attachToTarget", targetId=self.target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(domain + ".enable")
        self.call("Network.emulateNetworkConditions", offline=True, latency=0, downloadThroughput=0,
                  uploadThroughput=0)

    def call(self, method, **params):
        return self.browser.call(method, self.session, **params)

    def open(self, width=1000, height=900):
        self.size(width, height)
        self.call("Page.navigate", url=self.url)
        self.until("document.readyState === 'complete' && location.protocol === 'file:'")

    def js(self, code):
        """The value of an expression; promises are waited for."""
        r = self.call("Runtime.evaluate", expression=code, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in r:
            raise SystemExit(f"{code}: {r['exceptionDetails']['exception'].get('description')}")
        return r["result"].get("value")

    def until(self, code):
        end = time.monotonic() + SECONDS
        while not self.js(code):
            if time.monotonic() > end:
                raise SystemExit(f"never came: {code}")
            time.sleep(0.02)

    def want(self, code, value=True):
        got = self.js(code)
        if got != value:
            raise SystemExit(f"{code}\nis {got!r}, not {value!r}")

    def size(self, width, height):
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1,
                  mobile=False)

    def dark(self, on):
        self.call("Emulation.setEmulatedMedia",
                  features=[{"name": "prefers-color-scheme", "value": "dark" if on else "light"}])

    def key(self, key):
        for kind in ("keyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=key, code=key,
                      windowsVirtualKeyCode={"Enter": 13, "Escape": 27, "Tab": 9, "ArrowDown": 40, "ArrowUp": 38,
                                             "ArrowLeft": 37, "ArrowRight": 39}.get(key, 0),
                      **({"text": "\r"} if key == "Enter" and kind == "keyDown" else {}))

    def click(self, code):
        """A real click in the middle of the element."""
        x, y = self.js(f"(e => {{ e.scrollIntoView({{block: 'center'}}); const b = e.getBoundingClientRect();"
                       f"return [b.x + Math.min(b.width / 2, 12), b.y + Math.min(b.height / 2, 9)]; }})({code})")
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def type(self, text):
        self.call("Input.insertText", text=text)

    def shot(self, path=None):
        """What a picture of the whole page holds: its colours, and the share of the commonest."""
        self.js("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
        data = self.call("Page.captureScreenshot", captureBeyondViewport=True)["data"]
        if path:
            with open(path, "wb") as f:
                f.write(base64.b64decode(data))
        blank = Page(self.browser, "about:blank")
        seen = blank.js(f"{COLOURS}('data:image/png;base64,{data}')")
        self.browser.call("Target.closeTarget", targetId=blank.target)
        self.call("Page.bringToFront")  # hidden pages draw nothing
        return seen

    def troubles(self):
        """Errors of the console, exceptions, and requests for anything but the page."""
        self.js("0")
        found = []
        for e in self.browser.events:
            if e.get("sessionId") != self.session:
                continue
            p = e.get("params", {})
            if e["method"] == "Runtime.exceptionThrown":
                found.append(p["exceptionDetails"].get("exception", {}).get("description", "exception"))
            elif e["method"] == "Runtime.consoleAPICalled":
                found.append("console: " + json.dumps(p["args"]))
            elif e["method"] == "Log.entryAdded":
                found.append("log: " + p["entry"]["text"])
            elif e["method"] == "Network.requestWillBeSent" and p["request"]["url"] != self.url:
                found.append("request: " + p["request"]["url"])
            elif e["method"] == "Page.javascriptDialogOpening":
                found.append("dialog: " + p["message"])
        return found


def main():
    path, words = os.path.abspath(sys.argv[1]), sys.argv[2:]
    home = tempfile.mkdtemp(prefix="browser-")
    browser = Browser(home)
    try:
        page = Page(browser, "file://" + path)
        exec(compile(sys.stdin.read(), "test", "exec"), {"page": page, "words": words, "browser": browser})
        found = page.troubles()
        if found:
            raise SystemExit("\n".join(found))
    finally:
        browser.close()
        shutil.rmtree(home, ignore_errors=True)


if __name__ == "__main__":
    main()
