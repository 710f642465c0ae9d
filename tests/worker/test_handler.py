"""A job's way through the worker, from its input to its records, without the SDK."""

import asyncio
import itertools
import json
import logging
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from encoder import read_file
from tests.kits.workers import CountingEngine, FaultyEngine, Kit, audio_of, run_job, working
from worker.engines import Fault, Take
from worker.engines.tone import SAMPLES_PER_CHARACTER
from worker.errors import OutOfMemoryError

TEXT = (
    "The harbour was quiet that morning, and only the gulls had opinions. A ferry left for the islands at "
    "ten past nine, as it did every day of the year. Nobody waved, because nobody had risen in time to wave. "
    "By noon the fog had lifted, the market had opened, and a man sold oranges from the back of a van. "
    "He had one song, and he sang it without a pause until the church bell rang for the second time."
)
GUIDE = {
    "audio_base64", "mimetype", "size_bytes", "cache_hit", "cache_key", "device", "chunks_processed",
    "generation_time_ms",
}  # fmt: skip


class DoubtfulEngine(CountingEngine):
    """The tone, with a doubt about each segment, as a guard has that gave up."""

    def advance(self, order: Sequence[int]) -> list[Take | Fault]:
        return [
            replace(take, warnings=("a segment may sound wrong",)) if isinstance(take, Take) else take
            for take in super().advance(order)
        ]


async def test_records_hold_whole_frames_and_together_those_of_the_file(
    tmp_path: Path,
) -> None:
    with working(tmp_path) as kit:
        records = await run_job(kit, {"text": TEXT})
        [path] = tmp_path.glob("*.mp3")
        assert read_file(path.read_bytes()).audio == audio_of(records)
    assert len(records) > 2
    assert [record["seq"] for record in records] == list(range(len(records)))
    assert all(len(audio_of([record])) % 192 == 0 for record in records)
    assert [record.get("final") for record in records] == [None] * (len(records) - 1) + [True]


async def test_the_times_and_places_of_segments_follow_one_clock_and_the_text_as_given(
    tmp_path: Path,
) -> None:
    given = f" \n{TEXT}\n"
    with working(tmp_path) as kit:
        records = await run_job(kit, {"text": given})
    for before, after in itertools.pairwise(records):
        assert after["start_ms"] == before["end_ms"]
    segments = [segment for record in records for segment in record["segments"]]
    for segment, utterance in zip(segments, kit.engine.admitted, strict=True):  # type: ignore[attr-defined]
        assert segment["text"] == given[segment["char_start"] : segment["char_end"]]
        length = segment["end_ms"] - segment["start_ms"]
        assert length == pytest.approx(len(utterance.text) * SAMPLES_PER_CHARACTER / 24, abs=2)
    assert records[-1]["end_ms"] == records[-1]["duration_ms"]
    assert records[-1]["chunks_processed"] == len(segments)


async def test_a_repeat_is_served_from_the_cache_byte_for_byte_without_the_engine(tmp_path: Path) -> None:
    with working(tmp_path) as kit:
        first = await run_job(kit, {"text": TEXT})
        spoken = len(kit.engine.admitted)  # type: ignore[attr-defined]
        again = await run_job(kit, {"text": "  " + TEXT.upper()})
        assert len(kit.engine.admitted) == spoken  # type: ignore[attr-defined]
    assert audio_of(again) == audio_of(first)
    assert again[-1]["cache_hit"] is True
    assert again[-1]["chunks_processed"] == first[-1]["chunks_processed"]
    assert again[-1]["duration_ms"] == first[-1]["duration_ms"]
    segments = [segment for record in again for segment in record["segments"]]
    assert segments[0]["char_start"] == 2
    assert segments[0]["text"] == TEXT.upper()[: len(segments[0]["text"])]


async def test_what_was_left_out_of_the_text_is_said_again_where_it_comes_from_the_cache(
    tmp_path: Path,
) -> None:
    with working(tmp_path) as kit:
        made = await run_job(kit, {"text": "Hello there. <!-- and so on"})
        hit = await run_job(kit, {"text": "Hello there. <!-- and so on"})
    assert hit[-1]["cache_hit"] is True
    assert any("never closed" in warning for warning in made[-1]["warnings"])
    assert hit[-1]["warnings"] == made[-1]["warnings"]


async def test_a_short_runsync_has_one_record_with_every_field_of_the_guide(tmp_path: Path) -> None:
    with working(tmp_path) as kit:
        miss = await run_job(kit, {"text": TEXT[:300]}, name="sync-1")
        hit = await run_job(kit, {"text": TEXT[:300]}, name="sync-2")
    assert len(miss) == len(hit) == 1
    assert set(miss[0]) >= GUIDE
    assert miss[0]["mimetype"] == "audio/mpeg"
    assert miss[0]["size_bytes"] == len(audio_of(miss))
    assert audio_of(hit) == audio_of(miss)
    assert read_file(audio_of(miss)).samples == round(miss[0]["duration_ms"] * 24)
    assert (miss[0]["cache_hit"], hit[0]["cache_hit"]) == (False, True)


async def test_stream_overrides_what_the_jobs_name_suggests(tmp_path: Path) -> None:
    with working(tmp_path) as kit:
        assert len(await run_job(kit, {"text": TEXT, "stream": True}, name="sync-1")) > 1
        assert len(await run_job(kit, {"text": TEXT, "stream": False})) == 1


async def test_pcm_has_exactly_the_engines_samples_on_a_miss_and_on_a_hit(tmp_path: Path) -> None:
    with working(tmp_path) as kit:
        miss = await run_job(kit, {"text": TEXT, "format": "pcm"})
        hit = await run_job(kit, {"text": TEXT, "format": "pcm"})
        whole = await run_job(kit, {"text": TEXT, "format": "pcm", "stream": False})
        made = await run_job(kit, {"text": TEXT, "format": "pcm", "stream": False, "cache": "refresh"})
    assert audio_of(miss) == audio_of(hit) == audio_of(whole) == audio_of(made)
    assert made[-1]["size_bytes"] == len(audio_of(made))
    assert made[-1]["cache_hit"] is False
    assert len(audio_of(miss)) == pytest.approx(miss[-1]["duration_ms"] * 48, abs=48)
    assert hit[-1]["cache_hit"] is True


async def test_a_dialogue_is_spoken_in_order_with_its_voices(tmp_path: Path) -> None:
    turns = [
        {"text": "Who is there?"},
        {"text": "Only me.", "voice": "low", "pause_ms": 900},
        {"text": "Ah."},
    ]
    with working(tmp_path) as kit:
        records = await run_job(kit, {"turns": turns})
        hit = await run_job(kit, {"turns": turns})
    for got in (records, hit):
        segments = [segment for record in got for segment in record["segments"]]
        spoken = [(s["turn"], s["voice"], s["text"]) for s in segments]
        assert spoken == [(0, "default", "Who is there?"), (1, "low", "Only me."), (2, "default", "Ah.")]
        assert segments[2]["start_ms"] - segments[1]["end_ms"] == 900


async def test_pronunciations_reach_the_engine_but_not_the_captions(tmp_path: Path) -> None:
    with working(tmp_path) as kit:
        records = await run_job(
            kit, {"text": "Ask Siobhan, not [siobhan].", "pronounce": {"siobhan": "Shivawn"}}
        )
        assert kit.engine.admitted[0].text == "Ask Shivawn, not [siobhan]."  # type: ignore[attr-defined]
    assert records[0]["segments"][0]["text"] == "Ask Siobhan, not [siobhan]."


async def test_a_bad_input_yields_one_error_and_the_next_job_works(tmp_path: Path) -> None:
    with working(tmp_path) as kit:
        assert await run_job(kit, {"text": 5}) == [
            {"error": "invalid_input: text is a number, expected a string"}
        ]
        assert (await run_job(kit, {"text": "Still here."}))[-1]["final"] is True


@pytest.mark.parametrize(
    "planted", [None, OutOfMemoryError("the GPU is out of memory"), ValueError("/srv/x")]
)
async def test_a_fault_ends_its_job_alone_and_publishes_nothing(
    tmp_path: Path, planted: Exception | None
) -> None:
    with working(tmp_path, FaultyEngine(planted)) as kit:
        records = await run_job(kit, {"text": TEXT + "\n\nAnd then: boom."})
        assert kit.files() == []
        code = "out_of_memory" if isinstance(planted, OutOfMemoryError) else "engine_failed"
        assert records[-1]["error"].startswith(code + ": ")
        assert "srv" not in records[-1]["error"]
        assert (await run_job(kit, {"text": "Fine."}))[-1]["final"] is True
        assert kit.deaths == 0


async def test_the_engines_death_fails_its_jobs_and_ends_the_process(tmp_path: Path) -> None:
    with working(tmp_path, FaultyEngine(dies=True)) as kit:
        records = await run_job(kit, {"text": "boom."})
        assert records == [{"error": "engine_failed: the engine stopped: MemoryError"}]
        await until(lambda: kit.deaths == 1)
        late = await run_job(kit, {"text": "Hello?"})
        assert late[0]["error"].startswith("shutting_down: ")


async def test_fifty_jobs_of_one_key_share_one_speech_and_the_first_may_leave(tmp_path: Path) -> None:
    with working(tmp_path) as kit:
        kit.engine.hold_after = 1  # type: ignore[attr-defined]
        jobs = [asyncio.create_task(run_job(kit, {"text": TEXT}, f"job-{n}")) for n in range(50)]
        await until(lambda: kit.engine.hold_after == 0)  # type: ignore[attr-defined]
        jobs[0].cancel()
        await asyncio.wait([jobs[0]])
        kit.engine.hold_after = None  # type: ignore[attr-defined]
        done = await asyncio.gather(*jobs[1:])
        texts = [utterance.text for utterance in kit.engine.admitted]  # type: ignore[attr-defined]
    assert len(texts) == len(set(texts))
    assert len({audio_of(records) for records in done}) == 1


async def test_the_engine_stops_when_the_last_reader_leaves_even_parked_at_a_yield(tmp_path: Path) -> None:
    with working(tmp_path) as kit:
        kit.engine.hold_after = 1  # type: ignore[attr-defined]
        parked = asyncio.create_task(park(kit, {"text": TEXT}))
        await until(lambda: len(kit.engine.admitted) == 2)  # type: ignore[attr-defined]
        [speech] = kit.speeches._speeches.values()
        await until(lambda: speech.chunks)
        parked.cancel()
        await asyncio.wait([parked])
        await until(lambda: kit.scheduler.work["utterances"] == 0 and kit.engine.dropped)  # type: ignore[attr-defined]
        assert speech.chunks == []  # freed: what held the job may live on for long
        kit.engine.hold_after = None  # type: ignore[attr-defined]
        assert (await run_job(kit, {"text": "Next."}))[-1]["final"] is True
        assert kit.files() == [".mp3"]


async def test_a_job_has_left_its_speech_when_its_last_record_comes(tmp_path: Path) -> None:
    """The SDK may come back for more only much later, or never."""
    with working(tmp_path) as kit:
        async with aclosing(kit.worker.handle({"id": "last", "input": {"text": TEXT}})) as records:
            while not (last := await anext(records)).get("final"):
                pass
            assert not kit.speeches.is_live(last["cache_key"])


async def test_a_job_with_the_cache_off_leaves_no_file(tmp_path: Path) -> None:
    with working(tmp_path) as kit:
        for _ in range(2):
            assert (await run_job(kit, {"text": "Hello.", "cache": "off"}))[-1]["cache_hit"] is False
        assert kit.files() == []
        assert len(kit.engine.admitted) == 2  # type: ignore[attr-defined]


async def test_refresh_speaks_again_and_replaces_the_entry(tmp_path: Path) -> None:
    with working(tmp_path) as kit:
        for cache, hit in (("use", False), ("refresh", False), ("use", True)):
            assert (await run_job(kit, {"text": "Hello.", "cache": cache}))[-1]["cache_hit"] is hit


async def test_a_cache_that_cannot_be_written_is_a_warning_not_an_error(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    with working(blocked) as kit:
        records = await run_job(kit, {"text": "Hello."})
    assert records[-1]["warnings"] == ["not cached: File exists"]


class ReportingTone(CountingEngine):
    """The tone, with a state of its own to report."""

    def status(self) -> dict[str, int | str]:
        return {"shapes_recorded": len(self.admitted), "recording": "on"}


async def test_what_an_engine_reports_of_its_state_is_in_each_job_line_and_in_info(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    with working(tmp_path, ReportingTone()) as kit:
        [before] = await run_job(kit, {"op": "info"})
        await run_job(kit, {"text": "Hello there."})
        [after] = await run_job(kit, {"op": "info"})
    assert before["engine_status"] == {"shapes_recorded": 0, "recording": "on"}
    assert after["engine_status"] == {"shapes_recorded": 1, "recording": "on"}
    [line] = [json.loads(message) for message in caplog.messages if "characters" in message]
    assert line["engine_status"] == after["engine_status"]


async def test_an_engine_that_reports_nothing_has_an_empty_status(tmp_path: Path) -> None:
    with working(tmp_path) as kit:
        [info] = await run_job(kit, {"op": "info"})
    assert info["engine_status"] == {}


async def test_speech_that_may_sound_wrong_is_delivered_with_its_warning_and_not_kept(tmp_path: Path) -> None:
    with working(tmp_path, DoubtfulEngine()) as kit:
        for _ in range(2):
            records = await run_job(kit, {"text": "Hello."})
            assert audio_of(records)
            assert records[-1]["warnings"] == ["a segment may sound wrong"]
            assert records[-1]["cache_hit"] is False
        assert kit.files() == []


async def test_operations_answer_in_one_record_without_audio(tmp_path: Path) -> None:
    with working(tmp_path) as kit:
        [info] = await run_job(kit, {"op": "info"})
        [voices] = await run_job(kit, {"op": "voices"})
        [warm] = await run_job(kit, {"op": "warm"})
    work = info["work"]
    assert (work["speeches"], work["utterances"], work["begun"]) == (0, 0, 0)
    assert min(work["tasks"], work["threads"]) >= 1
    assert info["engine"] == warm["engine"] == "tone"
    assert voices["voices"] == ["default", "low"]


async def test_neither_text_nor_audio_is_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with working(tmp_path) as kit:
        records = await run_job(kit, {"text": "A marzipan secret."})
        await run_job(kit, {"text": "marzipan\ud800"})
    assert "marzipan" not in caplog.text
    assert records[0]["audio_base64"][:40] not in caplog.text
    line = json.loads(next(r.message for r in caplog.records if "characters" in r.message))
    assert line["characters"] == len("A marzipan secret.")


async def test_each_finished_job_logs_a_line_of_figures_and_info_has_the_totals(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    with working(tmp_path) as kit:
        for given in ({"text": "Hello there."}, {"text": "Hello there."}, {"text": ""}):
            await run_job(kit, given)
        [info] = await run_job(kit, {"op": "info"})
    lines = [json.loads(r.message) for r in caplog.records if "characters" in r.message]
    assert [line["cache_hit"] for line in lines] == [False, True]
    for line in lines:
        assert line.keys() == {
            "job", "characters", "segments", "engine", "cache_hit", "queue_ms", "first_audio_ms",
            "generation_time_ms", "duration_ms", "real_time_factor", "peak_memory_mb",
        }  # fmt: skip
        assert line["peak_memory_mb"] > 1
        work = line["generation_time_ms"] - line["queue_ms"]
        assert line["real_time_factor"] == pytest.approx(work / line["duration_ms"], abs=0.001)
    assert info["totals"] == {
        "jobs": 2,
        "cache_hits": 1,
        "characters": 24,
        "duration_ms": 2 * lines[0]["duration_ms"],
        "generation_time_ms": sum(line["generation_time_ms"] for line in lines),
        "failed": {"invalid_input": 1},
    }


async def park(kit: Kit, given: Any) -> None:
    """Read one record, then stay away, as the SDK does while it posts a chunk."""
    async with aclosing(kit.worker.handle({"id": "parked", "input": given})) as records:
        await anext(records)
        await asyncio.Event().wait()


async def until(condition: Any) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.005)


def test_the_worker_takes_twice_the_engines_slots(tmp_path: Path) -> None:
    with working(tmp_path, CountingEngine(slots=3)) as kit:
        assert kit.worker.concurrency == 6
