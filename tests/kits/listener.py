"""What the tests do on localpod's page, and what they ask of the player."""

import base64
import json
from typing import Any

import httpx

from tests.kits.browsers import Page
from tests.kits.pods import Pod, until

SITE = "document.getElementById"
PLAYER = f"{SITE}('player')"
INSIDE = f"{PLAYER}.shadowRoot.querySelector"

# Records what Web Audio is told to play, and when.
EAVESDROP = """
globalThis.heard = [];
const start = AudioBufferSourceNode.prototype.start;
AudioBufferSourceNode.prototype.start = function (when, into) {
  globalThis.heard.push({ when, into, buffer: this.buffer });
  return start.call(this, when, into);
};
"""


def text(number: int, sentences: int = 6) -> str:
    """Return a text that no other number has."""
    words = ["alpha", "bravo", "charlie", "delta", "echo", "foxtrot", "golf", "hotel", "india", "juliet"]
    return " ".join(
        f"Number {number} says {words[(number + at) % 10]} and then {words[(at * 3) % 10]} once more here."
        for at in range(sentences)
    )


class Listener:
    """Someone in front of localpod's page."""

    def __init__(self, page: Page, pod: Pod) -> None:
        self.page = page
        self.pod = pod
        self.site = pod.url.removesuffix("/v2/local")

    def open(self) -> None:
        self.page.open(self.site)
        self.page.until("customElements.get('chatterpod-player') !== undefined")

    def leave(self) -> None:
        httpx.delete(f"{self.site}/localpod/faults")
        self.page.run(f"{PLAYER}.stop()")

    def faults(self, faults: dict[str, float]) -> None:
        httpx.post(f"{self.site}/localpod/faults", json=faults).raise_for_status()

    def struck(self) -> dict[str, int]:
        return dict(httpx.get(f"{self.site}/localpod/faults").json()["struck"])

    def speak(self, said: str) -> None:
        """Type a text and press the button."""
        self.page.run(f"{SITE}('text').value = {json.dumps(said)}; {SITE}('form').requestSubmit();")

    def ask(self, expression: str) -> Any:
        """Return an expression's value; `player` is the element."""
        return self.page.run(f"const player = {PLAYER}; return ({expression});")

    def until(self, expression: str) -> None:
        self.page.until(f"((player) => {expression})({PLAYER})")

    def status_line(self) -> str:
        return str(self.ask("player.shadowRoot.querySelector('.status').textContent"))

    def job(self) -> Any:
        """Return the newest job, as /status has it."""
        jobs = httpx.get(f"{self.site}/localpod/state").json()["jobs"]
        return self.pod.status(jobs[0]["id"])

    def made(self) -> bytes:
        """Return the MP3 of the newest job, from its end result."""
        job = until(lambda: (found := self.job())["status"] == "COMPLETED" and found)
        return b"".join(base64.b64decode(record["audio_base64"]) for record in job["output"])

    def downloaded(self) -> bytes:
        """Return what the download link gives."""
        return base64.b64decode(
            self.page.run(
                f"""const blob = await (await fetch({INSIDE}('.save').href)).blob();
                const url = await new Promise((resolve) => {{
                  const reader = new FileReader();
                  reader.onload = () => resolve(reader.result);
                  reader.readAsDataURL(blob);
                }});
                return url.split(',')[1];"""
            )
        )
