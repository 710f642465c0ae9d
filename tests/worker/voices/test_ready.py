"""A job's voices: found, learned once, kept ready, let go, whatever becomes of them meanwhile."""

import asyncio
import base64
import errno
import threading
from pathlib import Path
from typing import Any

import pytest

from tests.kits.clips import audio_file, voice_like, wav
from tests.kits.workers import CountingEngine, Kit, Record, audio_of, run_job, working
from worker.engines import Clip
from worker.engines.tone import ToneEngine
from worker.voices.clips import read_clip

URL = "https://example.com/ann.wav"
LONG = "The harbour was quiet that morning, and only the gulls had opinions. " * 60
TWENTY = [
    {"text": f"This is what turn number {n} has to say.", "voice": "ann" if n % 2 else "bob"}
    for n in range(20)
]


class LearningEngine(CountingEngine):
    """The tone, with a list of what it learned, recalled and forgot."""

    def __init__(self, slots: int = 8) -> None:
        super().__init__(slots)
        self.calls: list[tuple[str, str]] = []
        self.free = threading.Event()  # to learn
        self.free.set()

    def learn(self, voice: str, clip: Clip) -> bytes:
        assert self.free.wait(20)
        self.calls.append(("learn", voice))
        return super().learn(voice, clip)

    def recall(self, voice: str, data: bytes) -> None:
        self.calls.append(("recall", voice))
        super().recall(voice, data)

    def forget(self, voice: str) -> None:
        self.calls.append(("forget", voice))
        super().forget(voice)

    def count(self, what: str) -> int:
        return sum(call == what for call, _ in self.calls)


class Speechless(CountingEngine):
    """The tone without voices to learn."""

    clones = False


def added(name: str, clip: bytes) -> dict[str, Any]:
    return {"op": "voice_add", "name": name, "clip_base64": base64.b64encode(clip).decode()}


def voices_used(kit: Kit) -> list[str]:
    return [utterance.voice for utterance in kit.engine.admitted]  # type: ignore[attr-defined]


async def error(kit: Kit, given: Any) -> str:
    records = await run_job(kit, given)
    return str(records[-1]["error"])


async def test_a_voice_that_was_added_speaks_until_it_is_removed(tmp_path: Path) -> None:
    with working(tmp_path) as kit:
        [answer] = await run_job(kit, added("ann", wav()))
        assert answer["name"] == "ann"
        assert answer["sha256"] == read_clip(wav()).sha256
        assert (answer["seconds"], answer["replaced"], answer["final"]) == (6.0, False, True)
        [listed] = await run_job(kit, {"op": "voices"})
        assert listed["voices"] == ["default", "low", "ann"]
        spoken = await run_job(kit, {"text": "Hello.", "voice": "ann"})
        assert spoken[-1]["final"] is True
        assert audio_of(spoken) != audio_of(await run_job(kit, {"text": "Hello."}))
        await run_job(kit, {"op": "voice_remove", "name": "ann"})
        gone = await error(kit, {"text": "Hello.", "voice": "ann"})
    assert gone == "unknown_voice: there is no voice 'ann'; the voices are default, low"


async def test_turns_without_a_voice_are_spoken_with_the_requests(tmp_path: Path) -> None:
    turns = [{"text": "One."}, {"text": "Two.", "voice": "default"}]
    with working(tmp_path) as kit:
        records = await run_job(kit, {"turns": turns, "voice": "low"})
        captions = [segment for record in records for segment in record.get("segments", ())]
        assert voices_used(kit) == [segment["voice"] for segment in captions] == ["low", "default"]


async def test_an_unknown_voice_beside_turns_is_refused_before_anything_is_spoken(tmp_path: Path) -> None:
    with working(tmp_path) as kit:
        for turn in ({"text": "One."}, {"text": "One.", "voice": "low"}):
            message = await error(kit, {"turns": [turn], "voice": "bob"})
            assert message == "unknown_voice: there is no voice 'bob'; the voices are default, low"
        assert voices_used(kit) == []


async def test_fifty_segments_compute_the_conditioning_once(tmp_path: Path) -> None:
    engine = LearningEngine()
    with working(tmp_path, engine) as kit:
        kit.store.add("ann", wav())
        records = await run_job(kit, {"text": LONG, "voice": "ann", "opening": "even", "bit_rate": 32})
        assert records[-1]["chunks_processed"] >= 15
        jobs = [run_job(kit, {"text": f"Job {n}.", "voice": "ann"}, f"job-{n}") for n in range(50)]
        await asyncio.gather(*jobs)
    assert len(engine.admitted) >= 65
    assert engine.count("learn") == 1
    assert kit.voices.learned == 1


async def test_the_next_worker_reads_what_this_one_learned(tmp_path: Path) -> None:
    for number in range(2):
        engine = LearningEngine()
        with working(tmp_path, engine) as kit:
            if number == 0:
                await run_job(kit, added("ann", wav()))
            await run_job(kit, {"text": "Hello.", "voice": "ann", "cache": "off"})
            assert (kit.voices.learned, kit.voices.recalled) == ((1, 0), (0, 1))[number]


async def test_adding_a_voice_on_a_full_volume_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with working(tmp_path) as kit:
        monkeypatch.setattr(Path, "write_bytes", refuse)
        message = await error(kit, added("ann", wav()))
        assert message == "voice_unusable: the voices' folder cannot be used: No space left on device"
        [listed] = await run_job(kit, {"op": "voices"})
    assert listed["voices"] == ["default", "low"]


async def test_a_voice_with_a_damaged_file_is_learned_again(tmp_path: Path) -> None:
    with working(tmp_path, LearningEngine()) as kit:
        kit.store.add("ann", wav())
        kit.store.keep("ann", kit.store.digest("ann"), "tone.json", b"{broken")
        assert (await run_job(kit, {"text": "Hello.", "voice": "ann"}))[-1]["final"] is True
        assert (kit.voices.learned, kit.voices.recalled) == (1, 0)
        mended = kit.store.learned("ann", kit.store.digest("ann"), "tone.json")
    assert mended is not None
    assert b"pitch" in mended


async def test_the_same_name_with_another_clip_is_another_entry_of_the_cache(tmp_path: Path) -> None:
    given = {"text": "Hello.", "voice": "ann"}
    with working(tmp_path) as kit:
        keys, hits, sounds = [], [], []
        for clip in (wav(), wav(200), wav()):
            [answer] = await run_job(kit, added("ann", clip))
            records = await run_job(kit, given)
            keys.append(records[-1]["cache_key"])
            hits.append(records[-1]["cache_hit"])
            sounds.append(audio_of(records))
        assert answer["replaced"] is True
    assert hits == [False, False, True]
    assert keys[0] == keys[2] != keys[1]
    assert sounds[0] == sounds[2] != sounds[1]


async def test_a_job_ends_with_the_clip_it_began_with_though_the_voice_is_removed(tmp_path: Path) -> None:
    engine = LearningEngine()
    with working(tmp_path, engine, memory_bytes=0) as kit:
        kit.store.add("ann", wav())
        key = kit.store.digest("ann")
        engine.hold_after = 1
        speaking = asyncio.create_task(run_job(kit, {"text": LONG[:600], "voice": "ann"}))
        await until(lambda: engine.hold_after == 0)
        await run_job(kit, {"op": "voice_remove", "name": "ann"})
        assert (await error(kit, {"text": "Hello.", "voice": "ann"})).startswith("unknown_voice: ")
        assert ("forget", key) not in engine.calls
        engine.hold_after = None
        assert (await speaking)[-1]["final"] is True
        assert set(voices_used(kit)) == {key}
        await until(lambda: ("forget", key) in engine.calls)


async def test_a_job_cancelled_while_its_voice_is_learned_does_not_harm_the_next_one(
    tmp_path: Path,
) -> None:
    engine = LearningEngine()
    with working(tmp_path, engine) as kit:
        kit.store.add("ann", wav())
        engine.free.clear()
        first = asyncio.create_task(run_job(kit, {"text": "Hello.", "voice": "ann"}))
        await until(lambda: kit.voices.preparing)
        first.cancel()
        await asyncio.wait([first])
        engine.free.set()
        assert (await run_job(kit, {"text": "Hello.", "voice": "ann"}))[-1]["final"] is True
    assert engine.count("learn") == 1


async def test_200_voices_speak_one_after_another_within_the_memory(tmp_path: Path) -> None:
    engine = LearningEngine()
    with working(tmp_path, engine, memory_bytes=1_000) as kit:
        for number in range(200):
            kit.store.add(f"v{number}", wav(100 + number))
        for number in range(200):
            records = await run_job(kit, {"text": "Hi.", "voice": f"v{number}", "cache": "off"})
            assert records[-1]["final"] is True
        [info] = await run_job(kit, {"op": "info"})
        await until(lambda: engine.count("forget") == 200 - len(kit.voices.ready))
    assert 1 <= info["voices_ready"] <= 10
    assert len(info["voices"]) == 202


async def test_a_job_of_more_voices_than_the_memory_holds_is_refused(tmp_path: Path) -> None:
    engine = LearningEngine()
    size = len(ToneEngine().learn("a", read_clip(wav())))
    with working(tmp_path, engine, memory_bytes=3 * size) as kit:
        for number in range(20):
            kit.store.add(f"v{number}", wav(100 + number))
        turns = [{"text": f"Turn {number}.", "voice": f"v{number}"} for number in range(20)]
        message = await error(kit, {"turns": turns})
        assert message.startswith("voice_unusable: the job's voices need more than the ")
        assert len(kit.voices.ready) <= 4
        assert (await run_job(kit, {"turns": turns[:2]}))[-1]["final"] is True
    assert engine.admitted
    assert engine.count("learn") <= 6


async def test_jobs_wait_until_their_voices_fit_beside_those_in_use(tmp_path: Path) -> None:
    engine = LearningEngine()
    size = len(ToneEngine().learn("a", read_clip(wav())))
    most = 0

    with working(tmp_path, engine, memory_bytes=2 * size + size // 2) as kit:

        async def one(number: int) -> Record:
            nonlocal most
            record = (await run_job(kit, {"text": "Hi.", "voice": f"v{number}", "cache": "off"}))[-1]
            most = max(most, len(kit.voices.ready))
            return record

        for number in range(12):
            kit.store.add(f"v{number}", wav(100 + number))
        await one(0)  # how large a voice is, is known from then on
        ended = await asyncio.gather(*(one(number) for number in range(12)))
    assert all(record["final"] for record in ended)
    assert most <= 3


async def test_a_job_that_is_cancelled_while_it_waits_for_room_leaves_none_taken(tmp_path: Path) -> None:
    engine = LearningEngine()
    with working(tmp_path, engine, memory_bytes=1) as kit:
        for name, pitch in (("ann", 100), ("bob", 200)):
            kit.store.add(name, wav(pitch))
        async with kit.voices.using([await kit.voices.find("ann")]):
            waiting = asyncio.create_task(run_job(kit, {"text": "Hi.", "voice": "bob"}))
            await asyncio.sleep(0.05)
            assert engine.count("learn") == 1
            waiting.cancel()
            await asyncio.wait({waiting})
        assert (await run_job(kit, {"text": "Hi.", "voice": "bob"}))[-1]["final"] is True


async def test_the_least_recently_used_voice_is_forgotten_first(tmp_path: Path) -> None:
    engine = LearningEngine()
    size = len(ToneEngine().learn("a", read_clip(wav())))
    with working(tmp_path, engine, memory_bytes=2 * size + 20) as kit:
        for name, pitch in (("ann", 100), ("bob", 200), ("cat", 300)):
            kit.store.add(name, wav(pitch))
        for name in ("ann", "bob", "ann", "cat"):
            await run_job(kit, {"text": "Hi.", "voice": name, "cache": "off"})
        keys = [kit.store.digest(name) for name in ("ann", "cat")]
        assert list(kit.voices.ready) == keys


async def test_a_clip_from_a_url_is_the_voice_of_turns_that_name_none(tmp_path: Path) -> None:
    turns = [{"text": "By the clip."}, {"text": "By the low one.", "voice": "low"}]
    with working(tmp_path, LearningEngine()) as kit:
        kit.web[URL] = wav()
        plain = await run_job(kit, {"text": "Hello.", "voice_url": URL})
        again = await run_job(kit, {"text": "Hello.", "voice_url": URL})
        await run_job(kit, {"turns": turns, "voice_url": URL})
        key = read_clip(wav()).sha256
        assert voices_used(kit) == [key, key, "low"]
        kit.web[URL] = wav(200)
        other = await run_job(kit, {"text": "Hello.", "voice_url": URL})
        assert kit.store.names() == ["default", "low"]
    assert [r[-1]["cache_hit"] for r in (plain, again, other)] == [False, True, False]
    assert audio_of(other) != audio_of(plain)


async def test_a_clip_can_be_added_from_a_url(tmp_path: Path) -> None:
    with working(tmp_path) as kit:
        kit.web[URL] = wav()
        [answer] = await run_job(kit, {"op": "voice_add", "name": "ann", "voice_url": URL})
        assert answer["name"] == "ann"
        assert kit.store.clip("ann") == wav()


async def test_warm_makes_a_voice_ready(tmp_path: Path) -> None:
    with working(tmp_path) as kit:
        kit.store.add("ann", wav())
        [answer] = await run_job(kit, {"op": "warm", "name": "ann"})
        assert (answer["voice"], kit.voices.ready) == ("ann", (kit.store.digest("ann"),))
        assert (await error(kit, {"op": "warm", "name": "bob"})).startswith("unknown_voice: ")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            {"text": "a", "voice": "bob"},
            "unknown_voice: there is no voice 'bob'; the voices are default, low",
        ),
        ({"turns": [{"text": "a", "voice": "bob"}]}, "unknown_voice: there is no voice 'bob'"),
        (added("ann", b"This is a text."), "voice_unusable: the clip is not an audio file"),
        (added("ann", wav(seconds=3)), "voice_unusable: the clip has 3.0 s, expected more than 5 s"),
        (added("ann", audio_file(voice_like(rate=8_000), 8_000)), "voice_unusable: the clip is at 8000 Hz"),
        (added("default", wav()), "invalid_input: name is 'default', which is the engine's own voice"),
        (added("ann", bytes(7_000_001)), "invalid_input: clip_base64 holds 7000001 bytes, expected"),
        ({"op": "voice_add", "name": "ann", "clip_base64": ""}, "invalid_input: clip_base64 holds 0 bytes"),
        (
            {"op": "voice_add", "name": "ann", "clip_base64": "data:audio/wav;base64,AAAA"},
            "invalid_input: clip_base64 is not base64",
        ),
        ({"op": "voice_remove", "name": "bob"}, "unknown_voice: there is no voice 'bob'"),
        ({"op": "voice_remove", "name": "low"}, "invalid_input: name is 'low', which is the engine's own"),
    ],
)
async def test_an_operation_that_fails_names_the_reason_and_leaves_no_voice(
    tmp_path: Path, given: Any, message: str
) -> None:
    with working(tmp_path) as kit:
        assert (await error(kit, given)).startswith(message)
        assert kit.store.names() == ["default", "low"]
        assert (await run_job(kit, {"text": "Next."}))[-1]["final"] is True


async def test_an_engine_that_does_not_clone_has_its_own_voices_only(tmp_path: Path) -> None:
    with working(tmp_path, Speechless()) as kit:
        kit.store.add("ann", wav())
        assert (await error(kit, {"text": "a", "voice": "ann"})).startswith("unknown_voice: ")
        for given in (added("bob", wav()), {"op": "voice_remove", "name": "ann"}):
            assert (await error(kit, given)).endswith("needs an engine that clones voices, and tone does not")


async def test_a_dialogue_of_20_turns_in_two_learned_voices_keeps_order_and_captions(tmp_path: Path) -> None:
    with working(tmp_path) as kit:
        kit.store.add("ann", wav(100))
        kit.store.add("bob", wav(200))
        records = await run_job(kit, {"turns": TWENTY})
        hit = await run_job(kit, {"turns": TWENTY})
        keys = {name: kit.store.digest(name) for name in ("ann", "bob")}
        assert voices_used(kit) == [keys[str(turn["voice"])] for turn in TWENTY]
    assert hit[-1]["cache_hit"] is True
    for got in (records, hit):
        assert captions_of(got) == [(n, turn["voice"], turn["text"]) for n, turn in enumerate(TWENTY)]


def captions_of(records: list[Record]) -> list[tuple[int, str, str]]:
    segments = [segment for record in records for segment in record["segments"]]
    return [(segment["turn"], segment["voice"], segment["text"]) for segment in segments]


async def until(condition: Any) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.005)
