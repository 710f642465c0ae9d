"""What the drills share: an endpoint of real processes, texts whose right audio is known, the table."""

import base64
import tempfile
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from tests.drills.leaks import Footprint, footprint, grown, processes_of, unfit
from tests.kits.pods import FINAL, until
from tests.kits.pods import running as pod_running

__all__ = [
    "SIDE_BY_SIDE",
    "TEXTS",
    "Drilled",
    "Endpoint",
    "Outcome",
    "Watch",
    "audio",
    "drilled",
    "hit",
    "right",
    "settings",
    "side_by_side",
    "spoken",
    "table",
    "wrong",
]

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
ALLOWED_TASKS = 4  # more than at first: the SDK's own come and go
IDLE_SECONDS = 30.0  # within which a worker has put down what nobody wants any more
MARK = "DRILL_MARK"  # the variable by which the processes of a drill are known
T = TypeVar("T")


@dataclass(frozen=True)
class Outcome:
    """What a drill found: how often it did the thing, what was lost, what was left over, and a word."""

    name: str
    times: int
    lost: int
    seconds: float
    note: str = ""
    left: tuple[str, ...] = ()


Drilled = Callable[[int], Outcome]


def table(outcomes: Iterable[Outcome]) -> str:
    """Return the outcomes as lines of text."""
    rows = [("drill", "times", "lost", "left", "seconds", "")]
    for o in outcomes:
        said = "; ".join(filter(None, (o.note, *o.left)))
        rows.append((o.name, str(o.times), str(o.lost), str(len(o.left)), f"{o.seconds:.0f}", said))
    return "\n".join(f"{a:<18}{b:>6}{c:>6}{d:>6}{e:>9}  {f}".rstrip() for a, b, c, d, e, f in rows)


def text(number: int) -> str:
    """Return a text of about 150 characters that no other number has."""
    said = " ".join(WORDS[(number * (at + 3) + at * at) % len(WORDS)] for at in range(18))
    first, second = WORDS[number % 12], WORDS[number // 12 % 12]
    return f"{said.capitalize()}. And {first} {second} {'too ' * (number // 144)}as well."


TEXTS = [text(number) for number in range(24)]


@cache
def right(engine: str) -> dict[str, bytes]:
    """Return the right audio of `TEXTS`, spoken once for all drills, where nothing goes wrong."""
    with (
        tempfile.TemporaryDirectory() as name,
        pod_running(Path(name), "--idle-timeout", "60", **settings(engine, 10_000)) as pod,
    ):
        jobs = [pod.submit({"text": said, "cache": "off"}) for said in TEXTS]
        return {said: audio(pod.finished(job)["output"]) for said, job in zip(TEXTS, jobs, strict=True)}


class Endpoint:
    """A localpod, with what the drills do to it and ask of it."""

    def __init__(self, pod: Any, folder: Path, engine: str) -> None:
        self.pod = pod
        self.folder = folder
        self.engine = engine
        self.left: list[str] = []  # what was found to be left over, once the drill has ended
        self._site = pod.url.removesuffix("/v2/local")
        self._before: dict[int, Footprint] = {}
        self._tasks = 0
        self.idle_seconds = IDLE_SECONDS

    def run(self, said: str, **fields: Any) -> str:
        return str(self.pod.submit({"text": said, **fields}))

    def end(self, job: str, seconds: float = 120) -> Any:
        """Return the job when it is final; without an end it is None."""
        try:
            return self.pod.finished(job, seconds)
        except AssertionError:
            return None

    def cancel(self, job: str) -> None:
        self.pod.call("POST", f"/cancel/{job}")

    def faults(self, **faults: float) -> None:
        named = {name.replace("__", "."): value for name, value in faults.items()}
        self.pod.http.delete(f"{self._site}/localpod/faults")
        self.pod.http.post(f"{self._site}/localpod/faults", json=named).raise_for_status()

    def struck(self) -> int:
        return sum(self.pod.http.get(f"{self._site}/localpod/faults").json()["struck"].values())

    def workers(self) -> list[dict[str, Any]]:
        return list(self.pod.http.get(f"{self._site}/localpod/state").json()["workers"])

    def work(self) -> dict[str, int]:
        """Return what a worker says that it is at."""
        return dict(self.pod.runsync({"op": "info"})["output"][0]["work"])

    def logged(self, words: str) -> int:
        """Return how many lines of the log have these words."""
        return sum(words in line for line in list(self.pod.log))

    def health(self) -> dict[str, int]:
        """Return how many jobs are in which state."""
        return dict(self.pod.call("GET", "/health")["jobs"])

    def hears(self, said: str, job: str, pause: float = 0.0) -> bool:
        """Read a job's stream to its end, or to its last record; return whether that was right."""
        records: dict[int, Any] = {}
        while True:
            reply = self.pod.call("GET", f"/stream/{job}")
            items = [item["output"] for item in reply["stream"]]
            records |= {item["seq"]: item for item in items if "seq" in item}
            ended = reply["status"] in FINAL and not items
            if ended or any(record.get("final") for record in records.values()):
                return self.is_right(said, (records[seq] for seq in sorted(records)))
            time.sleep(pause)

    def right(self, said: str) -> bytes:
        return right(self.engine)[said]

    def is_right(self, said: str, output: Any) -> bool:
        return self.right(said) == audio(output)

    def begin(self) -> None:
        """Have a worker started and warm, and measure it: what grows once has grown then."""
        if spoken(self, SIDE_BY_SIDE, cache="off"):
            raise AssertionError("\n".join(["it does not speak even before the drill:", *self.pod.log[-20:]]))
        self._before, self._tasks = self._footprints(), self.work()["tasks"]

    def audit(self) -> None:
        """Note what is left over: unwanted work, threads, tasks, files; and whether it still works."""
        self.faults()
        if spoken(self, SIDE_BY_SIDE):
            self.left.append("the next jobs do not come out right")
        if not self._is_idle():
            self.left.append(f"still at {self.work()}, {self.health()['inProgress']} jobs in progress")
        after = self._footprints()
        for pid in after.keys() & self._before.keys():
            # localpod keeps results for half an hour, as the platform does: its memory may grow.
            self.left += grown(self._before[pid], after[pid], memory=pid != self.pod.pid)

    def _is_idle(self) -> bool:
        def idle() -> bool:
            work = self.work()
            at_rest = not work["speeches"] + work["utterances"] + self.health()["inProgress"]
            return at_rest and work["tasks"] <= self._tasks + ALLOWED_TASKS

        try:
            return bool(until(idle, self.idle_seconds))
        except AssertionError:
            return False

    def _footprints(self) -> dict[int, Footprint]:
        pids = [self.pod.pid, *(int(worker["pid"]) for worker in self.workers() if worker["pid"])]
        found = {pid: footprint(pid) for pid in pids}
        return {pid: measured for pid, measured in found.items() if measured is not None}


def audio(output: Any) -> bytes:
    """Return the audio of a job's records."""
    return b"".join(
        base64.b64decode(record["audio_base64"]) for record in output or () if "audio_base64" in record
    )


def settings(engine: str, speed: float) -> dict[str, str]:
    """Return the settings of an engine; the tone makes `speed` seconds of audio a second."""
    return {"TTS_ENGINE": engine} | ({"TTS_TONE_SPEED": str(speed)} if engine == "tone" else {})


@contextmanager
def drilled(
    *options: str, speed: float = 40, cache: Path | None = None, engine: str = "tone", **env: str
) -> Iterator[Endpoint]:
    """Run an endpoint in a new folder; at the end, note what it leaves over.

    Args:
        options: localpod's.
        speed: How much faster than one listens its worker speaks.
        cache: Another folder for the speeches.
        engine: The worker's.
        env: More settings of the worker.
    """
    right(engine)
    with tempfile.TemporaryDirectory(prefix="drill-") as name:
        folder = cache or Path(name)
        mark = uuid.uuid4().hex
        env |= settings(engine, speed) | {MARK: mark}
        with pod_running(folder, "--idle-timeout", "60", *options, **env) as pod:
            endpoint = Endpoint(pod, folder, engine)
            endpoint.begin()
            yield endpoint
            endpoint.audit()
        endpoint.left += processes_of(MARK, mark)
        endpoint.left += unfit(folder)


def side_by_side(work: Callable[[int], T], times: int, width: int = SIDE_BY_SIDE) -> list[T]:
    """Do it for 0, 1, 2 …, eight at a time; return the results in order."""
    with ThreadPoolExecutor(width) as pool:
        return list(pool.map(work, range(times)))


def wrong(endpoint: Endpoint, said: str, job: str) -> bool:
    """Whether a job has not ended as COMPLETED with the right audio."""
    ended = endpoint.end(job)
    return not (ended and ended["status"] == "COMPLETED" and endpoint.is_right(said, ended["output"]))


def hit(endpoint: Endpoint, said: str) -> bool:
    """Whether a text is now spoken right, and from the cache."""
    ended = endpoint.end(endpoint.run(said))
    return bool(ended and endpoint.is_right(said, ended["output"]) and ended["output"][-1]["cache_hit"])


def spoken(endpoint: Endpoint, times: int, *, width: int = SIDE_BY_SIDE, **fields: object) -> int:
    """Have `times` jobs spoken, `width` of them at a time; return how many did not come out right."""

    def one(number: int) -> bool:
        said = TEXTS[number % len(TEXTS)]
        return wrong(endpoint, said, endpoint.run(said, **fields))

    return sum(side_by_side(one, times, width))


class Watch:
    """Seconds since it was made."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._began
