"""Speaks through a gateway or a direct worker, over its WebSocket: the synchronous driver."""

import threading
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Any

from chatterpod.config import Address
from chatterpod.errors import Incomplete, JobFailed
from chatterpod.joining import FileHead, Joiner
from chatterpod.longform import Plan, joined_speech, packed, unpacked
from chatterpod.protocol import Chunk
from chatterpod.sockets import QUIET_S, failures, imported, lost_of, socket_options
from chatterpod.speech import Speech
from chatterpod.store import Store
from chatterpod.talk import Heard, Listening, Tries, context_message, message_of, speak_message

__all__ = ["DirectDriver", "SpeechContext"]


class DirectDriver:
    """Speaks plans, part after part, and contexts, each over a connection of its own."""

    def __init__(self, address: Address, timeout: float, sleep: Callable[[float], None]) -> None:
        self._address = address
        self._timeout = timeout
        self._sleep = sleep
        self._connect = imported("sync.client").connect
        self._failures = failures()

    def speak(self, plan: Plan, store: Store | None) -> Speech:
        """Speak a plan; return the whole file, with its headings as chapters."""
        chunks: list[Chunk] = []
        file, joiner = FileHead(plan.audio_format), Joiner(plan.parts, plan.audio_format)
        for chunk in self._joined(plan, joiner, store):
            chunks.append(chunk)
            file.add(chunk.audio)
        return joined_speech(chunks, file, joiner)

    def stream(self, plan: Plan, store: Store | None) -> Generator[Chunk]:
        """Yield the audio of a plan as it is made."""
        yield from self._joined(plan, Joiner(plan.parts, plan.audio_format), store)

    @contextmanager
    def context(self, options: Mapping[str, Any]) -> Generator["SpeechContext"]:
        """Begin a context; connect again while the server is not there yet."""
        begin, tries, began = context_message(options), Tries(self._timeout), time.monotonic()
        with ExitStack() as opened:
            while True:
                try:
                    socket = opened.enter_context(self._connect(**socket_options(self._address)))
                    socket.send(begin)
                    break
                except self._failures as error:
                    self._sleep(tries.pause(lost_of(error, self._address), time.monotonic() - began))
            yield SpeechContext(socket, self._failures)

    def _joined(self, plan: Plan, joiner: Joiner, store: Store | None) -> Generator[Chunk]:
        for number, job_input in enumerate(plan.inputs):
            kept = unpacked(store.get(plan.names[number]) if store else None, number)
            chunks: list[Chunk] = []
            for chunk in kept or self._spoken(job_input):
                chunks.append(replace(chunk, part=number))
                if (joined := joiner.push(chunks[-1])) is not None:
                    yield joined
            if store and not kept:
                store.put(plan.names[number], packed(chunks))

    def _spoken(self, job_input: Mapping[str, Any]) -> Generator[Chunk]:
        """Yield the chunks of one text; connect again, and go on where it stopped, after what may pass."""
        message, listening, tries = speak_message(job_input), Listening(), Tries(self._timeout)
        began = time.monotonic()
        while not listening.done:
            listening.reconnected()
            try:
                with self._connect(**socket_options(self._address)) as socket:
                    socket.send(message)
                    while not listening.done:
                        tries.check(time.monotonic() - began)
                        yield from listening.take(socket.recv(QUIET_S))
            except JobFailed as failed:
                self._sleep(tries.pause(failed, time.monotonic() - began))
            except self._failures as error:
                self._sleep(tries.pause(lost_of(error, self._address), time.monotonic() - began))


class SpeechContext:
    """A speech whose text may still come. Iterate over its audio, in this thread or another one."""

    def __init__(self, socket: Any, failed: tuple[type[Exception], ...]) -> None:
        self._socket = socket
        self._failures = failed
        self._listening = Listening()
        self._reading = threading.Lock()

    def send(self, text: str) -> None:
        """Send more text, cut anywhere."""
        self._say("text", text=text)

    def flush(self) -> None:
        """Have all text so far spoken, also an incomplete sentence."""
        self._say("flush")

    def close(self) -> None:
        """Say that no more text will come: the audio then has an end."""
        self._say("close")

    def cancel(self, played_ms: float) -> Heard:
        """Stop; return what a listener who has played so many ms of it has heard.

        Raises:
            ChatterpodError: One of its kinds.
        """
        self._say("cancel", played_ms=played_ms)
        while (heard := self._listening.heard) is None:
            with self._reading:
                if self._listening.heard is None:
                    self._read()
        return heard

    def __iter__(self) -> Iterator[Chunk]:
        """Yield its audio as it is made, until it is spoken or cancelled.

        Raises:
            ChatterpodError: One of its kinds.
            Incomplete: The connection ended before the speech.
        """
        while True:
            with self._reading:
                if self._listening.done:
                    return
                chunks = self._read()
            yield from chunks

    def _say(self, kind: str, **fields: Any) -> None:
        try:
            self._socket.send(message_of(kind, **fields))
        except self._failures:
            raise ended() from None

    def _read(self) -> list[Chunk]:
        try:
            return self._listening.take(self._socket.recv())
        except self._failures:
            raise ended() from None


def ended() -> Incomplete:
    """Return the error for a connection that ended before its context did."""
    return Incomplete("the connection ended before the speech did")
