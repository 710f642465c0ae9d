"""Voices that come and go by jobs, and a dialogue, through RunPod's unmodified SDK."""

import base64
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.kits.clips import wav
from tests.kits.https import serving
from tests.kits.pods import Pod, running

TWENTY = [
    {"text": f"This is what turn number {n} has to say.", "voice": "ann" if n % 2 else "bob", "pause_ms": 300}
    for n in range(20)
]


@pytest.fixture(scope="module")
def pod(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pod]:
    """The tone, with a folder of voices of its own."""
    folder = tmp_path_factory.mktemp("voices")
    env = {"TTS_ENGINE": "tone", "TTS_TONE_SPEED": "10000", "TTS_VOICES_DIR": str(folder / "voices")}
    with running(folder / "cache", "--idle-timeout", "60", **env) as pod:
        yield pod


def add(pod: Pod, name: str, clip: bytes) -> Any:
    clip_base64 = base64.b64encode(clip).decode()
    return pod.runsync({"op": "voice_add", "name": name, "clip_base64": clip_base64})


def test_a_dialogue_of_20_turns_in_two_voices_is_one_job_in_order_with_captions(pod: Pod) -> None:
    for name, pitch in (("ann", 100), ("bob", 200)):
        assert add(pod, name, wav(pitch))["status"] == "COMPLETED"
    job = pod.submit({"turns": TWENTY})
    records = [record for batch in pod.stream(job) for record in batch]
    segments = [segment for record in records for segment in record["segments"]]
    said = [(s["turn"], s["voice"], s["text"]) for s in segments]
    assert said == [(n, turn["voice"], turn["text"]) for n, turn in enumerate(TWENTY)]
    for before, after in itertools.pairwise(segments):
        assert after["start_ms"] - before["end_ms"] == 300
    assert [record["seq"] for record in records] == list(range(len(records)))
    assert pod.status(job)["status"] == "COMPLETED"
    assert pod.runsync({"turns": TWENTY})["output"][-1]["cache_hit"] is True


def test_a_voice_can_be_listed_warmed_spoken_with_and_removed(pod: Pod) -> None:
    add(pod, "cat", wav(150))
    assert "cat" in pod.runsync({"op": "voices"})["output"][0]["voices"]
    assert pod.runsync({"op": "warm", "name": "cat"})["output"][0]["voice"] == "cat"
    [spoken] = pod.runsync({"text": "Hello.", "voice": "cat"})["output"]
    [plain] = pod.runsync({"text": "Hello."})["output"]
    assert spoken["audio_base64"] != plain["audio_base64"]
    assert pod.runsync({"op": "voice_remove", "name": "cat"})["status"] == "COMPLETED"
    gone = pod.runsync({"text": "Hello.", "voice": "cat"})
    assert (gone["status"], gone["error"][:15]) == ("FAILED", "unknown_voice: ")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (
            {"op": "voice_add", "name": "dan", "clip_base64": "aGVsbG8="},
            "voice_unusable: the clip is not an audio",
        ),
        ({"op": "voice_add", "name": "../dan", "clip_base64": "aGVsbG8="}, "invalid_input: name is"),
        ({"op": "voice_remove", "name": "nobody"}, "unknown_voice: there is no voice 'nobody'"),
        ({"text": "a", "voice_url": "https://127.0.0.1:9/a.wav"}, "voice_unusable: voice_url was refused"),
        ({"text": "a", "voice_url": "https://169.254.169.254/a"}, "voice_unusable: voice_url was refused"),
        ({"text": "a", "voice_url": "https://localhost/a.wav"}, "voice_unusable: voice_url was refused"),
    ],
)
def test_bad_clips_names_and_addresses_fail_the_job_with_the_reason(pod: Pod, given: Any, said: str) -> None:
    reply = pod.runsync(given)
    assert reply["status"] == "FAILED"
    assert reply["error"].startswith(said)
    assert pod.runsync({"text": "Next, please."})["status"] == "COMPLETED"


def test_a_clip_is_fetched_from_a_server_that_the_operator_allows(tmp_path: Path) -> None:
    with serving(tmp_path, {"/ann.wav": wav(), "/big.wav": bytes(10_000_001)}) as (address, certificate):
        env = {
            "TTS_ENGINE": "tone",
            "RUNPOD_ALLOW_PRIVATE_DOWNLOAD_URLS": "true",
            "SSL_CERT_FILE": str(certificate),
        }
        with running(tmp_path / "cache", "--idle-timeout", "60", **env) as pod:
            [record] = pod.runsync({"text": "Hello.", "voice_url": f"{address}/ann.wav"})["output"]
            assert record["audio_base64"] != pod.runsync({"text": "Hello."})["output"][0]["audio_base64"]
            for path, said in (("none.wav", "answered with status 404"), ("big.wav", "was refused")):
                reply = pod.runsync({"text": "Hello.", "voice_url": f"{address}/{path}"})
                assert reply["error"].startswith(f"voice_unusable: voice_url {said}")
