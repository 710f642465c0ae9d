"""The client of the RunPod guide: the same four methods, and `stream`."""

import base64
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Self

from chatterpod import operations
from chatterpod.client import Client
from chatterpod.errors import ConfigError
from chatterpod.given import given_of
from chatterpod.speech import saved

__all__ = ["RunPodServerlessClient"]


class RunPodServerlessClient:
    """Runs jobs of one endpoint and returns RunPod's replies as dictionaries.

    `output` is the object that the guide shows (`audio_base64`, `mimetype`, `cache_hit` …), also
    where the worker sent it in several records.

    Raises:
        ConfigError: There is no endpoint or no key.
    """

    def __init__(self, endpoint_id: str | None = None, api_key: str | None = None, **settings: Any) -> None:
        self._client = Client(endpoint_id, api_key, **settings)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def runsync(self, text: str | Mapping[str, Any], **options: Any) -> dict[str, Any]:
        """Speak and wait for it; return the reply. The text may also be the whole input.

        Raises:
            ChatterpodError: One of its kinds.
        """
        given = {"stream": False, **input_of(text, options)}
        return with_output(self._client.perform(lambda s, jobs: operations.finished(s, given, jobs)))

    def run(self, text: str | Mapping[str, Any], **options: Any) -> dict[str, Any]:
        """Queue a speech; return RunPod's reply, with the job's `id`."""
        given = {"stream": False, **input_of(text, options)}
        job = self._client.submit(given.pop("text", None), **given).id
        return {"id": job, "status": "IN_QUEUE"}

    def poll_until_complete(self, job_id: str, timeout: float | None = None) -> dict[str, Any]:
        """Wait for a job's end; return the reply. No interval: polling adapts.

        Args:
            job_id: The `id` in what `run` returned.
            timeout: Seconds; by default the client's.

        Raises:
            ChatterpodError: One of its kinds; `JobTimedOut` when the time is over.
        """
        return with_output(self._client.perform(lambda s, _: operations.result(s, job_id), timeout=timeout))

    def stream(self, text: str | Mapping[str, Any], **options: Any) -> Iterator[bytes]:
        """Yield MP3 frames as they are made.

        Raises:
            ChatterpodError: One of its kinds.
        """
        given = input_of(text, options)
        with self._client.stream(given.pop("text", None), **given) as chunks:
            for chunk in chunks:
                yield chunk.audio

    @staticmethod
    def save_audio(reply: Mapping[str, Any], path: str | Path) -> Path:
        """Write the audio of a reply, or of its `output`, to a file.

        Raises:
            ConfigError: There is no audio in it.
        """
        output = reply.get("output", reply)
        encoded = output.get("audio_base64") if isinstance(output, Mapping) else None
        if not isinstance(encoded, str):
            raise ConfigError("the reply has no audio_base64 in its output")
        return saved(base64.b64decode(encoded), path)


def input_of(text: str | Mapping[str, Any], options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the input of a job, from a text and options or from an input as the guide has it."""
    if not isinstance(text, Mapping):
        return given_of(text, options)
    given = dict(text.get("input", text)) if isinstance(text.get("input"), Mapping) else dict(text)
    return {**given, **options}


def with_output(reply: Mapping[str, Any]) -> dict[str, Any]:
    """Return a reply whose `output` is one object instead of a list of records."""
    speech = operations.speech_of(reply)
    audio = base64.b64encode(speech.audio).decode()
    return {**reply, "output": {"audio_base64": audio, **speech.summary, "segments": list(speech.segments)}}
