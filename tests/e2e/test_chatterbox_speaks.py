"""Chatterbox-Turbo, on tiny random weights, through RunPod's unmodified SDK: noise, but the real way."""

import base64
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import pytest

from encoder import read_file
from tests.kits.pods import Pod, running, until

TEXT = "The keeper waited. A boat came round the point at half past nine, and nobody waved."
GUIDE = {
    "audio_base64", "mimetype", "size_bytes", "cache_hit", "cache_key", "device", "chunks_processed",
    "generation_time_ms",
}  # fmt: skip
Record = dict[str, Any]


@pytest.fixture(scope="module")
def pod(tiny_weights: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pod]:
    cache = tmp_path_factory.mktemp("cache")
    options = {"TTS_ENGINE": "chatterbox-turbo", "TTS_DEVICE": "cpu", "TTS_MODEL_DIR": str(tiny_weights)}
    with running(cache, "--idle-timeout", "60", **options) as started:
        yield started


def audio_of(records: list[Record]) -> bytes:
    return b"".join(base64.b64decode(record["audio_base64"]) for record in records)


def decoded_samples(mp3: bytes) -> int:
    with av.open(io.BytesIO(mp3)) as container:
        return sum(frame.samples for frame in container.decode(audio=0))


def records_of(pod: Pod, given: dict[str, Any]) -> list[Record]:
    job = pod.submit(given)
    return [record for batch in pod.stream(job) for record in batch]


def test_the_start_is_logged_with_the_lines_that_operators_look_for(pod: Pod) -> None:
    pod.runsync({"text": "Hello."})
    log = pod.text_of_log()
    wanted = (
        "=== Initializing Chatterbox TTS (module-level singleton) ===",
        "Loading Chatterbox-Turbo model (singleton)...",
        "Device: cpu",
        "\u2713 Model loaded in ",
        "RANDOM WEIGHTS",
    )
    places = [log.find(line) for line in wanted]
    assert places == sorted(places)
    assert min(places) >= 0


def test_streamed_records_put_together_are_the_cached_files_frames_on_a_miss_and_on_a_hit(pod: Pod) -> None:
    miss = records_of(pod, {"text": TEXT})
    hit = records_of(pod, {"text": TEXT})
    [whole] = pod.runsync({"text": TEXT})["output"]
    assert [miss[-1]["cache_hit"], hit[-1]["cache_hit"], whole["cache_hit"]] == [False, True, True]
    assert [record["seq"] for record in miss] == list(range(len(miss)))
    assert audio_of(miss) == audio_of(hit) == read_file(audio_of([whole])).audio
    assert miss[-1]["engine"] == "chatterbox-turbo"


def test_a_short_runsync_has_every_field_of_the_guide_and_decodes_whole(pod: Pod) -> None:
    [record] = pod.runsync({"text": TEXT, "seed": 3})["output"]
    assert set(record) >= GUIDE
    assert decoded_samples(audio_of([record])) == read_file(audio_of([record])).samples


def test_a_seed_repeats_the_speech_and_another_changes_it(pod: Pod) -> None:
    speech = [audio_of(records_of(pod, {"text": TEXT, "seed": seed, "cache": "off"})) for seed in (7, 7, 8)]
    assert speech[0] == speech[1]
    assert speech[0] != speech[2]


def test_speech_is_the_same_beside_others(pod: Pod) -> None:
    alone = audio_of(records_of(pod, {"text": TEXT, "seed": 11, "cache": "off"}))
    jobs = [pod.submit({"text": f"{TEXT} {n}", "cache": "off"}) for n in range(3)]
    beside = audio_of(records_of(pod, {"text": TEXT, "seed": 11, "cache": "off"}))
    assert alone == beside
    assert {pod.finished(job)["status"] for job in jobs} == {"COMPLETED"}


@pytest.mark.parametrize("speed", [0.5, 2.0])
def test_speed_divides_the_length_of_the_speech(pod: Pod, speed: float) -> None:
    plain, paced = (
        records_of(pod, {"text": "The keeper waited.", "speed": pace, "cache": "off"})[-1]["segments"][-1]
        for pace in (1.0, speed)
    )
    lengths = [segment["end_ms"] - segment["start_ms"] for segment in (plain, paced)]
    assert abs(lengths[1] - lengths[0] / speed) <= 2  # the times are whole milliseconds


def test_options_that_the_engine_lacks_are_refused_before_any_work(pod: Pod) -> None:
    for given, said in (
        ({"language": "de"}, "unsupported_language"),
        (
            {"exaggeration": 0.7},
            "invalid_input: exaggeration is not an option of the chatterbox-turbo engine",
        ),
        ({"temperature": 9.0}, "invalid_input: temperature is 9"),
    ):
        reply = pod.runsync({"text": TEXT, **given})
        assert reply["status"] == "FAILED"
        assert said in str(reply["error"])


def test_a_cancelled_job_leaves_the_engine_free_for_the_next(pod: Pod) -> None:
    job = pod.submit({"text": TEXT * 20, "cache": "off"})
    until(lambda: pod.status(job)["status"] == "IN_PROGRESS")
    pod.call("POST", f"/cancel/{job}")
    assert pod.status(job)["status"] == "CANCELLED"
    assert pod.runsync({"text": "And the next?"})["status"] == "COMPLETED"


def test_speech_that_never_stops_is_spoken_again_and_delivered_with_a_warning_but_not_kept(
    tiny_weights: Path, tmp_path: Path
) -> None:
    weights = tmp_path / "weights"
    weights.mkdir()
    for file in tiny_weights.iterdir():
        if file.name != "manifest.json":  # which says that the weights are random and not to be judged
            (weights / file.name).symlink_to(file)
    options = {"TTS_ENGINE": "chatterbox-turbo", "TTS_DEVICE": "cpu", "TTS_MODEL_DIR": str(weights)}
    with running(tmp_path / "cache", "--idle-timeout", "60", **options) as pod:
        for _ in range(2):
            [record] = pod.runsync({"text": "Who is there?"})["output"]
            [warning] = record["warnings"]
            assert warning.startswith("a segment may sound wrong after 3 tries: ")
            assert decoded_samples(audio_of([record])) > 0
            assert record["cache_hit"] is False
