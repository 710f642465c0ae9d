"""A worker with a fault: python -m tests.drills.standin KIND, as localpod's --command.

* `dying`: its process group gets SIGKILL while it publishes, every second time.
* `jumping`: its wall clock goes back and forth by up to three hours.
* `hanging`: its engine does not return from a step, or raises, as long as a file named `hang` is there.
* `stuck`: calls of the system in its folders hang; a file `stuck` beside them says which.
* `refusing`: its folder takes no file as long as one named `refuse` is in it, which holds the error's
  number: for machines without the right to mount a small or read-only file system.
"""

import os
import random
import signal
import sys
import time
import uuid
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from tests.kits.stuck import hung_while
from worker import __main__ as entry
from worker.assembly import create_worker, load_engine
from worker.assembly import die as end_soon
from worker.cache import Cache, Publication
from worker.engines import Fault, Take
from worker.engines.choose import Loaded
from worker.engines.tone import ToneEngine
from worker.handler import Worker
from worker.settings import Settings
from worker.volume import Volume

DICE = random.SystemRandom()
HOUR = 3_600
MOMENTS = ("before", "amid", "written", "published")


def die() -> None:
    """End this process and its children as an out-of-memory killer would."""
    os.killpg(os.getpgrp(), signal.SIGKILL)


class DyingCache(Cache):
    """Dies at a moment of a publication, every second time."""

    def _write(self, publication: Publication, path: Path, content: bytes) -> None:
        moment = DICE.choice(MOMENTS) if DICE.random() < 0.5 else None
        if moment in {"amid", "written"}:
            part = path.with_name(f"{path.name}.{uuid.uuid4().hex}.part")
            part.write_bytes(content[: len(content) // 2] if moment == "amid" else content)
        if moment in {"before", "amid", "written"}:
            die()
        super()._write(publication, path, content)
        if moment == "published":
            die()


class RefusingCache(Cache):
    """A folder that is full or read-only as long as it holds a file named `refuse`."""

    def _write(self, publication: Publication, path: Path, content: bytes) -> None:
        sign = self.folder / "refuse"
        if sign.exists():
            raise OSError(int(sign.read_text()), "as the drill asked")
        super()._write(publication, path, content)


class JumpingClock:
    """The time; now and then it jumps by up to three hours."""

    def __init__(self) -> None:
        self._real = time.time
        self._off = 0.0

    def __call__(self) -> float:
        if DICE.random() < 0.02:
            self._off = DICE.uniform(-10_800, 10_800)
        return self._real() + self._off


class HangingTone(ToneEngine):
    """Now and then a step never returns, or raises, for as long as the cache holds a file named `hang`."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(speed=settings.tone_speed)
        self._sign = settings.cache_folder()[0] / "hang"

    def advance(self, order: Sequence[int]) -> list[Take | Fault]:
        if DICE.random() < 0.003 and self._sign.exists():
            if DICE.random() < 0.5:
                raise RuntimeError("as the drill asked")
            time.sleep(HOUR)
        return super().advance(order)


def stuck(settings: Settings) -> Worker:
    """Return a worker whose volume hangs when it is told to; it is left alone for a second only."""
    folder = settings.cache_folder()[0]
    sign = folder.with_name("stuck")

    def hangs(kind: str, path: Path) -> bool:
        return path.is_relative_to(folder) and sign.exists() and sign.read_text() == kind

    hung_while(hangs)
    cache = Cache(folder, settings.cache_max_bytes, volume=Volume(rest_seconds=1.0))
    return create_worker(settings, load_engine(settings), on_death=end_soon, cache=cache)


CACHES: dict[str, type[Cache]] = {"dying": DyingCache, "refusing": RefusingCache, "jumping": Cache}


def hanging(settings: Settings) -> Worker:
    """Return a worker whose engine hangs, and counts as hanging after a second."""
    loaded = Loaded(HangingTone(settings))
    return create_worker(settings, loaded, on_death=end_soon, hung_seconds=1.0)


WORKERS = {"hanging": hanging, "stuck": stuck}


def with_cache(kind: str, settings: Settings) -> Worker:
    """Return a worker that keeps its speech in a cache of this kind."""
    cache = CACHES[kind](settings.cache_folder()[0], settings.cache_max_bytes, time.time)
    return create_worker(settings, load_engine(settings), on_death=end_soon, cache=cache)


def main(kind: str) -> int:
    """Run the worker with this fault."""
    if kind in WORKERS:
        return entry.main(create=WORKERS[kind])
    if kind == "jumping":
        time.time = JumpingClock()  # the whole process's, the cache's too, as a machine's clock is
    return entry.main(create=partial(with_cache, kind))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
