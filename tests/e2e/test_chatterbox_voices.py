"""Voices that Chatterbox learns, on tiny random weights, through RunPod's unmodified SDK."""

import base64
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.kits.clips import wav
from tests.kits.pods import Pod, gatewaying, running, until
from worker.voices.demo_voices import demo_clips

TEXT = "The keeper waited, and nobody waved."
TURNS: list[dict[str, Any]] = [
    {"voice": "harbour", "text": "Who is there?"},
    {"voice": "islander", "text": "Only me.", "pause_ms": 400},
    {"voice": "harbour", "text": "You again."},
    {"text": "The door opened."},
]
Start = Callable[..., AbstractContextManager[Pod]]
Record = dict[str, Any]


@pytest.fixture(scope="module")
def start(tiny_weights: Path, tmp_path_factory: pytest.TempPathFactory) -> Start:
    """Starts workers that share one volume."""
    volume = tmp_path_factory.mktemp("volume")
    env = {
        "TTS_ENGINE": "chatterbox-turbo",
        "TTS_DEVICE": "cpu",
        "TTS_MODEL_DIR": str(tiny_weights),
        "TTS_VOICES_DIR": str(volume / "voices"),
    }
    return lambda **more: running(volume / "cache", "--idle-timeout", "60", **env | more)


@pytest.fixture(scope="module")
def pod(start: Start) -> Iterator[Pod]:
    """A worker that has learned the two demo voices by jobs."""
    with start() as pod:
        for name, clip in demo_clips().items():
            answer = add(pod, name, clip)
            assert answer["status"] == "COMPLETED", answer
        yield pod


def add(pod: Pod, name: str, clip: bytes) -> Any:
    clip_base64 = base64.b64encode(clip).decode()
    return pod.runsync({"op": "voice_add", "name": name, "clip_base64": clip_base64})


def only(pod: Pod, given: Record) -> Record:
    """Return the one record of a job."""
    reply = pod.runsync(given)
    assert reply["status"] == "COMPLETED", reply
    [record] = reply["output"]
    assert isinstance(record, dict)
    return record


def counts(pod: Pod) -> tuple[int, int, int]:
    """Return how many voices the worker learned, recalled, and has ready."""
    info = only(pod, {"op": "info"})
    return info["voices_learned"], info["voices_recalled"], info["voices_ready"]


def test_voices_that_jobs_added_are_listed_and_not_learned_again(pod: Pod) -> None:
    assert only(pod, {"op": "voices"})["voices"] == ["default", "harbour", "islander"]
    before = counts(pod)
    for text in ("One.", "Two.", "Three."):
        only(pod, {"text": text, "voice": "harbour"})
    assert counts(pod) == before


def test_the_same_text_in_three_voices_is_three_speeches_and_three_entries_of_the_cache(pod: Pod) -> None:
    first = [only(pod, {"text": TEXT, "voice": name}) for name in ("default", "harbour", "islander")]
    again = [only(pod, {"text": TEXT, "voice": name}) for name in ("default", "harbour", "islander")]
    assert len({record["cache_key"] for record in first}) == 3
    assert len({record["audio_base64"] for record in first}) == 3
    assert [record["cache_hit"] for record in first + again] == [False] * 3 + [True] * 3
    assert {record["engine"] for record in first} == {"chatterbox-turbo"}


def test_a_later_worker_recalls_voices_speaks_as_the_first_did_and_lets_go_what_its_memory_cannot_hold(
    pod: Pod, start: Start
) -> None:
    given = {"text": TEXT, "voice": "harbour", "cache": "off", "seed": 5}
    with start(TTS_VOICES_MEMORY_BYTES="1") as later:
        assert counts(later) == (0, 0, 0)
        assert only(later, given)["audio_base64"] == only(pod, given)["audio_base64"]
        until(lambda: counts(later)[2] == 0)  # what goes beyond the memory is let go after its job
        assert counts(later) == (0, 1, 0)
        refused = later.runsync({"turns": TURNS, "cache": "off"})
        assert refused["status"] == "FAILED"
        assert refused["error"].startswith("voice_unusable: the job's voices need more than ")
        only(later, {"text": TEXT, "voice": "islander"})
        until(lambda: counts(later)[2] == 0)
        assert counts(later)[0] == 0


def test_a_dialogue_of_two_learned_voices_and_the_default_is_one_job_in_order(pod: Pod) -> None:
    job = pod.submit({"turns": TURNS})
    records = [record for batch in pod.stream(job) for record in batch]
    segments = [segment for record in records for segment in record["segments"]]
    assert [(s["turn"], s["voice"], s["text"]) for s in segments] == [
        (number, turn.get("voice", "default"), turn["text"]) for number, turn in enumerate(TURNS)
    ]
    assert segments[2]["start_ms"] - segments[1]["end_ms"] == 400
    assert pod.status(job)["status"] == "COMPLETED"
    assert pod.runsync({"turns": TURNS})["output"][-1]["cache_hit"] is True


def test_another_clip_under_a_name_is_another_voice_until_it_is_removed(pod: Pod) -> None:
    given = {"text": TEXT, "voice": "guest"}
    records: list[Record] = []
    for pitch in (110, 220):
        assert add(pod, "guest", wav(pitch))["output"][0]["replaced"] is bool(records)
        records.append(only(pod, given))
    assert records[0]["cache_key"] != records[1]["cache_key"]
    assert records[0]["audio_base64"] != records[1]["audio_base64"]
    only(pod, {"op": "voice_remove", "name": "guest"})
    gone = pod.runsync(given)
    said = "unknown_voice: there is no voice 'guest'; the voices are default, harbour, islander"
    assert (gone["status"], gone["error"]) == ("FAILED", said)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"text": "Hello.", "voice": "nobody"}, "unknown_voice: there is no voice 'nobody'"),
        ({"turns": [*TURNS, {"text": "Me.", "voice": "nobody"}]}, "unknown_voice: there is no voice"),
        ({"op": "warm", "name": "nobody"}, "unknown_voice: there is no voice 'nobody'"),
        ({"op": "voice_remove", "name": "default"}, "invalid_input: name is 'default'"),
    ],
)
def test_what_names_no_voice_fails_alone(pod: Pod, given: Record, said: str) -> None:
    reply = pod.runsync(given)
    assert (reply["status"], reply["error"][: len(said)]) == ("FAILED", said)
    assert only(pod, {"op": "warm", "name": "harbour"})["voice"] == "harbour"


@pytest.mark.parametrize(
    ("clip", "said"),
    [
        (b"This is a text, not a voice.", "voice_unusable: the clip is not an audio file"),
        (wav(seconds=3), "voice_unusable: the clip has 3.0 s, expected more than 5 s"),
    ],
    ids=["a text", "too short"],
)
def test_a_clip_that_is_refused_leaves_no_voice(pod: Pod, clip: bytes, said: str) -> None:
    reply = add(pod, "stranger", clip)
    assert (reply["status"], reply["error"][: len(said)]) == ("FAILED", said)
    assert only(pod, {"op": "voices"})["voices"] == ["default", "harbour", "islander"]


def test_a_voice_is_added_heard_listed_and_removed_by_openais_form_through_the_gateway(pod: Pod) -> None:
    manager, speaker = "a-token-that-may-change-voices", "a-token-that-may-only-speak"
    tokens = {"GATEWAY_TOKENS": speaker, "GATEWAY_VOICE_TOKENS": manager}
    given = {"input": TEXT, "voice": "visitor", "response_format": "pcm", "cache": "off", "seed": 5}
    clip, refused = wav(180), wav(seconds=3)
    with (
        gatewaying(pod.url.removesuffix("/v2/local"), **tokens) as (url, _),
        httpx.Client(
            base_url=f"{url}/v1", headers={"Authorization": f"Bearer {manager}"}, timeout=100
        ) as http,
    ):

        def names() -> set[str]:
            return {voice["id"] for voice in http.get("/audio/voices").json()["data"]}

        def added(clip: bytes) -> Any:
            files = {"audio_sample": ("visitor.wav", clip, "audio/wav")}
            return http.post("/audio/voices", data={"name": "visitor"}, files=files)

        before = names()
        assert (added(refused).status_code, added(refused).json()["error"]["code"]) == (400, "voice_unusable")
        assert added(clip).json() | {"seconds": 0} == {
            "object": "audio.voice",
            "id": "visitor",
            "name": "visitor",
            "seconds": 0,
            "replaced": False,
        }
        assert names() == before | {"visitor"}
        spoken = [
            http.post(
                "/audio/speech", json=given | {"voice": voice}, headers={"Authorization": f"Bearer {token}"}
            )
            for voice, token in (("visitor", speaker), ("visitor", manager), ("default", speaker))
        ]
        assert [answer.status_code for answer in spoken] == [200] * 3
        assert spoken[0].content == spoken[1].content != spoken[2].content
        foreign = {"Authorization": f"Bearer {speaker}"}
        assert http.delete("/audio/voices/visitor", headers=foreign).status_code == 403
        assert http.delete("/audio/voices/visitor").json()["deleted"] is True
        assert names() == before
        gone = [http.post("/audio/speech", json=given), http.delete("/audio/voices/visitor")]
    assert [(answer.status_code, answer.json()["error"]["code"]) for answer in gone] == [
        (400, "unknown_voice"),
        (400, "unknown_voice"),
    ]
