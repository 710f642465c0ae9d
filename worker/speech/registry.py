"""The speeches being made, by key: one synthesis for all who ask for the same."""

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from encoder import SAMPLE_RATE, Mp3Encoder, PcmEncoder
from worker.cache import Cache, Publication, StoredSpeech
from worker.chunks import layout
from worker.request import SpeechRequest
from worker.speech.encoding import SpeechEncoder
from worker.speech.planning import leading_space, lines
from worker.speech.scheduler import Scheduler
from worker.speech.speech import LiveSpeech

__all__ = ["LiveSpeeches"]


class LiveSpeeches:
    """Begins a speech for its first reader and ends it with its last; lives on the event loop."""

    def __init__(
        self, synthesis: Scheduler, cache: Cache, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._synthesis = synthesis
        self._cache = cache
        self._clock = clock
        self._speeches: dict[str, LiveSpeech] = {}

    def speaks(self, key: str) -> bool:
        """Whether a speech of this key is being made, so that there is one to join."""
        speech = self._speeches.get(key)
        return speech is not None and not speech.failed

    @contextmanager
    def enter(self, request: SpeechRequest, key: str, voices: Mapping[str, str]) -> Iterator[LiveSpeech]:
        """Join or begin the speech of `key`, and leave it at the end of the job.

        `voices` holds what the engine calls each voice of the request; they have to be ready.

        The SDK delivers no CancelledError to a generator parked at a yield, so the end of the
        job's task counts as leaving too.
        """
        speech = self._join(request, key, voices)
        speech.readers += 1
        left = False

        def leave(_: object = None) -> None:
            nonlocal left
            if not left:
                left = True
                self._leave(speech, key)

        task = asyncio.current_task()
        if task is not None:
            task.add_done_callback(leave)
        try:
            yield speech
        finally:
            leave()
            if task is not None:
                task.remove_done_callback(leave)

    def _join(self, request: SpeechRequest, key: str, voices: Mapping[str, str]) -> LiveSpeech:
        speech = self._speeches.get(key)
        joins = request.cache == "use" or (request.cache == "refresh" and speech and not speech.ended)
        if speech is not None and joins and not speech.failed:
            return speech
        speech = self._compose(request, key, voices)
        self._synthesis.speak(speech)
        if request.cache != "off":
            self._speeches[key] = speech
        return speech

    def _compose(self, request: SpeechRequest, key: str, voices: Mapping[str, str]) -> LiveSpeech:
        encoder: Mp3Encoder | PcmEncoder = PcmEncoder()
        if request.form == "mp3":
            encoder = Mp3Encoder(bit_rate=request.bit_rate)
        recorder = SpeechEncoder(encoder, layout(request.form, request.bit_rate), SAMPLE_RATE)

        def publish(speech: LiveSpeech) -> Publication:
            stored = as_stored(speech, leading_space(request), request.seed or 0)
            keep = request.cache != "off" and not speech.warnings
            return self._cache.publish(key, request.form, stored, keep=keep)

        return LiveSpeech(lines(request, voices), recorder, publish, self._clock)

    def _leave(self, speech: LiveSpeech, key: str) -> None:
        speech.readers -= 1
        if speech.readers:
            return
        if self._speeches.get(key) is speech:
            del self._speeches[key]
        if not speech.ended:
            self._synthesis.stop(speech)
        speech.close()


def as_stored(speech: LiveSpeech, shift: int, seed: int) -> StoredSpeech:
    """Return finished speech as the cache keeps it: offsets against the stripped text."""
    parts = speech.parts
    captions = tuple(caption.moved(-shift) for part in parts for caption in part.captions)
    audio = b"".join(part.audio for part in parts)
    return StoredSpeech(audio, speech.recorder.samples, captions, {"seed": seed})
