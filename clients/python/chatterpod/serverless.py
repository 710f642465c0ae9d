"""A client that returns RunPod's replies as dictionaries."""

import base64
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Self, Unpack

from chatterpod import operations
from chatterpod.client import Client
from chatterpod.errors import ConfigError
from chatterpod.request import InputOptions, input_of
from chatterpod.speech import saved

__all__ = ["RunPodServerlessClient"]


class RunPodServerlessClient:
    """For scripts that work with RunPod's replies as dictionaries; new code is better served by `Client`.

    Its methods are named after RunPod's operations: `runsync`, `run`, `poll_until_complete`. In each
    reply `output` is one object (`audio_base64`, `mimetype`, `cache_hit` …), even if the worker sent
    several records. The arguments are those of `Client`.

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

    def runsync(self, text: str | Mapping[str, Any], **options: Unpack[InputOptions]) -> dict[str, Any]:
        """Speak a text, or a whole input; wait until it is done and return RunPod's reply.

        Raises:
            ChatterpodError: One of its kinds.
        """
        job_input = {"stream": False, **whole_input(text, options)}
        return with_output(self._client.perform(lambda s, jobs: operations.finished(s, job_input, jobs)))

    def run(self, text: str | Mapping[str, Any], **options: Unpack[InputOptions]) -> dict[str, Any]:
        """Queue a speech; return RunPod's reply with the job's `id`."""
        job_input = {"stream": False, **whole_input(text, options)}
        job = self._client.submit(job_input.pop("text", None), **job_input).id
        return {"id": job, "status": "IN_QUEUE"}

    def poll_until_complete(self, job_id: str, timeout: float | None = None) -> dict[str, Any]:
        """Wait until a job has ended; return RunPod's reply. How often it asks adapts to the job.

        Args:
            job_id: The `id` in the reply of `run`.
            timeout: Seconds to wait; by default the client's.

        Raises:
            ChatterpodError: One of its kinds; `JobTimedOut` after `timeout`.
        """
        return with_output(self._client.perform(lambda s, _: operations.result(s, job_id), timeout=timeout))

    def stream(self, text: str | Mapping[str, Any], **options: Unpack[InputOptions]) -> Iterator[bytes]:
        """Yield whole MP3 frames (or PCM, with `format="pcm"`) as they are made.

        Raises:
            ChatterpodError: One of its kinds.
        """
        job_input = whole_input(text, options)
        with self._client.stream(job_input.pop("text", None), **job_input) as chunks:
            for chunk in chunks:
                yield chunk.audio

    @staticmethod
    def save_audio(reply: Mapping[str, Any], path: str | Path) -> Path:
        """Write the audio of a reply, or of its `output`, to a file.

        Raises:
            ConfigError: The reply has no audio.
        """
        output = reply.get("output", reply)
        encoded = output.get("audio_base64") if isinstance(output, Mapping) else None
        if not isinstance(encoded, str):
            raise ConfigError("the reply has no audio_base64 in its output")
        return saved(base64.b64decode(encoded), path)


def whole_input(text: str | Mapping[str, Any], options: Mapping[str, Any]) -> dict[str, Any]:
    """Return a job's input from a text and options, or from an input, with or without RunPod's envelope."""
    if not isinstance(text, Mapping):
        return input_of(text, options)
    job_input = dict(text.get("input", text)) if isinstance(text.get("input"), Mapping) else dict(text)
    return {**job_input, **options}


def with_output(reply: Mapping[str, Any]) -> dict[str, Any]:
    """Return the reply with one object in `output` instead of a list of records."""
    speech = operations.speech_of(reply)
    audio = base64.b64encode(speech.audio).decode()
    return {**reply, "output": {"audio_base64": audio, **speech.summary, "segments": list(speech.segments)}}
