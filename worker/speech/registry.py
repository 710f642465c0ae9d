"""The speeches that are being made, by cache key: jobs that ask for the same speech share it."""

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from encoder import SAMPLE_RATE, Mp3Encoder, PcmEncoder
from worker.cache import Cache, SpeechFile, StoredSpeech
from worker.chunks import JOB_BYTES
from worker.errors import BusyError
from worker.request import SpeechRequest
from worker.speech.encoding import Planned, SpeechEncoder
from worker.speech.growing import GrowingPlan, GrowingText
from worker.speech.length import plan_within_result
from worker.speech.planning import plan_segments
from worker.speech.scheduler import Scheduler
from worker.speech.speech import FinishedSpeech, LiveSpeech

__all__ = ["LiveSpeeches"]


BEGINS_S = 2.0  # in which a speech more has to begin, where speeches are limited
MOST_UNREAD = 4_000_000  # bytes of PCM, 83 s, where speeches are limited


class LiveSpeeches:
    """Begins a speech for its first reader and stops it after its last; for the event loop only.

    Args:
        scheduler: Drives the engine.
        cache: Keeps finished speech.
        clock: A monotonic clock, in seconds.
        direct: Whether those who listen wait in connections, not in a queue: then one who would not be served
            soon is refused, PCM that nobody reads holds its speech back, and no result has to fit into a job.
    """

    def __init__(
        self,
        scheduler: Scheduler,
        cache: Cache,
        clock: Callable[[], float] = time.monotonic,
        *,
        direct: bool = False,
    ) -> None:
        self.direct = direct
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
            BusyError: All slots are taken for longer.
        """
        with self._reading(self._join(request, key, voice_keys), key) as speech:
            yield speech

    @contextmanager
    def grow(
        self,
        request: SpeechRequest,
        text: GrowingText,
        voice_keys: Mapping[str, str],
        key_of_whole: Callable[[], str],
    ) -> Iterator[LiveSpeech]:
        """Begin the speech of a text that still comes; leave it at the end of the block.

        After more of the text has come, call `resume` of the scheduler. `voice_keys` may grow with the text.
        The speech is kept under `key_of_whole()` if it was spoken as the whole text would have been; raises
        as `enter`.
        """
        plan = GrowingPlan(request, text, voice_keys)

        def key_of() -> str | None:
            return key_of_whole() if plan.is_as_whole() else None

        speech = self._created(request, plan, key_of)
        speech.length = lambda: len(text.text)
        speech.has_new_text = lambda: bool(text.inputs)
        self._begin(speech)
        with self._reading(speech, ""):
            yield speech

    @contextmanager
    def _reading(self, speech: LiveSpeech, key: str) -> Iterator[LiveSpeech]:
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
        plan = (plan_segments if self.direct else plan_within_result)(request, voice_keys)
        speech = self._created(request, plan, lambda: key)
        speech.length = lambda: sum(len(turn.text) for turn in request.spoken)
        self._begin(speech)
        if request.cache != "off":
            self._speeches[key] = speech
        return speech

    def _begin(self, speech: LiveSpeech) -> None:
        wait = self._scheduler.wait() if self.direct else 0.0
        if wait > BEGINS_S:
            raise BusyError("the worker speaks as much as it can: try again later", wait - BEGINS_S)
        self._scheduler.speak(speech)

    def _created(
        self, request: SpeechRequest, planned: Iterator[Planned], key_of: Callable[[], str | None]
    ) -> LiveSpeech:
        """Return a speech that is kept under the key that `key_of` returns at its end, if it returns one."""
        is_mp3 = request.format_name == "mp3"
        encoder = SpeechEncoder(
            Mp3Encoder(bit_rate=request.bit_rate) if is_mp3 else PcmEncoder(),
            SAMPLE_RATE,
            None if self.direct else JOB_BYTES,
        )

        def finish(speech: LiveSpeech) -> FinishedSpeech:
            file = SpeechFile(as_stored(speech, request.seed or 0), request.format_name)
            is_kept = request.cache != "off" and not speech.warnings
            key = key_of() if is_kept else None
            put = None if key is None else self._cache.put(key, request.format_name, file.content)
            if put is not None and self.direct:  # no connection is sent the file with its tags
                put.done.add_done_callback(lambda _: file.free())
            return FinishedSpeech(file, put)

        speech = LiveSpeech(planned, encoder, finish, self._clock)
        if self.direct and not is_mp3:
            speech.most_unread = MOST_UNREAD
            speech.on_read = lambda: self._scheduler.resume(speech)
        return speech

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
