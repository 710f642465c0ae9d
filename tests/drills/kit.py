"""What the drills share: an endpoint of real processes, texts whose right audio is known, the table."""

import base64
import json
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import httpx
from pods import FINAL, HEADERS, until
from pods import running as pod_running

__all__ = ["Drilled", "Endpoint", "Known", "Outcome", "drilled", "side_by_side", "table"]

WORDS = [
    "river",
    "stone",
    "window",
    "letter",
    "garden",
    "silver",
    "morning",
    "ticket",
    "candle",
    "harbour",
    "winter",
    "ladder",
]
SIDE_BY_SIDE = 8
T = TypeVar("T")


@dataclass(frozen=True)
class Outcome:
    """What a drill found: how often it did the thing, what got lost, and what else is worth a word."""

    name: str
    times: int
    lost: int
    seconds: float
    note: str = ""


Drilled = Callable[[int], Outcome]


def table(outcomes: Iterable[Outcome]) -> str:
    """Return the outcomes as lines of text."""
    rows = [("drill", "times", "lost", "seconds", "")]
    rows += [(o.name, str(o.times), str(o.lost), f"{o.seconds:.0f}", o.note) for o in outcomes]
    return "\n".join(f"{a:<22}{b:>7}{c:>6}{d:>9}  {e}".rstrip() for a, b, c, d, e in rows)


def text(number: int) -> str:
    """Return a text of about 150 characters that no other number has."""
    said = " ".join(WORDS[(number * (at + 3) + at * at) % len(WORDS)] for at in range(18))
    first, second = WORDS[number % 12], WORDS[number // 12 % 12]
    return f"{said.capitalize()}. And {first} {second} {'too ' * (number // 144)}as well."


class Known:
    """The right audio of texts, spoken once by an endpoint where nothing goes wrong."""

    def __init__(self, folder: Path, texts: Iterable[str]) -> None:
        self._right: dict[str, bytes] = {}
        with pod_running(folder, "--idle-timeout", "60", **tone(10_000)) as pod:
            for said in texts:
                result = pod.finished(pod.submit({"text": said, "cache": "off"}))
                self._right[said] = audio(result["output"])

    def is_right(self, said: str, heard: bytes) -> bool:
        return self._right[said] == heard


class Endpoint:
    """A localpod, with what the drills do to it and ask of it."""

    def __init__(self, pod: Any, folder: Path) -> None:
        self.pod = pod
        self.folder = folder
        self.site = pod.url.removesuffix("/v2/local")

    def run(self, said: str, **fields: Any) -> str:
        return str(self.pod.submit({"text": said, **fields}))

    def end(self, job: str, seconds: float = 120) -> Any:
        """Return the job when it is final; without an end it is None."""
        try:
            return until(lambda: (s := self.pod.status(job))["status"] in FINAL and s, seconds)
        except AssertionError:
            return None

    def cancel(self, job: str) -> None:
        self.pod.call("POST", f"/cancel/{job}")

    def faults(self, **faults: float) -> None:
        named = {name.replace("__", "."): value for name, value in faults.items()}
        httpx.delete(f"{self.site}/localpod/faults")
        httpx.post(f"{self.site}/localpod/faults", json=named).raise_for_status()

    def struck(self) -> int:
        return sum(httpx.get(f"{self.site}/localpod/faults").json()["struck"].values())

    def workers(self) -> list[dict[str, Any]]:
        return list(httpx.get(f"{self.site}/localpod/state").json()["workers"])

    def heard(self, job: str) -> bytes:
        """Read a job's stream to its end, or to its last record; return the audio in the order of `seq`."""
        records: dict[int, Any] = {}
        while True:
            reply = httpx.get(f"{self.pod.url}/stream/{job}", headers=HEADERS, timeout=60).json()
            records |= {
                item["output"]["seq"]: item["output"] for item in reply["stream"] if "seq" in item["output"]
            }
            ended = reply["status"] in FINAL and not reply["stream"]
            if ended or any(record.get("final") for record in records.values()):
                return audio(records[seq] for seq in sorted(records))


def audio(output: Any) -> bytes:
    """Return the audio of a job's records."""
    return b"".join(
        base64.b64decode(record["audio_base64"]) for record in output or () if "audio_base64" in record
    )


def tone(speed: float) -> dict[str, str]:
    """Return the settings of an engine that makes `speed` seconds of audio a second."""
    return {"TTS_ENGINE": "tone", "TTS_TONE_SPEED": str(speed)}


@contextmanager
def drilled(*options: str, speed: float = 40, cache: Path | None = None) -> Iterator[Endpoint]:
    """Run an endpoint in a new folder; `speed`: how much faster than one listens its worker speaks."""
    with tempfile.TemporaryDirectory(prefix="drill-") as name:
        folder = cache or Path(name)
        with pod_running(folder, "--idle-timeout", "60", *options, **tone(speed)) as pod:
            yield Endpoint(pod, folder)


def side_by_side(work: Callable[[int], T], times: int) -> list[T]:
    """Do it for 0, 1, 2 …, eight at a time; return the results in order."""
    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        return list(pool.map(work, range(times)))


class Watch:
    """Seconds since it was made."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._began


def as_json(outcomes: Iterable[Outcome]) -> str:
    """Return the outcomes as JSON."""
    return json.dumps([vars(outcome) for outcome in outcomes])
