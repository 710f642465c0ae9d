"""Text in, MP3 streaming out, through RunPod's unmodified SDK and a real queue."""

import base64
import io
import json
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import av
import pytest
from mutagen.mp3 import MP3

from encoder import read_file
from tests.kits.pods import Pod, running, until

PARAGRAPH = (
    "The harbour was quiet that morning, and only the gulls had opinions. A ferry left for the islands at "
    "ten past nine, as it did every day of the year. Nobody waved, because nobody had risen in time to wave. "
)
LONG = (PARAGRAPH * 6)[:1_200]
GUIDE = {
    "audio_base64", "mimetype", "size_bytes", "cache_hit", "cache_key", "device", "chunks_processed",
    "generation_time_ms",
}  # fmt: skip
Record = dict[str, Any]


@pytest.fixture(scope="module")
def tone_pod(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pod]:
    """The tone at fifteen times real time: slow enough to watch records come."""
    folder = tmp_path_factory.mktemp("tone")
    with running(folder, "--idle-timeout", "60", TTS_ENGINE="tone", TTS_TONE_SPEED="15") as pod:
        yield pod


@pytest.fixture(scope="module")
def fast_pod(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pod]:
    """The tone as fast as it goes."""
    folder = tmp_path_factory.mktemp("fast")
    with running(folder, "--idle-timeout", "60", TTS_ENGINE="tone", TTS_TONE_SPEED="10000") as pod:
        yield pod


def audio_of(records: list[Record]) -> bytes:
    return b"".join(base64.b64decode(record["audio_base64"]) for record in records)


def decoded_samples(mp3: bytes) -> int:
    with av.open(io.BytesIO(mp3)) as container:
        return sum(frame.samples for frame in container.decode(audio=0))


def test_the_sdk_is_the_one_whose_behaviour_is_known() -> None:
    assert version("runpod").startswith("1.12.")


@pytest.mark.timing
def test_records_reach_the_client_while_the_rest_is_still_made(tone_pod: Pod) -> None:
    job = tone_pod.submit({"text": LONG})
    seen = [(tone_pod.status(job)["status"], records) for records in tone_pod.stream(job)]
    records = [record for _, batch in seen for record in batch]
    assert [record["seq"] for record in records] == list(range(len(records)))
    assert len(seen) >= 3
    assert [status for status, _ in seen[:-2]] == ["IN_PROGRESS"] * (len(seen) - 2)
    assert records[0]["end_ms"] < 0.15 * records[-1]["duration_ms"]
    assert tone_pod.status(job)["output"] == records


def test_a_short_runsync_is_one_record_with_every_field_of_the_guide(fast_pod: Pod) -> None:
    reply = fast_pod.runsync({"text": PARAGRAPH + PARAGRAPH[:90]})
    [record] = reply["output"]
    assert reply["status"] == "COMPLETED"
    assert set(record) >= GUIDE
    file = read_file(audio_of([record]))
    assert decoded_samples(audio_of([record])) == file.samples


def test_the_file_decodes_to_the_exact_samples_and_tells_its_length_and_captions(fast_pod: Pod) -> None:
    given = {"text": PARAGRAPH * 2, "stream": False, "seed": 5}
    [record] = fast_pod.runsync(given)["output"]
    mp3 = audio_of([record])
    tags = MP3(io.BytesIO(mp3))
    assert tags.info.length * 1000 == pytest.approx(record["duration_ms"], abs=1)
    note = json.loads(str(tags.tags["TXXX:chatterpod"]))
    assert decoded_samples(mp3) == note["samples"]
    assert len(note["segments"]) == record["chunks_processed"] == len(record["segments"])
    assert note["summary"]["seed"] == 5
    streamed = list(fast_pod.stream(fast_pod.submit(given | {"stream": True})))
    assert audio_of([r for batch in streamed for r in batch]) == read_file(mp3).audio


def test_a_repeat_comes_from_the_cache(fast_pod: Pod) -> None:
    given = {"text": "Say this once, and then once more."}
    first, second = (fast_pod.runsync(given)["output"][-1] for _ in range(2))
    assert (first["cache_hit"], second["cache_hit"]) == (False, True)
    assert first["audio_base64"] == second["audio_base64"]


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"text": ""}, "invalid_input"),
        ({"text": "[laugh]"}, None),
        ({"text": "x" * 1_000_000}, "text_too_long"),
        ({"text": "ok\ud800"}, "invalid_input"),
        ({"text": "a\u0007b\u0000"}, None),
        ({"text": ["a"]}, "invalid_input"),
        ({"text": "a", "wat": 1}, "invalid_input"),
        ({"text": "a", "speed": "fast"}, "invalid_input"),
        ({"text": "a", "language": "tlh"}, "unsupported_language"),
        ({"text": "a", "format": "flac"}, "unsupported_format"),
        ({"text": "a", "voice": "ghost"}, "unknown_voice"),
        ({"text": "a", "voice_url": "https://example.com/x.wav"}, "voice_unusable"),
        ({"text": "[laugh]" * 2_000}, "text_too_long"),
    ],
)
def test_bad_input_fails_the_job_with_its_code_and_the_next_job_works(
    fast_pod: Pod, given: Any, code: str | None
) -> None:
    reply = fast_pod.runsync(given)
    if code is None:
        assert reply["status"] == "COMPLETED"
        return
    assert reply["status"] == "FAILED"
    assert reply["error"].startswith(f"{code}: ")
    assert "Traceback" not in reply["error"]
    assert "output" not in reply
    assert fast_pod.runsync({"text": "Next, please."})["status"] == "COMPLETED"


def test_a_job_cancelled_while_it_speaks_publishes_nothing_and_frees_the_engine(tone_pod: Pod) -> None:
    job = tone_pod.submit({"text": LONG.upper() + " never whole", "bit_rate": 48})
    next(tone_pod.stream(job))
    assert tone_pod.call("POST", f"/cancel/{job}")["status"] == "CANCELLED"
    again = tone_pod.runsync({"text": "Short and next."})
    assert again["status"] == "COMPLETED"
    assert tone_pod.status(job)["status"] == "CANCELLED"
    [info] = tone_pod.runsync({"op": "info"})["output"]
    rerun = tone_pod.submit({"text": LONG.upper() + " never whole", "bit_rate": 48})
    [first, *_] = next(tone_pod.stream(rerun))
    assert first["seq"] == 0
    tone_pod.call("POST", f"/cancel/{rerun}")
    assert info["cache"]["entries"] >= 1


def test_with_two_readers_of_one_key_speech_goes_on_until_the_second_leaves(tone_pod: Pod) -> None:
    given = {"text": PARAGRAPH * 2, "bit_rate": 40}
    first, second = tone_pod.submit(given), tone_pod.submit(given)
    next(tone_pod.stream(first))
    next(tone_pod.stream(second))
    tone_pod.call("POST", f"/cancel/{first}")
    assert tone_pod.finished(second)["status"] == "COMPLETED"
    assert tone_pod.runsync(given)["output"][-1]["cache_hit"] is True


def test_a_job_cancelled_in_the_queue_is_never_spoken(tmp_path: Path) -> None:
    env = {"TTS_ENGINE": "tone", "TTS_TONE_SPEED": "30", "TTS_SLOTS": "1"}
    with running(tmp_path, "--idle-timeout", "60", **env) as pod:
        waiting = [pod.submit({"text": PARAGRAPH, "seed": n}) for n in range(4)]
        pod.call("POST", f"/cancel/{waiting[-1]}")
        for job in waiting[:-1]:
            assert pod.finished(job)["status"] == "COMPLETED"
        assert pod.status(waiting[-1])["status"] == "CANCELLED"
        assert len(list(tmp_path.glob("*.mp3"))) == 3


def test_eight_jobs_at_once_all_complete(fast_pod: Pod) -> None:
    jobs = [fast_pod.submit({"text": PARAGRAPH, "seed": 100 + n}) for n in range(8)]
    assert {fast_pod.finished(job)["status"] for job in jobs} == {"COMPLETED"}


def test_the_preview_voice_speaks_and_says_what_it_is(tmp_path: Path) -> None:
    with running(tmp_path, "--idle-timeout", "60") as pod:
        [record] = pod.runsync({"text": "Good morning."})["output"]
        assert record["engine"] == "preview"
        assert 500 < record["duration_ms"] < 4_000
        assert "=== Initializing Preview TTS (module-level singleton) ===" in pod.text_of_log()


def test_the_log_of_a_run_holds_neither_text_nor_audio(fast_pod: Pod) -> None:
    [record] = fast_pod.runsync({"text": "Quinquireme of Nineveh."})["output"]
    fast_pod.runsync({"text": "Quinquireme of Nineveh.", "speed": 99})
    until(lambda: "invalid_input" in fast_pod.text_of_log())
    assert "Quinquireme" not in fast_pod.text_of_log()
    assert record["audio_base64"][200:240] not in fast_pod.text_of_log()


def test_a_worker_that_is_idle_is_stopped_and_started_again_for_the_next_job(tmp_path: Path) -> None:
    with running(tmp_path, "--idle-timeout", "0.5", TTS_ENGINE="tone") as pod:
        assert pod.runsync({"text": "One."})["status"] == "COMPLETED"
        until(lambda: sum(pod.call("GET", "/health")["workers"].values()) == 0)
        assert pod.runsync({"text": "Two."})["status"] == "COMPLETED"


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("TTS_ENGINE", "chatterbox", "worker: TTS_ENGINE='chatterbox': expected one of"),
        ("TTS_ENGIN", "tone", "worker: TTS_ENGIN is not a setting"),
        ("RUNPOD_ENDPOINT_ID", "abc123", "worker: no Chatterbox weights in"),
    ],
)
def test_a_worker_that_cannot_start_says_one_line_and_exits_with_1(name: str, value: str, said: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "worker"], env={name: value}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stderr.startswith(said)
    assert done.stderr.count("\n") == 1


def test_a_port_in_use_is_one_clear_line(fast_pod: Pod) -> None:
    port = fast_pod.url.split(":")[2].split("/")[0]
    done = subprocess.run(
        [sys.executable, "-m", "localpod", "--port", port], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stderr.startswith(f"localpod: cannot listen on 127.0.0.1:{port}")
