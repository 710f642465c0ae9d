"""A context spoken by a direct worker elsewhere, over a WebSocket of its own.

A worker closes a connection that has nothing to do: then the context goes on over another one with its next
text.
"""

import asyncio
import json
import logging
import time
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from gateway.context import Context, Input, Signal
from gateway.errors import BadRequest, EndpointFailed, Exhausted, GatewayError, GatewayShutdown
from gateway.metrics import Metrics
from gateway.timeline import ContextCaption, PlacedChunk
from segmenter import Silence

__all__ = ["AFFINITY", "Connects", "DirectSpeech", "problem_of"]

AHEAD = 8  # messages that are read before they are sent
TEXT = 8_000  # characters in one message
AFFINITY = "X-Runpod-Worker-Id"
BAD_INPUT = frozenset(
    {"invalid_input", "text_too_long", "unsupported_language", "unsupported_format", "unknown_voice"}
    | {"voice_unusable", "too_large"}
)

log = logging.getLogger("gateway")


class Connects(Protocol):
    """What connects to a worker: `direct_endpoint.RemoteWorker`."""

    async def connect(self, affinity: str | None) -> ClientConnection:
        """Return a connection that is ready, to the worker of this id if that is possible."""


class ConnectionLost(Exception):
    """The connection ended, or could not be made; another one may do."""


@dataclass(slots=True)
class Leg:
    """One connection's part of a context: from which place of the text on, and at what time it begins."""

    char_start: int
    start_ms: int


class DirectSpeech:
    """One context being spoken. Its creator calls `stop` at the end, also after an error."""

    def __init__(self, context: Context, worker: Connects, metrics: Metrics) -> None:
        self.context = context
        self.warnings: list[str] = []
        self._worker = worker
        self._metrics = metrics
        self._changed = asyncio.Event()
        self._made: asyncio.Queue[PlacedChunk | GatewayError | None] = asyncio.Queue(AHEAD)
        self._making: asyncio.Task[None] | None = None
        self._affinity: str | None = None  # the worker that speaks it
        self._received: list[Input] = []  # all that came, for a connection that has to begin anew
        self._spoken_to = 0  # place in the text up to which captions have come
        self._until_ms = 0
        self._has_audio = False
        self._began_at = time.monotonic()

    def update(self) -> None:
        """Take what has come to the context."""
        inputs = self.context.inputs
        self._received += [given for given in inputs if not isinstance(given, Silence)]  # the worker's own
        inputs.clear()
        self._changed.set()
        if self._making is None:
            self._making = asyncio.create_task(self._make())

    async def chunks(self) -> AsyncGenerator[PlacedChunk, None]:
        """Yield the context's audio, in order, until it is done or cancelled.

        Raises:
            GatewayError: It could not be spoken; the context has failed then.
        """
        self.update()
        while (made := await self._made.get()) is not None:
            if isinstance(made, GatewayError):
                self.context.fail()
                raise made
            if not self.context.active:
                return
            self.context.timeline.add(made)
            self._metrics.count("audio_bytes", by=len(made.audio))
            yield made
        self.context.spoken()

    def stop(self) -> None:
        """Stop making it: its connection is closed, and the worker cancels what it has of it."""
        if self._making is not None:
            self._making.cancel()

    async def _make(self) -> None:
        outcome: GatewayError | None = None
        try:
            while not await self._leg():
                pass
        except GatewayError as error:
            outcome = error
        except Exception:
            log.exception("speaking a context failed")
            outcome = EndpointFailed("the gateway could not have the text spoken")
        self._metrics.count("jobs", outcome.code if outcome else "completed")
        await self._made.put(outcome)

    async def _leg(self) -> bool:
        """Speak over one connection; return whether all is spoken."""
        while not any(self._received):  # without text there is nothing to connect for
            self._changed.clear()
            await self._changed.wait()
        if self._is_over():
            return True
        leg = Leg(self._spoken_to, self._until_ms)
        socket = await self._worker.connect(self._affinity)
        self._affinity = socket.response.headers.get(AFFINITY) if socket.response else None
        async with socket:
            sending = asyncio.create_task(self._send(socket, leg))
            try:
                return await self._receive(socket, leg)
            except (ConnectionLost, ConnectionClosed):
                if self._has_audio and not self._is_spoken():
                    raise EndpointFailed("the worker was lost amid the speech") from None
                await self._wait_for_text()
                return self._is_over()
            finally:
                sending.cancel()

    def _is_over(self) -> bool:
        """Whether the text is closed and nothing of it is left."""
        return Signal.CLOSE in self._received and self._has_audio and self._is_spoken()

    def _is_spoken(self) -> bool:
        return not self.context.text[self._spoken_to :].strip()

    async def _wait_for_text(self) -> None:
        """After an idle worker closed the connection: wait for more text before the next one."""
        length = len(self.context.text)
        while self._has_audio and len(self.context.text) == length and Signal.CLOSE not in self._received:
            self._changed.clear()
            await self._changed.wait()

    async def _send(self, socket: ClientConnection, leg: Leg) -> None:
        """Send the context's options, its text from the leg's start on, and what else comes."""
        context = self.context
        start = {"type": "start", **context.options, "bit_rate": context.audio_format.bit_rate}
        await socket.send(json.dumps(start | {"format": context.audio_format.name}))
        at = sent = 0
        while True:
            for given in self._received[sent:]:
                if isinstance(given, str):
                    text = given[max(0, leg.char_start - at) :]
                    for begin in range(0, len(text), TEXT):
                        part = text[begin : begin + TEXT]
                        await socket.send(json.dumps({"type": "text", "text": part}))
                    at += len(given)
                elif at > leg.char_start:
                    await socket.send(json.dumps({"type": "flush" if given is Signal.FLUSH else "close"}))
                sent += 1
            self._changed.clear()
            if sent == len(self._received):
                await self._changed.wait()

    async def _receive(self, socket: ClientConnection, leg: Leg) -> bool:
        """Pass on the audio until the worker is done."""
        while True:
            message = json.loads(await socket.recv())
            match message["type"]:
                case "audio":
                    await self._pass(message, await socket.recv(), leg)
                case "done":
                    self.warnings += message.get("warnings", ())
                    self.context.jobs += message["jobs"]
                    return True
                case "error":
                    raise self._problem(message)

    def _problem(self, message: Mapping[str, Any]) -> Exception:
        problem = problem_of(message["code"], message["message"], message.get("retry_after_s"))
        is_lost = isinstance(problem, GatewayShutdown) and not self._has_audio
        return ConnectionLost() if is_lost else problem

    async def _pass(self, message: Mapping[str, Any], audio: bytes | str, leg: Leg) -> None:
        assert isinstance(audio, bytes)  # noqa: S101 - the protocol's: a binary frame follows
        if not self._has_audio:
            self._has_audio = True
            self._metrics.time("first_audio", time.monotonic() - self._began_at)
        captions = tuple(placed(caption, leg) for caption in message["captions"])
        times = (leg.start_ms + message["start_ms"], leg.start_ms + message["end_ms"])
        self._spoken_to = max([self._spoken_to, *(caption.char_end for caption in captions)])
        self._until_ms = max(self._until_ms, times[1])
        await self._made.put(PlacedChunk(audio, *times, captions, last=False))


def placed(caption: Mapping[str, Any], leg: Leg) -> ContextCaption:
    """Return a worker's caption on the context's clock and in its text."""
    found = ContextCaption(**caption)
    return replace(
        found,
        char_start=found.char_start + leg.char_start,
        char_end=found.char_end + leg.char_start,
        start_ms=found.start_ms + leg.start_ms,
        end_ms=found.end_ms + leg.start_ms,
    )


def problem_of(code: str, message: str, retry_after: float | None) -> GatewayError:
    """Return the error that a worker of ours reported."""
    if code in BAD_INPUT:
        return BadRequest(message, code)
    if code == "shutting_down":
        return GatewayShutdown(message, retry_after or 1.0)
    return Exhausted(message, retry_after) if retry_after is not None else EndpointFailed(message, code)
