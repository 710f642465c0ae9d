"""A job whose text comes while it is spoken."""

import asyncio
import base64
from collections.abc import Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest

from tests.kits.clips import wav
from tests.kits.workers import CountingEngine, Kit, audio_of, run_job, working
from worker.engines.tone import ToneEngine
from worker.incoming import IncomingText

PROSE = (
    "The harbour was quiet that morning, and only the gulls had opinions. A ferry left for the islands at "
    "ten past nine, as it did every day of the year.\n\nNobody waved: *** nobody had risen in time to wave. "
)
Record = dict[str, Any]


async def grown(kit: Kit, pieces: Sequence[str], *, wait: bool = True, **given: Any) -> list[Record]:
    """Run a job whose text comes in pieces, each after the one before was planned."""
    incoming = kit.worker.incoming()

    async def write() -> None:
        for piece in pieces:
            incoming.push(piece)
            if wait:
                await asyncio.sleep(0.003)
        incoming.close()

    writing = asyncio.create_task(write())
    async with (
        asyncio.timeout(30),
        aclosing(kit.worker.handle({"id": "c", "input": given}, incoming)) as records,
    ):
        found = [record async for record in records]
    await writing
    return found


def cut(text: str, size: int) -> list[str]:
    return [text[at : at + size] for at in range(0, len(text), size)]


@pytest.mark.parametrize("given", [{"format": "pcm"}, {}, {"bit_rate": 32, "seed": 3, "speed": 1.3}])
@pytest.mark.parametrize("size", [1, 9, 60])
async def test_a_text_in_any_pieces_sounds_as_the_whole_text(
    size: int, given: dict[str, Any], tmp_path: Path
) -> None:
    with working(tmp_path, direct=True) as kit:
        whole = await run_job(kit, {"text": PROSE, "stream": True, "cache": "off", **given})
        parts = await grown(kit, cut(PROSE, size), cache="off", stream=True, **given)
    assert audio_of(parts) == audio_of(whole)
    assert parts[-1]["duration_ms"] == whole[-1]["duration_ms"]
    captions = [[caption for record in each for caption in record["segments"]] for each in (parts, whole)]
    assert captions[0] == captions[1]
    assert len(parts) > 3


async def test_a_whole_context_is_kept_under_the_key_of_its_text(tmp_path: Path) -> None:
    with working(tmp_path, direct=True) as kit:
        parts = await grown(kit, cut(PROSE, 9), stream=True)
        begun = kit.scheduler.work["begun"]
        whole = await run_job(kit, {"text": PROSE, "stream": True})
        assert kit.scheduler.work["begun"] == begun
    assert (whole[-1]["cache_hit"], whole[-1]["cache_key"]) == (True, parts[-1]["cache_key"])
    assert audio_of(whole) == audio_of(parts)


async def test_a_text_that_is_whole_before_it_is_spoken_is_looked_up(tmp_path: Path) -> None:
    with working(tmp_path, direct=True) as kit:
        await run_job(kit, {"text": "Let me check.", "stream": True})
        hit = await grown(kit, ["Let me ", "check."], wait=False, stream=True)
        missed = await grown(kit, ["Let me ", "see."], wait=False, stream=True)
    assert (hit[-1]["cache_hit"], missed[-1]["cache_hit"]) == (True, False)
    assert audio_of(missed)


async def test_the_first_clause_is_spoken_while_the_rest_is_not_written(tmp_path: Path) -> None:
    with working(tmp_path, direct=True) as kit:
        incoming = kit.worker.incoming()
        job = {"id": "c", "input": {"stream": True}}
        async with asyncio.timeout(10), aclosing(kit.worker.handle(job, incoming)) as records:
            incoming.push("The harbour was quiet that morning, and")
            first = await anext(records)
            assert first["audio"]
            assert first["segments"][0]["text"] == "The harbour was quiet that morning,"
        assert kit.scheduler.work["speeches"] == 0


async def test_a_speech_that_waits_for_text_takes_no_time_of_others_and_ends_with_its_reader(
    tmp_path: Path,
) -> None:
    with working(tmp_path, direct=True) as kit:
        incoming = kit.worker.incoming()
        reading = asyncio.create_task(read_all(kit, incoming))
        incoming.push("Well, that")
        await asyncio.sleep(0.05)
        assert (await run_job(kit, {"text": "Another.", "cache": "off"}))[-1]["final"]
        assert kit.scheduler.work["speeches"] == 1
        assert kit.scheduler.wait() == 0
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
        assert kit.scheduler.work["speeches"] == 0


async def read_all(kit: Kit, incoming: IncomingText) -> None:
    async with aclosing(kit.worker.handle({"id": "c", "input": {"stream": True}}, incoming)) as records:
        async for _ in records:
            pass


async def test_a_voice_that_the_text_names_is_ready_before_it_speaks(tmp_path: Path) -> None:
    text = (
        "Good morning to all of you. [voice:anna]And good morning to you, too.[voice:default] So it goes on."
    )
    with working(tmp_path, direct=True) as kit:
        await run_job(kit, {"op": "voice_add", "name": "anna", "clip_base64": base64_of(wav())})
        whole = await run_job(kit, {"text": text, "stream": True, "cache": "off"})
        parts = await grown(kit, cut(text, 5), cache="off", stream=True)
        ghost = await grown(kit, cut(text.replace("anna", "ghost"), 5), cache="off", stream=True)
    assert audio_of(parts) == audio_of(whole)
    assert ghost[-1]["error"].startswith("unknown_voice: ")


def base64_of(data: bytes) -> str:
    return base64.b64encode(data).decode()


@pytest.mark.parametrize(
    ("pieces", "given", "error"),
    [
        (["Hello."], {"speed": 9.0}, "invalid_input: "),
        (["Hello there, and", " so on and on."], {"voice": "ghost"}, "unknown_voice: "),
        (["Hello. " * 1_000, "Hello. " * 1_000], {}, "text_too_long: "),
        (["***", "\n"], {}, "invalid_input: text has nothing to speak"),
    ],
)
async def test_what_a_worker_refuses_of_a_whole_text_it_refuses_of_one_in_pieces(
    pieces: list[str], given: dict[str, Any], error: str, tmp_path: Path
) -> None:
    with working(tmp_path, direct=True) as kit:
        records = await grown(kit, pieces, **given)
        assert records[-1]["error"].startswith(error)
        assert kit.scheduler.work["speeches"] == 0


async def test_pcm_that_nobody_reads_holds_its_speech_back_and_mp3_does_not(tmp_path: Path) -> None:
    text = PROSE * 20
    with working(tmp_path, direct=True) as kit:
        made = {}
        for name in ("pcm", "mp3"):
            job = {"id": "c", "input": {"text": text, "stream": True, "format": name, "cache": "off"}}
            async with aclosing(kit.worker.handle(job)) as records:
                size = len((await anext(records))["audio"])
                for _ in range(250 if name == "mp3" else 25):  # until it is made, or held back
                    await asyncio.sleep(0.02)
                    if not kit.scheduler.work["speeches"]:
                        break
                made[name] = kit.scheduler.work["speeches"]
                async for record in records:
                    size += len(record["audio"])
                assert kit.scheduler.work["speeches"] == 0
    assert made == {"pcm": 1, "mp3": 0}


async def test_one_speech_more_than_could_begin_soon_is_refused_but_not_a_hit(tmp_path: Path) -> None:
    with working(tmp_path, ToneEngine(speed=4, slots=2), direct=True) as kit:
        short = {"text": "Good morning.", "stream": True}
        await run_job(kit, short)
        jobs = [
            kit.worker.handle({"id": "x", "input": {"text": PROSE * 3, "seed": n, "stream": True}})
            for n in (1, 2)
        ]
        for job in jobs:
            await anext(job)
        refused = await run_job(kit, {"text": PROSE, "seed": 3})
        hit = await run_job(kit, short)
        for job in jobs:
            await job.aclose()
        taken = await run_job(kit, {"text": "Now there is room.", "seed": 3})
    assert refused[-1]["error"].startswith("worker_busy: ")
    assert refused[-1]["retry_after_s"] > 0
    assert (hit[-1]["cache_hit"], taken[-1]["final"]) == (True, True)


async def test_speech_of_any_length_is_one_speech(tmp_path: Path) -> None:
    with working(tmp_path, CountingEngine(), direct=True) as kit:
        records = await run_job(kit, {"text": PROSE * 25, "stream": True, "format": "pcm", "cache": "off"})
    assert len(audio_of(records)) > 9_000_000
