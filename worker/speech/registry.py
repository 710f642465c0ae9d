"""The speeches that are being made, by cache key: jobs that ask for the same speech share it."""

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from encoder import SAMPLE_RATE, Mp3Encoder, PcmEncoder
from worker.cache import Cache, SpeechFile, StoredSpeech
from worker.request import SpeechRequest
from worker.speech.encoding import SpeechEncoder
from worker.speech.planning import plan_segments
from worker.speech.scheduler import Scheduler
from worker.speech.speech import FinishedSpeech, LiveSpeech

__all__ = ["LiveSpeeches"]


class LiveSpeeches:
    """Begins a speech for its first reader and stops it after its last; for the event loop only."""

    def __init__(
        self, scheduler: Scheduler, cache: Cache, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._scheduler = scheduler
        self._cache = cache
        self._clock = clock
        self._speeches: dict[str, LiveSpeech] = {}

    def is_live(self, key: str) -> bool:
        """Whether a speech of this key is being made, so that a job can join it."""
        speech = self._speeches.get(key)
        return speech is not None and not speech.failed

    @contextmanager
    def enter(self, request: SpeechRequest, key: str, voice_keys: Mapping[str, str]) -> Iterator[LiveSpeech]:
        """Join the speech of `key` or begin it; leave it at the end of the block.

        `voice_keys` maps the request's names of its voices to the engine's keys; the voices must be
        ready. The SDK delivers no CancelledError to a generator that is parked at a `yield`, so the
        end of the job's task counts as leaving too.

        Raises:
            ShuttingDownError: The engine takes no more speech.
        """
        speech = self._join(request, key, voice_keys)
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

    def _join(self, request: SpeechRequest, key: str, voice_keys: Mapping[str, str]) -> LiveSpeech:
        speech = self._speeches.get(key)
        joins = request.cache == "use" or (request.cache == "refresh" and speech and not speech.ended)
        if speech is not None and joins and not speech.failed:
            return speech
        speech = self._create(request, key, voice_keys)
        self._scheduler.speak(speech)
        if request.cache != "off":
            self._speeches[key] = speech
        return speech

    def _create(self, request: SpeechRequest, key: str, voice_keys: Mapping[str, str]) -> LiveSpeech:
        is_mp3 = request.format_name == "mp3"
        encoder = SpeechEncoder(
            Mp3Encoder(bit_rate=request.bit_rate) if is_mp3 else PcmEncoder(), SAMPLE_RATE
        )

        def finish(speech: LiveSpeech) -> FinishedSpeech:
            file = SpeechFile(as_stored(speech, request.seed or 0), request.format_name)
            is_kept = request.cache != "off" and not speech.warnings
            put = self._cache.put(key, request.format_name, file.content) if is_kept else None
            return FinishedSpeech(file, put)

        return LiveSpeech(plan_segments(request, voice_keys), encoder, finish, self._clock)

    def _leave(self, speech: LiveSpeech, key: str) -> None:
        speech.readers -= 1
        if speech.readers:
            return
        if self._speeches.get(key) is speech:
            del self._speeches[key]
        if not speech.ended:
            self._scheduler.stop(speech)
        speech.close()


def as_stored(speech: LiveSpeech, seed: int) -> StoredSpeech:
    """Return a finished speech as the cache keeps it."""
    chunks = speech.chunks
    captions = tuple(caption for chunk in chunks for caption in chunk.captions)
    audio = b"".join(chunk.audio for chunk in chunks)
    return StoredSpeech(audio, speech.encoder.samples, captions, {"seed": seed})
