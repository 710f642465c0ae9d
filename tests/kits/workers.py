"""A worker in this process, without the SDK, with the tone engine; and engines that fail."""

import asyncio
import base64
import time
from collections.abc import Iterator, Sequence
from contextlib import aclosing, contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from worker.assembly import create_worker
from worker.cache import Cache
from worker.engines import Fault, Take, Utterance
from worker.engines.choose import Loaded
from worker.engines.tone import ToneEngine
from worker.settings import Settings
from worker.speech import HUNG_SECONDS
from worker.volume import PATIENCE_SECONDS, Volume

__all__ = ["CountingEngine", "Kit", "audio_of", "run_job", "working"]

Record = dict[str, Any]


class CountingEngine(ToneEngine):
    """The tone without a delay, which records its calls; with `hold_after` it stops after so many takes."""

    def __init__(self, slots: int = 8) -> None:
        super().__init__(speed=1e9, slots=slots, sleep=lambda _: None)
        self.admitted: list[Utterance] = []
        self.dropped: list[int] = []
        self.hold_after: int | None = None  # takes until it stops; None: it goes on

    def admit(self, utterance: Utterance) -> None:
        self.admitted.append(utterance)
        super().admit(utterance)

    def advance(self, order: Sequence[int]) -> list[Take | Fault]:
        if self.hold_after is not None and self.hold_after <= 0:
            time.sleep(0.001)  # as a real step would: a spinning thread starves the others
            return []
        done = super().advance(order)
        if self.hold_after is not None:
            self.hold_after -= len(done)
        return done

    def drop(self, utterance: int) -> None:
        self.dropped.append(utterance)
        super().drop(utterance)


class FaultyEngine(CountingEngine):
    """Fails as planned for texts with the word boom, and speaks all others."""

    def __init__(self, planted: Exception | None = None, dies: bool = False) -> None:  # noqa: FBT001, FBT002
        super().__init__()
        self.planted = planted
        self.dies = dies

    def advance(self, order: Sequence[int]) -> list[Take | Fault]:
        results: list[Take | Fault] = []
        texts = {utterance.id: utterance.text for utterance in self.admitted}
        for result in super().advance(order):
            if "boom" not in texts[result.utterance]:
                results.append(result)
            elif self.dies:
                raise MemoryError("at 0x7f00: a path like /srv/secret")
            elif self.planted is not None:
                results.append(Fault(result.utterance, self.planted))
            else:
                results.append(Take(result.utterance, np.full(100, np.nan, np.float32)))
        return results


class Kit:
    """A worker with its parts open to the tests."""

    def __init__(
        self,
        folder: Path,
        engine: ToneEngine,
        memory_bytes: int,
        hung_seconds: float,
        patience: float,
        *,
        direct: bool,
    ) -> None:
        self.engine = engine
        self.deaths = 0
        self.web: dict[str, bytes] = {}  # what voice_url finds
        settings = Settings(
            cache_dir=folder,
            voices_dir=folder / "voices",
            image_voices_dir=folder / "no-image",
            voices_memory_bytes=memory_bytes,
        )
        self.worker = create_worker(
            settings,
            Loaded(engine),
            fetch=self.fetch,
            on_death=self.died,
            hung_seconds=hung_seconds,
            cache=Cache(folder, settings.cache_max_bytes, volume=Volume(patience)),
            direct=direct,
        )
        self.scheduler = self.worker.scheduler
        self.cache = self.worker.cache
        self.speeches = self.worker.speeches
        self.voices = self.worker.voices
        self.store = self.voices.store

    async def fetch(self, url: str) -> bytes:
        return self.web[url]

    def died(self) -> None:
        self.deaths += 1

    def files(self) -> list[str]:
        return sorted(path.suffix for path in self.cache.folder.glob("*.*"))


@contextmanager
def working(
    folder: Path,
    engine: ToneEngine | None = None,
    memory_bytes: int = 10**9,
    hung_seconds: float = HUNG_SECONDS,
    patience: float = PATIENCE_SECONDS,
    *,
    direct: bool = False,
) -> Iterator[Kit]:
    kit = Kit(folder, engine or CountingEngine(), memory_bytes, hung_seconds, patience, direct=direct)
    kit.worker.start()
    try:
        yield kit
    finally:
        kit.worker.close()


async def run_job(kit: Kit, given: Any, name: str = "job-1") -> list[Record]:
    async with asyncio.timeout(30), aclosing(kit.worker.handle({"id": name, "input": given})) as records:
        return [record async for record in records]


def audio_of(records: Sequence[Record]) -> bytes:
    if records and "audio" in records[0]:
        return b"".join(record["audio"] for record in records)
    return b"".join(base64.b64decode(record["audio_base64"]) for record in records)
