"""Speaks through a gateway or a direct worker, over its WebSocket: the driver for asyncio."""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from typing import Any

from chatterpod.config import Address
from chatterpod.direct import ended
from chatterpod.errors import JobFailed
from chatterpod.joining import FileHead, Joiner
from chatterpod.longform import Plan, joined_speech, packed, unpacked
from chatterpod.protocol import Chunk
from chatterpod.sockets import QUIET_S, failures, imported, lost_of, socket_options
from chatterpod.speech import Speech
from chatterpod.store import Store
from chatterpod.talk import Heard, Listening, Tries, context_message, message_of, speak_message

__all__ = ["AsyncDirectDriver", "AsyncSpeechContext"]


class AsyncDirectDriver:
    """Speaks plans, part after part, and contexts, each over a connection of its own."""

    def __init__(self, address: Address, timeout: float, sleep: Callable[[float], Awaitable[None]]) -> None:
        self._address = address
        self._timeout = timeout
        self._sleep = sleep
        self._connect = imported("asyncio.client").connect
        self._failures = failures()

    async def speak(self, plan: Plan, store: Store | None) -> Speech:
        """Speak a plan; return the whole file, with its headings as chapters."""
        chunks: list[Chunk] = []
        file, joiner = FileHead(plan.audio_format), Joiner(plan.parts, plan.audio_format)
        async for chunk in self._joined(plan, joiner, store):
            chunks.append(chunk)
            file.add(chunk.audio)
        return joined_speech(chunks, file, joiner)

    def stream(self, plan: Plan, store: Store | None) -> AsyncGenerator[Chunk]:
        """Yield the audio of a plan as it is made."""
        return self._joined(plan, Joiner(plan.parts, plan.audio_format), store)

    @asynccontextmanager
    async def context(self, options: Mapping[str, Any]) -> AsyncGenerator["AsyncSpeechContext"]:
        """Begin a context; connect again while the server is not there yet."""
        begin, tries, began = context_message(options), Tries(self._timeout), time.monotonic()
        async with AsyncExitStack() as opened:
            while True:
                try:
                    connecting = self._connect(**socket_options(self._address))
                    socket = await opened.enter_async_context(connecting)
                    await socket.send(begin)
                    break
                except self._failures as error:
                    await self._sleep(tries.pause(lost_of(error, self._address), time.monotonic() - began))
            yield AsyncSpeechContext(socket, self._failures)

    async def _joined(self, plan: Plan, joiner: Joiner, store: Store | None) -> AsyncGenerator[Chunk]:
        for number, job_input in enumerate(plan.inputs):
            name = plan.names[number]
            kept = unpacked(await asyncio.to_thread(store.get, name) if store else None, number)
            chunks: list[Chunk] = []
            async for chunk in given(kept) if kept else self._spoken(job_input):
                chunks.append(replace(chunk, part=number))
                if (joined := joiner.push(chunks[-1])) is not None:
                    yield joined
            if store and not kept:
                await asyncio.to_thread(store.put, name, packed(chunks))

    async def _spoken(self, job_input: Mapping[str, Any]) -> AsyncGenerator[Chunk]:
        """Yield the chunks of one text; connect again, and go on where it stopped, after what may pass."""
        message, listening, tries = speak_message(job_input), Listening(), Tries(self._timeout)
        began = time.monotonic()
        while not listening.done:
            listening.reconnected()
            try:
                async with self._connect(**socket_options(self._address)) as socket:
                    await socket.send(message)
                    while not listening.done:
                        tries.check(time.monotonic() - began)
                        async with asyncio.timeout(QUIET_S):
                            frame = await socket.recv()
                        for chunk in listening.take(frame):
                            yield chunk
            except JobFailed as failed:
                await self._sleep(tries.pause(failed, time.monotonic() - began))
            except self._failures as error:
                await self._sleep(tries.pause(lost_of(error, self._address), time.monotonic() - began))


class AsyncSpeechContext:
    """A speech whose text may still come. Iterate over its audio, in this task or another one."""

    def __init__(self, socket: Any, failed: tuple[type[Exception], ...]) -> None:
        self._socket = socket
        self._failures = failed
        self._listening = Listening()
        self._reading = asyncio.Lock()

    async def send(self, text: str) -> None:
        """Send more text, cut anywhere."""
        await self._say("text", text=text)

    async def flush(self) -> None:
        """Have all text so far spoken, also an incomplete sentence."""
        await self._say("flush")

    async def close(self) -> None:
        """Say that no more text will come: the audio then has an end."""
        await self._say("close")

    async def cancel(self, played_ms: float) -> Heard:
        """Stop; return what a listener who has played so many ms of it has heard.

        Raises:
            ChatterpodError: One of its kinds.
        """
        await self._say("cancel", played_ms=played_ms)
        while (heard := self._listening.heard) is None:
            async with self._reading:
                if self._listening.heard is None:
                    await self._read()
        return heard

    async def __aiter__(self) -> AsyncIterator[Chunk]:
        """Yield its audio as it is made, until it is spoken or cancelled.

        Raises:
            ChatterpodError: One of its kinds.
            Incomplete: The connection ended before the speech.
        """
        while True:
            async with self._reading:
                if self._listening.done:
                    return
                chunks = await self._read()
            for chunk in chunks:
                yield chunk

    async def _say(self, kind: str, **fields: Any) -> None:
        try:
            await self._socket.send(message_of(kind, **fields))
        except self._failures:
            raise ended() from None

    async def _read(self) -> list[Chunk]:
        try:
            return self._listening.take(await self._socket.recv())
        except self._failures:
            raise ended() from None


async def given(chunks: list[Chunk]) -> AsyncIterator[Chunk]:
    """Yield the chunks."""
    for chunk in chunks:
        yield chunk
