"""A job whose text still comes: feeds it to its speech, with the voices that it names."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AsyncExitStack, aclosing, asynccontextmanager

from segmenter import voices as named_voices
from worker.delivery import Form, LiveDelivery, record_writer
from worker.errors import EngineFailedError, SpeechError, TextTooLongError
from worker.incoming import IncomingText
from worker.request import SpeechRequest
from worker.speech import GrowingText, LiveSpeech, LiveSpeeches, Scheduler
from worker.voices.ready import ReadyVoices, Voice

__all__ = ["GrowingJob"]

log = logging.getLogger("worker")


class GrowingJob:
    """One such job; `voices` has those that speak so far, by their names.

    Args:
        request: How to speak; its own text does not count.
        incoming: The text.
        voices: Those of the request.
        key_of: Returns the cache key of a request that is spoken by these voices.
        max_characters: Of the whole text.
    """

    def __init__(
        self,
        request: SpeechRequest,
        incoming: IncomingText,
        voices: Mapping[str, Voice],
        key_of: Callable[[SpeechRequest, Mapping[str, Voice]], str],
        max_characters: int,
    ) -> None:
        self._request = request
        self._incoming = incoming
        self._key_of = key_of
        self._max_characters = max_characters
        self._text = GrowingText()
        self._voices = dict(voices)
        self._voice_keys = {voice.name: voice.key for voice in voices.values()}

    def whole(self) -> tuple[SpeechRequest, str]:
        """Return the request with all of the text that has come, and its key."""
        request = self._request.model_copy(update={"text": self._text.text})
        return request, self._key_of(request, self._voices)

    @asynccontextmanager
    async def delivery(
        self, form: Form, ready: ReadyVoices, speeches: LiveSpeeches, scheduler: Scheduler
    ) -> AsyncGenerator[LiveDelivery, None]:
        """Give out the speech; its records end early if the text was whole before any of it was spoken.

        Raises:
            SpeechError: A voice cannot be used, or the engine takes no more speech.
        """
        writer = record_writer(self._request, binary=form.binary)
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(ready.using(self._voices.values()))
            keys, key_of_whole = self._voice_keys, lambda: self.whole()[1]
            speech = stack.enter_context(speeches.grow(self._request, self._text, keys, key_of_whole))

            async def feed() -> None:
                try:
                    async with aclosing(self._incoming.inputs()) as inputs:
                        async for given in inputs:
                            if isinstance(given, str):
                                await self._name_voices(given, ready, stack)
                                self._push(given)
                                writer.texts, writer.offset = (self._text.text,), self._text.offset
                            else:
                                self._text.rest(given)
                            scheduler.resume(speech)
                    self._close(speech, scheduler)
                except SpeechError as error:
                    end(speech, scheduler, error)
                except Exception:
                    log.exception("a text could not be taken while it came")
                    end(speech, scheduler, EngineFailedError("the worker failed on this text"))

            stack.callback(asyncio.create_task(feed()).cancel)
            yield LiveDelivery(writer, form, speech)

    def _push(self, text: str) -> None:
        self._text.push(text)
        if len(self._text.text) > self._max_characters:
            raise TextTooLongError(
                f"text has more than {self._max_characters} characters, expected at most that many"
            )

    def _close(self, speech: LiveSpeech, scheduler: Scheduler) -> None:
        """End the text; withdraw it if nothing of it is spoken yet: it may be in the cache, or being made."""
        if scheduler.withdraw(speech):
            self._incoming.withdrawn = True
            speech.close()
        else:
            self._text.close()
            scheduler.resume(speech)

    async def _name_voices(self, text: str, ready: ReadyVoices, stack: AsyncExitStack) -> None:
        """Make the voices ready that the text names, before it is planned."""
        named = set(named_voices(self._text.text + text, self._request.marks))
        for name in sorted(named - self._voices.keys()):
            voice = await ready.find(name)
            await stack.enter_async_context(ready.using([voice]))
            self._voices[name] = voice
            self._voice_keys[name] = voice.key


def end(speech: LiveSpeech, scheduler: Scheduler, error: SpeechError) -> None:
    """End a speech with an error."""
    speech.fail(error)
    scheduler.stop(speech)
