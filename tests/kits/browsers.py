"""Real browsers, started by the tests and spoken to over WebDriver BiDi; nothing is left of them after."""

import base64
import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any

import httpx
from websockets.sync.client import ClientConnection, connect

from tests.kits.timing import SECOND

START_S = 60 * SECOND
QUIET = ["--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"]
CHROMIUM = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", *QUIET]
FIREFOX = {
    "media.autoplay.default": 0,
    "browser.shell.checkDefaultBrowser": False,
    "app.update.enabled": False,
    "focusmanager.testmode": True,  # keys work as in a window in front
}
NULL_SOUND = ["-n", "--daemonize=no", "--use-pid-file=no", "--exit-idle-time=-1", "-L", "module-null-sink"]


class Page:
    """One window of a browser."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._number = 0
        # A window of its own has the focus; Firefox's first one, without a screen, has not.
        self._tab = self.call("browsingContext.create", {"type": "window"})["context"]
        self.call("browsingContext.activate", {"context": self._tab})

    def call(self, method: str, params: dict[str, Any]) -> Any:
        """Send a command; return its result, whatever events come between."""
        self._number += 1
        self._socket.send(json.dumps({"id": self._number, "method": method, "params": params}))
        while True:
            said = json.loads(self._socket.recv(60))
            if said.get("id") == self._number:
                assert said["type"] == "success", f"{method}: {said.get('message')}"
                return said["result"]

    def open(self, url: str) -> None:
        self.call("browsingContext.navigate", {"context": self._tab, "url": url, "wait": "complete"})

    def run(self, body: str) -> Any:
        """Run an async function's body in the page, as if after a click; return its JSON."""
        done = self.call(
            "script.evaluate",
            {
                "expression": f"(async () => {{ {body} }})().then((value) => JSON.stringify(value ?? null))",
                "target": {"context": self._tab},
                "awaitPromise": True,
                "userActivation": True,
            },
        )
        assert done["type"] == "success", done["exceptionDetails"]["text"]
        return json.loads(done["result"]["value"])

    def before(self, body: str) -> None:
        """Run something in every page that is opened from now on, before its own scripts."""
        self.call("script.addPreloadScript", {"functionDeclaration": f"() => {{ {body} }}"})

    def press(self, *keys: str) -> None:
        """Press keys, one after the other."""
        actions = [{"type": kind, "value": key} for key in keys for kind in ("keyDown", "keyUp")]
        steps = [{"type": "key", "id": "keyboard", "actions": actions}]
        self.call("input.performActions", {"context": self._tab, "actions": steps})

    def size(self, width: int, height: int) -> None:
        viewport = {"width": width, "height": height}
        self.call("browsingContext.setViewport", {"context": self._tab, "viewport": viewport})

    def picture(self, path: Path) -> None:
        shot = self.call("browsingContext.captureScreenshot", {"context": self._tab})
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(base64.b64decode(shot["data"]))

    def until(self, condition: str, seconds: float = 30 * SECOND) -> None:
        """Wait until an expression is true in the page."""
        end = time.monotonic() + seconds
        while not self.run(f"return !!({condition})"):
            assert time.monotonic() < end, f"it did not come about: {condition}"
            time.sleep(0.02)


@contextmanager
def chromium(folder: Path, *flags: str) -> Iterator[Page]:
    """Run Chromium through its driver (Debian: chromium, chromium-driver)."""
    program, driver = needed("chromium", "chromium-browser", "google-chrome"), needed("chromedriver")
    port = free_port()
    with started([driver, f"--port={port}"], folder):
        address = f"http://127.0.0.1:{port}"
        wait_for(lambda: httpx.get(f"{address}/status").json()["value"]["ready"])
        options = {"binary": program, "args": [*CHROMIUM, *flags, f"--user-data-dir={folder / 'profile'}"]}
        wanted = {"alwaysMatch": {"webSocketUrl": True, "goog:chromeOptions": options}}
        answer = httpx.post(f"{address}/session", json={"capabilities": wanted}, timeout=START_S).json()
        session = answer["value"]
        assert "sessionId" in session, session
        try:
            with connect(session["capabilities"]["webSocketUrl"], max_size=None) as socket:
                yield Page(socket)
        finally:
            httpx.delete(f"{address}/session/{session['sessionId']}", timeout=START_S)


@contextmanager
def firefox(folder: Path) -> Iterator[Page]:
    """Run Firefox, which speaks BiDi by itself, with a sound card that is heard by nobody.

    Without one its Web Audio stands still (Debian: firefox-esr, pulseaudio).
    """
    profile, port, sound = folder / "profile", free_port(), folder / "sound"
    profile.mkdir(parents=True)
    prefs = "".join(
        f"user_pref({json.dumps(name)}, {json.dumps(value)});\n" for name, value in FIREFOX.items()
    )
    (profile / "user.js").write_text(prefs)
    socket_of_sound = f"module-native-protocol-unix socket={sound}/native auth-anonymous=1"
    here = {
        "XDG_RUNTIME_DIR": str(sound),
        "PULSE_RUNTIME_PATH": str(sound),
        "PULSE_SERVER": f"unix:{sound}/native",
    }
    command = [needed("firefox-esr", "firefox"), "--headless", "--no-remote", "--profile", str(profile)]
    with (
        started([needed("pulseaudio"), *NULL_SOUND, "-L", socket_of_sound], sound, here),
        started([*command, f"--remote-debugging-port={port}", "about:blank"], folder, here),
        wait_for(lambda: connect(f"ws://127.0.0.1:{port}/session", max_size=None)) as socket,
    ):
        socket.send(json.dumps({"id": 0, "method": "session.new", "params": {"capabilities": {}}}))
        assert json.loads(socket.recv(START_S))["type"] == "success"
        yield Page(socket)


def needed(*names: str) -> str:
    """Return the path of the first of these programs that is there."""
    found = next(filter(None, map(shutil.which, names)), None)
    assert found, f"{names[0]} is missing: `make browser` installs it on Debian as root"
    return found


@contextmanager
def started(
    command: list[str], folder: Path, env: Mapping[str, str] = MappingProxyType({})
) -> Iterator[None]:
    """Run a program whose log goes to a file of the folder; at the end it and its children are gone."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env=os.environ | env)
        try:
            yield
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()


def wait_for(attempt: Any) -> Any:
    """Try until it works; return what it returned."""
    end = time.monotonic() + START_S
    while True:
        try:
            if found := attempt():
                return found
        except (OSError, httpx.TransportError):
            assert time.monotonic() < end, "the browser did not answer"
        time.sleep(0.05)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])
