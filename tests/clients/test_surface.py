"""The package's public names, options and errors, and RunPodServerlessClient."""

import base64
from pathlib import Path
from typing import Any

import chatterpod
import httpx
import pytest
from chatterpod import (
    ApiError,
    AsyncClient,
    Client,
    ConfigError,
    JobFailed,
    OutOfMemory,
    RunPodServerlessClient,
    UnknownVoice,
)
from chatterpod.errors import KINDS, job_failed
from chatterpod.request import InputOptions

from tests.kits.endpoint import FakeEndpoint, records


def test_the_public_names_are_these() -> None:
    clients = {"AsyncClient", "AsyncJob", "Client", "Job", "RunPodServerlessClient"}
    clients |= {"AsyncSpeechContext", "SpeechContext"}
    values = {"Chapter", "Chunk", "Folder", "Heard", "Retake", "Speech", "srt", "vtt"}
    platform = {"ApiError", "AuthError", "ChatterpodError", "ConfigError", "Incomplete", "NotFound"}
    jobs = {"JobCancelled", "JobFailed", "JobTimedOut"} | {kind.__name__ for kind in KINDS.values()}
    assert set(chatterpod.__all__) == clients | values | platform | jobs
    assert all(hasattr(chatterpod, name) for name in chatterpod.__all__)


def test_every_error_code_of_the_worker_has_a_class() -> None:
    from worker import errors  # noqa: PLC0415 - for the comparison alone

    def codes(kind: type) -> set[str]:
        return {kind.code}.union(*map(codes, kind.__subclasses__()))  # type: ignore[attr-defined]

    assert set(KINDS) == codes(errors.SpeechError)


def test_the_options_are_the_fields_of_the_workers_request() -> None:
    from worker.request import SpeechRequest  # noqa: PLC0415 - for the comparison alone

    beside = {"webhook", "policy", "s3Config"}
    assert set(InputOptions.__annotations__) == set(SpeechRequest.model_fields) - {"text"} | beside


def test_type_checkers_find_a_misspelt_option_and_the_worker_gets_it_all_the_same() -> None:
    endpoint = FakeEndpoint([])
    with Client("ep", "sk", "http://fake/v2", transport=endpoint) as client:
        client.submit("Hello.", sped=1.1)  # type: ignore[call-arg]  # mypy reports an ignore without an error
        client.submit("Hello.", speed="fast")  # type: ignore[arg-type]  # likewise
    assert endpoint.seen == ["/run", "/run"]


@pytest.mark.parametrize(
    ("reason", "kind", "code", "message"),
    [
        ("unknown_voice: there is no voice 'x'", UnknownVoice, "unknown_voice", "there is no voice 'x'"),
        ("out_of_memory: too much", OutOfMemory, "out_of_memory", "too much"),
        ("new_code: of a later worker", JobFailed, "new_code", "of a later worker"),
        ("Worker exited: 137", JobFailed, "failed", "Worker exited: 137"),
        ('{"error_message": "no GPU", "traceback": "File"}', JobFailed, "failed", "no GPU"),
        ("handler: boom\nTraceback: File /secret.py", JobFailed, "failed", "handler: boom"),
        (None, JobFailed, "failed", "the job failed, and the endpoint does not say why"),
    ],
)
def test_a_failure_becomes_the_error_of_its_code_in_one_line(
    reason: Any, kind: type, code: str, message: str
) -> None:
    error = job_failed(reason)
    assert (type(error), error.code, str(error)) == (kind, code, message)


def replies_client(endpoint: FakeEndpoint) -> RunPodServerlessClient:
    return RunPodServerlessClient(
        "ep", "sk", base_url="http://fake/v2", transport=endpoint, sleep=lambda _: None
    )


def test_the_output_is_one_object_whether_the_worker_sent_a_list_or_an_object(
    tmp_path: Path,
) -> None:
    made = records(3)
    audio = b"".join(base64.b64decode(record["audio_base64"]) for record in made)
    for aggregate in (made, records(1)[0]):
        with replies_client(FakeEndpoint([], aggregate)) as client:  # type: ignore[arg-type]  # a bare record too
            reply = client.runsync("Hello.")
            saved = client.save_audio(reply, tmp_path / "a.mp3")
            assert saved.read_bytes() == base64.b64decode(reply["output"]["audio_base64"])
    endpoint = FakeEndpoint([], made)
    with replies_client(endpoint) as client:
        job = client.run({"input": {"text": "Hello."}})
        assert not endpoint.cancelled
        assert (
            client.save_audio(client.poll_until_complete(job["id"]), tmp_path / "b.mp3").read_bytes() == audio
        )


def test_a_reply_without_audio_is_refused_by_save_audio(tmp_path: Path) -> None:
    for reply in ({}, {"output": None}, {"output": {"audio_base64": None}}):
        with pytest.raises(ConfigError, match="no audio_base64"):
            RunPodServerlessClient.save_audio(reply, tmp_path / "x.mp3")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        (None, {}, "text or turns is required"),
        ("Hi.", {"turns": [{"text": "Hi."}]}, "text or turns is required"),
        (7, {}, "text is a number, expected a string"),
        (None, {"turns": []}, "turns is not a list of objects"),
        (None, {"turns": ["Hi."]}, "turns is not a list of objects"),
        ("Hi \ud800.", {}, "the text has a lone surrogate"),
        ("Hi.", {"speed": float("nan")}, "cannot be sent as JSON"),
        ("Hi.", {"voice": b"ann"}, "cannot be sent as JSON"),
    ],
)
def test_an_invalid_input_is_refused_before_anything_is_sent(
    text: Any, options: dict[str, Any], message: str
) -> None:
    endpoint = FakeEndpoint([])
    with (
        Client("ep", "sk", "http://fake/v2", transport=endpoint) as client,
        pytest.raises(ConfigError, match=message),
    ):
        client.speak(text, **options)
    assert endpoint.seen == []


@pytest.mark.parametrize(
    ("endpoint", "key", "url"),
    [
        ("a/b", "k", None),
        ("a", "k\nx", None),
        ("a", "kéy", None),
        ("a", "k", "file:///etc"),
        ("a", "k", "http://a:b:c"),
    ],
)
def test_a_malformed_endpoint_or_key_is_refused_without_being_shown(
    endpoint: str, key: str, url: str | None
) -> None:
    with pytest.raises(ConfigError) as caught:
        Client(endpoint, key, url)
    assert key not in str(caught.value).split()


class Nobody(httpx.MockTransport):
    """A host where nobody listens."""

    def __init__(self) -> None:
        super().__init__(self.answer)

    def answer(self, request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)


async def test_an_endpoint_that_cannot_be_reached_is_named_by_its_host_alone() -> None:
    arguments = ("ep", "sk-secret", "http://user:word@speech.example:8443/v2?token=secret")

    async def at_once(_seconds: float) -> None:
        """Wait for nothing."""

    messages = []
    with (
        Client(*arguments, transport=Nobody(), sleep=lambda _: None) as client,
        pytest.raises(ApiError) as caught,
    ):
        client.speak("Hello.")
    messages.append(str(caught.value))
    async with AsyncClient(*arguments, transport=Nobody(), sleep=at_once) as other:
        with pytest.raises(ApiError) as caught:
            await other.speak("Hello.")
    messages.append(str(caught.value))
    assert messages == ["the endpoint cannot be reached at speech.example:8443 (ConnectError)"] * 2
