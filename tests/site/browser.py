"""A headless Chromium that is told what to do over a pair of pipes.

The DevTools protocol by `--remote-debugging-pipe`: JSON messages that end with a zero
byte, over descriptors 3 and 4. So neither a driver nor a library of sockets is needed.
"""

import base64
import contextlib
import fcntl
import json
import os
import select
import shutil
import subprocess
import time

FOUND = next(filter(None, map(shutil.which, ("chromium", "google-chrome"))), None)


class Browser:
    """One page of a browser, as a context manager."""

    def __init__(self, folder):
        self.folder, self.number, self.rest, self.events = folder, 0, b"", []

    def __enter__(self):
        # The shell gives the browser the two descriptors that it looks for; what it
        # makes them of must be others.
        ends = *os.pipe(), *os.pipe()
        commands, self.write_end, self.read_end, answers = (
            fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 10) for end in ends
        )
        for end in ends:
            os.close(end)
        command = (
            f'exec "$0" "$@" 3<&{commands} 4>&{answers} {commands}<&- {answers}>&-'
        )
        self.process = subprocess.Popen(
            ["bash", "-c", command, FOUND, "--headless", "--no-sandbox",
             "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars",
             "--remote-debugging-pipe", f"--user-data-dir={self.folder}"],
            pass_fds=(commands, answers), stderr=subprocess.DEVNULL,
        )  # fmt: skip
        os.close(commands)
        os.close(answers)
        target = self.send("Target.createTarget", url="about:blank")["targetId"]
        attached = self.send("Target.attachToTarget", targetId=target, flatten=True)
        self.session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.send(f"{domain}.enable")
        return self

    def __exit__(self, *error):
        self.process.kill()
        self.process.wait()
        os.close(self.write_end)
        os.close(self.read_end)

    def message(self, seconds):
        """The next message, or None after some seconds."""
        end = time.monotonic() + seconds
        while b"\0" not in self.rest:
            left = end - time.monotonic()
            if left <= 0 or not select.select([self.read_end], [], [], left)[0]:
                return None
            data = os.read(self.read_end, 1 << 20)
            if not data:
                raise ConnectionError("The browser has ended.")
            self.rest += data
        line, _, self.rest = self.rest.partition(b"\0")
        return json.loads(line)

    def send(self, method, **parameters):
        """The answer to a command; events meanwhile are kept."""
        self.number += 1
        asked = {"id": self.number, "method": method, "params": parameters}
        if hasattr(self, "session"):
            asked["sessionId"] = self.session
        os.write(self.write_end, json.dumps(asked).encode() + b"\0")
        while (found := self.message(60)) is not None:
            if found.get("id") == self.number:
                if "error" in found:
                    raise RuntimeError(f"{method}: {found['error']['message']}")
                return found["result"]
            self.events.append(found)
        raise TimeoutError(method)

    def width(self, pixels, height=900):
        self.send(
            "Emulation.setDeviceMetricsOverride",
            width=pixels, height=height, deviceScaleFactor=1, mobile=pixels < 600,
        )  # fmt: skip

    def open(self, address):
        """Go to a page, and wait until it has loaded."""
        self.events.clear()
        self.send("Page.navigate", url=address)
        self.until("document.readyState === 'complete' && location.href !== ''")

    def until(self, condition, seconds=60):
        """Wait for an expression of JavaScript to be true."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            # A page that goes away while it is asked is asked again.
            with contextlib.suppress(RuntimeError):
                if self.value(condition):
                    return
            time.sleep(0.05)
        raise TimeoutError(condition)

    def value(self, expression):
        """What an expression of JavaScript is."""
        found = self.send("Runtime.evaluate", expression=expression, returnByValue=True)
        return found["result"].get("value")

    def complaints(self):
        """Errors of scripts, of the console and of requests since `open`."""
        self.value("1")  # so that events of before are here
        found = []
        for event in self.events:
            said = event.get("params", {})
            match event.get("method"):
                case "Runtime.exceptionThrown":
                    found.append(said["exceptionDetails"]["text"])
                case "Runtime.consoleAPICalled" if said["type"] in ("error", "assert"):
                    found.append(str(said["args"]))
                case "Log.entryAdded" if said["entry"]["level"] == "error":
                    found.append(said["entry"]["text"] + said["entry"].get("url", ""))
        return found

    def picture(self, path):
        """A screenshot of what is seen."""
        found = self.send("Page.captureScreenshot", format="png")
        path.write_bytes(base64.b64decode(found["data"]))
