"""An engine that misbehaves on purpose, behind all that stands between it and a listener."""

import asyncio
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import cast

import numpy as np
import pytest

from tests.kits.workers import Kit, Record, audio_of, run_job, working
from worker.engines import Fault, Pcm, Take, Utterance
from worker.engines.takes import JudgedEngine
from worker.engines.tone import ToneEngine
from worker.errors import StartError

RATE = 24_000
TEXT = "The harbour was quiet that morning, and only the gulls had opinions."
SILENCE, NOISE, STUCK, NAN, SHORT, LONG, ENDLESS = (
    "silence",
    "noise",
    "stuck",
    "nan",
    "short",
    "long",
    "endless",
)
RAISES, HANGS = "raises", "hangs"


def speech(text: str) -> Pcm:
    """Return what passes for speech: 64 ms a character, a level that moves as syllables do."""
    at = np.arange(round(len(text) * 0.064 * RATE)) / RATE
    wave = np.sin(2 * np.pi * 130 * at) * np.maximum(np.sin(2 * np.pi * 2.5 * at), 0.02)
    return np.asarray(0.4 * wave, np.float32)


def noise(seconds: float) -> Pcm:
    return (0.2 * np.random.default_rng(1).standard_normal(round(seconds * RATE))).astype(np.float32)


WRONG: dict[str, Callable[[str], Pcm]] = {
    SILENCE: lambda text: np.zeros(len(speech(text)), np.float32),
    NOISE: lambda text: noise(len(text) * 0.064),
    STUCK: lambda text: np.sin(np.arange(len(speech(text))) / 20).astype(np.float32) * np.float32(0.3),
    NAN: lambda text: np.full(len(speech(text)), np.nan, np.float32),
    SHORT: lambda text: speech(text)[: RATE // 10],
    LONG: lambda text: np.tile(speech(text), 4),  # as where 96 kHz are passed off as 24
    ENDLESS: lambda _: speech("x" * 600),
}


class WaywardEngine(ToneEngine):
    """Speaks well, but for what is planned for each of its takes, first to last."""

    name = "wayward"

    def __init__(self, *plan: str) -> None:
        super().__init__()
        self.plan = list(plan)
        self.takes: list[Utterance] = []
        self.released = threading.Event()

    def admit(self, utterance: Utterance) -> None:
        self.takes.append(utterance)
        super().admit(utterance)

    def advance(self, order: Sequence[int]) -> list[Take | Fault]:
        utterance, _ = self._inside.pop(order[0])
        planned = self.plan.pop(0) if self.plan else None
        if planned == RAISES:
            raise RuntimeError("/srv/models/t3.bin: device-side assert")
        if planned == HANGS:
            self.released.wait()
        make = WRONG.get(planned or "", speech)
        return [Take(utterance.id, make(utterance.text), stopped=planned != ENDLESS)]


def judged(engine: ToneEngine) -> ToneEngine:
    """Return the engine inside a `JudgedEngine`; to the kit one engine is as good as another."""
    return cast(ToneEngine, JudgedEngine(engine))


async def spoken(folder: Path, *plan: str) -> tuple[list[Record], WaywardEngine, Kit]:
    engine = WaywardEngine(*plan)
    with working(folder, judged(engine)) as kit:
        records = await run_job(kit, {"text": TEXT, "format": "pcm", "opening": "even"})  # one segment
    return records, engine, kit


@pytest.mark.parametrize("fault", sorted(WRONG))
async def test_a_take_gone_wrong_is_spoken_again_and_the_listener_hears_the_good_one(
    fault: str, tmp_path: Path
) -> None:
    good, _, _ = await spoken(tmp_path / "good")
    records, engine, _ = await spoken(tmp_path / "bad", fault)
    assert audio_of(records) == audio_of(good)
    assert records[-1]["warnings"] == []
    assert [take.seed - engine.takes[0].seed for take in engine.takes] == [0, 1]


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (SILENCE, "silence"),
        (NOISE, "noise"),
        (STUCK, "a steady sound"),
        (SHORT, "too short for its text"),
        (LONG, "too long for its text"),
        (ENDLESS, "no stop token"),
    ],
)
async def test_a_take_that_stays_wrong_is_delivered_with_a_warning(
    fault: str, reason: str, tmp_path: Path
) -> None:
    records, engine, _ = await spoken(tmp_path, *[fault] * 3)
    assert len(engine.takes) == 3
    [warning] = records[-1]["warnings"]
    assert warning.startswith("a segment may sound wrong after 3 tries: ")
    assert reason in warning


async def test_audio_with_nan_fails_its_job_alone_and_is_never_stored(tmp_path: Path) -> None:
    with working(tmp_path, judged(WaywardEngine(NAN, NAN, NAN))) as kit:
        assert await run_job(kit, {"text": TEXT}) == [
            {"error": "engine_failed: the engine returned NaN samples"}
        ]
        assert kit.files() == []
        assert (await run_job(kit, {"text": TEXT}))[-1]["final"] is True
        assert kit.deaths == 0


async def test_an_engine_that_raises_is_replaced_and_its_error_holds_no_path(tmp_path: Path) -> None:
    with working(tmp_path, judged(WaywardEngine(SILENCE, RAISES))) as kit:
        records = await run_job(kit, {"text": TEXT})
        assert records == [{"error": "engine_failed: the engine stopped: RuntimeError"}]
        assert kit.files() == []
        async with asyncio.timeout(20):
            while not kit.deaths:
                await asyncio.sleep(0.005)


async def test_a_hung_engine_fails_its_jobs_and_ends_the_process(tmp_path: Path) -> None:
    engine = WaywardEngine(HANGS)
    with working(tmp_path, judged(engine), hung_seconds=0.2) as kit:
        assert await run_job(kit, {"text": TEXT}) == [{"error": "engine_failed: the engine hangs"}]
        async with asyncio.timeout(20):
            while not kit.deaths:
                await asyncio.sleep(0.005)
        late = await run_job(kit, {"text": "Hello?"})
        assert late[0]["error"].startswith("shutting_down: ")
        engine.released.set()
    assert kit.files() == []


class HighEngine(ToneEngine):
    """The tone at a rate that nothing behind it is made for."""

    sample_rate = 44_100


def test_an_engine_of_another_rate_stops_the_start() -> None:
    with pytest.raises(StartError, match="the tone engine speaks at 44100 Hz, expected 24000 Hz"):
        JudgedEngine(HighEngine())
