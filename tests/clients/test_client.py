"""What the client receives equals what was made, whatever happens on the way."""

import base64
from typing import Any

import pytest
from chatterpod import (
    ApiError,
    AuthError,
    Client,
    ConfigError,
    Incomplete,
    JobCancelled,
    JobFailed,
    JobTimedOut,
)

from tests.kits.endpoint import FakeEndpoint, records

MADE = records(5)
AUDIO = b"".join(base64.b64decode(record["audio_base64"]) for record in MADE)


class Sleeps(list[float]):
    """Remembers the waits instead of waiting."""

    def __call__(self, seconds: float) -> None:
        self.append(seconds)


def client_of(endpoint: FakeEndpoint, sleeps: Sleeps | None = None) -> Client:
    sleep = Sleeps() if sleeps is None else sleeps
    return Client("ep", "sk-secret", "http://fake/v2", transport=endpoint, sleep=sleep)


def received(endpoint: FakeEndpoint) -> bytes:
    with client_of(endpoint) as client, client.stream("Hello.") as chunks:
        return b"".join(chunk.audio for chunk in chunks)


def one_each() -> list[list[dict[str, Any]]]:
    return [[record] for record in MADE]


@pytest.mark.parametrize(
    "batches",
    [
        one_each(),
        [MADE],
        [[], *one_each()],
        [[MADE[0], MADE[0]], MADE[:3], MADE[2:]],
        [MADE[:2], [], [], MADE[2:]],
    ],
)
def test_records_become_the_audio_however_they_are_batched(batches: list[list[dict[str, Any]]]) -> None:
    assert received(FakeEndpoint(batches)) == AUDIO


@pytest.mark.parametrize("fault", ["lost", "429", "500", "502", "503"])
@pytest.mark.parametrize("at", range(1, 6))
def test_no_audio_is_missing_after_a_lost_or_refused_reply(fault: str, at: int) -> None:
    assert received(FakeEndpoint(one_each(), MADE, {at: fault})) == AUDIO


def test_records_that_stream_no_longer_has_are_taken_from_status() -> None:
    endpoint = FakeEndpoint([MADE[:2], MADE[3:]], MADE)
    assert received(endpoint) == AUDIO
    assert "/status/job-1" in endpoint.seen


@pytest.mark.parametrize("before", range(1, 5))
@pytest.mark.parametrize("frames", [10, 7, 50])
def test_a_job_that_runpod_runs_again_continues_where_it_was(before: int, frames: int) -> None:
    again = records(-(-50 // frames), "b", frames)
    again[-1]["audio_base64"] = base64.b64encode(
        base64.b64decode(again[-1]["audio_base64"])[: len(AUDIO) - (len(again) - 1) * frames * 192]
    ).decode()
    endpoint = FakeEndpoint([MADE[:before], *[[record] for record in again]])
    assert received(endpoint) == AUDIO


def test_the_last_chunk_alone_has_the_summary() -> None:
    with client_of(FakeEndpoint(one_each())) as client, client.stream("Hello.") as chunks:
        summaries = [chunk.summary for chunk in chunks]
    assert summaries[:-1] == [None] * 4
    assert summaries[-1] is not None
    assert summaries[-1]["engine"] == "tone"
    assert "audio_base64" not in summaries[-1]


def test_leaving_early_cancels_the_job_and_reading_to_the_end_does_not() -> None:
    left, read = FakeEndpoint(one_each()), FakeEndpoint(one_each())
    with client_of(left) as client, client.stream("Hello.") as chunks:
        next(chunks)
    assert received(read) == AUDIO
    assert (left.cancelled, read.cancelled) == (True, False)


@pytest.mark.parametrize(
    ("end", "kind", "message"),
    [
        ({"status": "FAILED", "error": "invalid_input: text is null"}, JobFailed, "text is null"),
        ({"status": "FAILED"}, JobFailed, "does not say why"),
        ({"status": "CANCELLED"}, JobCancelled, "cancelled"),
        ({"status": "TIMED_OUT"}, JobTimedOut, "longer than"),
        ({"status": "COMPLETED"}, Incomplete, "its record 2 is missing"),
    ],
)
def test_a_job_that_ends_without_its_last_record_raises(
    end: dict[str, Any], kind: type, message: str
) -> None:
    with pytest.raises(kind, match=message):
        received(FakeEndpoint([MADE[:2]], MADE[:2], end=end))


def test_a_failed_job_has_the_workers_code() -> None:
    with pytest.raises(JobFailed) as caught:
        received(FakeEndpoint([], end={"status": "FAILED", "error": "unknown_voice: there is no voice 'x'"}))
    assert caught.value.code == "unknown_voice"


def test_speak_polls_for_a_runsync_that_is_answered_before_its_job_ends() -> None:
    endpoint = FakeEndpoint([], MADE)
    with client_of(endpoint) as client:
        speech = client.speak("Hello.")
    assert endpoint.seen[0].startswith("/runsync")
    assert speech.audio == AUDIO
    assert speech.duration_ms == 1_200
    assert [segment["text"] for segment in speech.segments] == ["s0", "s1", "s2", "s3", "s4"]


def test_waits_grow_while_the_job_is_queued_and_follow_retry_after() -> None:
    sleeps = Sleeps()
    endpoint = FakeEndpoint([[], [], [], MADE], faults={1: "429"})
    with client_of(endpoint, sleeps) as client, client.stream("Hello.") as chunks:
        list(chunks)
    assert sleeps[0] >= 1
    assert sleeps[1:] == sorted(sleeps[1:])


@pytest.mark.parametrize(("status", "kind"), [("401", AuthError), ("403", AuthError), ("404", ApiError)])
def test_a_refused_key_and_a_missing_endpoint_are_errors_without_the_key(status: str, kind: type) -> None:
    with pytest.raises(kind) as caught:
        received(FakeEndpoint([], faults={0: status}))
    assert "sk-secret" not in str(caught.value)


@pytest.mark.parametrize("fault", ["lost", "429", "500", "503"])
def test_a_submission_whose_reply_was_lost_is_sent_again(fault: str) -> None:
    endpoint = FakeEndpoint(one_each(), faults={0: fault})
    assert received(endpoint) == AUDIO
    assert endpoint.seen[:2] == ["/run", "/run"]


def test_without_a_key_or_an_endpoint_the_error_says_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RUNPOD_ENDPOINT_ID", "RUNPOD_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(ConfigError, match="RUNPOD_ENDPOINT_ID") as caught:
        Client()
    assert caught.value.code == "no_endpoint"
    with pytest.raises(ConfigError, match="RUNPOD_API_KEY") as caught:
        Client("ep")
    assert caught.value.code == "no_key"


@pytest.mark.parametrize("fault", ["524", "slow"])
def test_a_runsync_that_timed_out_on_the_way_is_submitted_as_a_job(fault: str) -> None:
    endpoint = FakeEndpoint([], MADE, faults={0: fault})
    with client_of(endpoint) as client:
        assert client.speak("Hello.").audio == AUDIO
    assert [path.partition("?")[0] for path in endpoint.seen[:2]] == ["/runsync", "/run"]


def test_a_job_that_takes_too_long_is_given_up_and_cancelled() -> None:
    endpoint = FakeEndpoint([[] for _ in range(50)])
    with (
        Client("ep", "sk", "http://fake/v2", transport=endpoint, sleep=Sleeps(), timeout=0.0) as client,
        client.stream("Hello.") as chunks,
        pytest.raises(JobTimedOut, match="not done within 0 s"),
    ):
        next(chunks)
    assert endpoint.cancelled


@pytest.mark.parametrize("kind", ["engine_failed", "out_of_memory", "shutting_down"])
def test_after_a_failure_that_may_pass_another_job_brings_the_missing_audio(kind: str) -> None:
    class Failing(FakeEndpoint):
        submitted = 0

        def route(self, path: str, body: dict[str, Any]) -> dict[str, Any] | None:
            self.submitted += path == "/run"
            if self.submitted == 1 and path.startswith("/status"):
                return {"status": "FAILED", "error": f"{kind}: once"}
            if self.submitted == 1 and path.startswith("/stream"):
                items = [{"output": record} for record in MADE[:2]] if self.batches.pop(0) else []
                return {"status": "FAILED", "stream": items}
            return super().route(path, body)

    assert received(Failing([MADE, [], MADE])) == AUDIO


@pytest.mark.parametrize("width", [0, -1, 101])
def test_a_width_out_of_range_is_refused(width: int) -> None:
    with client_of(FakeEndpoint([])) as client, pytest.raises(ConfigError, match="expected 1 to 100"):
        client.speak("word. " * 5_000, width=width)
