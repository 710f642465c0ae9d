"""`WS /v1/stream`: text in, as a whole or as it is written; audio and captions out."""

import asyncio
import logging
import time
from collections import OrderedDict
from contextlib import aclosing, suppress
from dataclasses import dataclass
from typing import Any

from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from gateway import messages
from gateway.context import Context, ContextState
from gateway.door import POLICY_VIOLATION, TRY_LATER, admitted, received, refused
from gateway.errors import BadMessage, BadRequest, ContextEnded, Exhausted, GatewayError, MissingResource
from gateway.gateway import Gateway
from gateway.limits import TokenUsage
from gateway.messages import Auth, Cancel, Close, Flush, Message, Ping, Speak, SpeakOptions, Start, Text
from gateway.speaking import ContextSpeech

__all__ = ["stream"]

log = logging.getLogger("gateway")

PAUSE_S = 0.4  # without more text, after which a writer seems to have stopped
MISTAKES = 50  # in a row, until the connection is closed
REMEMBERED = 16  # ended contexts: a listener still plays what was sent long before


async def stream(socket: WebSocket) -> None:
    """Serve one connection, until either side closes it."""
    gateway: Gateway = socket.app.state.gateway
    await socket.accept()
    try:
        usage = await admitted(socket, gateway)
    except GatewayError as error:
        code = TRY_LATER if isinstance(error, Exhausted) else POLICY_VIOLATION
        await refused(socket, gateway, error, code)
        return
    except WebSocketDisconnect:
        return
    connection = Connection(socket, gateway, usage)
    gateway.metrics.connections += 1
    try:
        await connection.run()
    finally:
        gateway.metrics.connections -= 1
        usage.disconnect()


@dataclass(slots=True)
class ActiveContext:
    """A context of a connection, and the task that sends its audio."""

    context: Context
    speaking: ContextSpeech
    sending: asyncio.Task[None] | None = None
    pausing: asyncio.TimerHandle | None = None

    def wait(self) -> None:
        """Speak the sentences that are over, when no more text comes for a while."""
        self.rest()
        self.pausing = asyncio.get_running_loop().call_later(PAUSE_S, self._paused)

    def rest(self) -> None:
        """Wait for no text any more."""
        if self.pausing is not None:
            self.pausing.cancel()

    def _paused(self) -> None:
        self.context.pause()
        self.speaking.poke()


class Connection:
    """One client and its contexts."""

    def __init__(self, socket: WebSocket, gateway: Gateway, usage: TokenUsage) -> None:
        self._socket = socket
        self._gateway = gateway
        self._usage = usage
        self._voices: dict[str, ActiveContext] = {}
        self._ended: OrderedDict[str, Context] = OrderedDict()
        self._lock = asyncio.Lock()  # a caption and its audio are sent with nothing between
        self._sent_at = time.monotonic()

    async def run(self) -> None:
        """Listen and answer until the connection ends; then nothing of it is left."""
        beating = asyncio.create_task(self._heartbeat())
        self._gateway.prewarm()
        try:
            await self._send({"type": "ready", "heartbeat_s": self._gateway.settings.heartbeat_s})
            await self._listen()
        except (WebSocketDisconnect, RuntimeError):  # the latter: a send after the close
            pass
        finally:
            beating.cancel()
            for voice in self._voices.values():
                self._silence(voice)

    async def _listen(self) -> None:
        mistakes = 0
        while mistakes < MISTAKES:
            context_id = None
            try:
                data = await received(self._socket)
                message = messages.parse(data, self._gateway.settings.max_message_bytes)
                context_id = getattr(message, "context_id", None)
                await self._obey(message)
                mistakes = 0
            except GatewayError as error:
                mistakes += 1
                await self._complain(error, context_id)
            except (WebSocketDisconnect, RuntimeError):
                raise
            except Exception:
                mistakes += 1
                log.exception("a message broke the gateway")
                await self._complain(GatewayError("the gateway broke"), context_id)
        await refused(
            self._socket, self._gateway, BadMessage(f"{MISTAKES} mistakes in a row"), POLICY_VIOLATION
        )

    async def _obey(self, message: Message) -> None:
        match message:
            case Start():
                self._begin(message.context_id, message)
            case Speak():
                self._speak(message)
            case Text():
                self._push(self._voice(message.context_id), message.text)
            case Flush():
                self._open(message.context_id).context.flush()
            case Close():
                self._open(message.context_id).context.close()
            case Cancel():
                await self._cancel(message)
            case Ping():
                await self._send({"type": "pong"})
            case Auth():
                pass  # the header was enough
        if voice := self._voices.get(getattr(message, "context_id", "")):
            voice.speaking.poke()

    def _speak(self, message: Speak) -> None:
        voice = self._begin(message.context_id, message)
        try:
            voice.context.check(message.text)
            self._gateway.count_characters(self._usage, len(message.text))
            voice.context.speak(message.text)
            if not voice.context.active:
                raise BadRequest("text has nothing to speak: expected at least one letter or digit")
        except GatewayError:
            voice.context.fail()
            self._silence(voice)
            self._end(message.context_id)
            raise

    def _push(self, voice: ActiveContext, text: str) -> None:
        voice.context.check(text)
        self._gateway.count_characters(self._usage, len(text))
        voice.context.push(text)
        voice.wait()

    def _voice(self, context_id: str) -> ActiveContext:
        """Return the context, begun with the defaults if there was none of the name."""
        if context_id in self._ended:
            raise ContextEnded("the context has ended: begin another, or this one with start")
        return self._voices.get(context_id) or self._begin(context_id, SpeakOptions())

    def _open(self, context_id: str) -> ActiveContext:
        if context_id not in self._voices:
            raise MissingResource("there is no such context on this connection")
        return self._voices[context_id]

    def _begin(self, context_id: str, options: SpeakOptions) -> ActiveContext:
        settings = self._gateway.settings
        if context_id in self._voices:
            raise BadMessage("the context is being spoken: cancel it, or wait for its end")
        if len(self._voices) >= settings.contexts:
            raise Exhausted(f"{settings.contexts} contexts are open on this connection", 1.0)
        self._gateway.count_request(self._usage, "context")
        context = Context(self._gateway.fields(options), options.form, settings.max_characters)
        voice = ActiveContext(context, self._gateway.speaking(context))
        voice.sending = asyncio.create_task(self._talk(context_id, voice))
        self._voices[context_id] = voice
        self._ended.pop(context_id, None)
        return voice

    async def _talk(self, context_id: str, voice: ActiveContext) -> None:
        """Send a context's audio, and how it ended."""
        try:
            async with aclosing(voice.speaking.pieces()) as pieces:
                async for piece in pieces:
                    await self._send_audio(voice, messages.audio(context_id, piece), piece.audio)
        except GatewayError as error:
            self._end(context_id)
            await self._complain(error, context_id)
        except (WebSocketDisconnect, RuntimeError):
            return
        except Exception:
            log.exception("a context broke")
            voice.context.fail()
            self._end(context_id)
            await self._complain(GatewayError("the gateway broke"), context_id)
        if voice.context.state is ContextState.DONE:
            self._end(context_id)
            with suppress(WebSocketDisconnect, RuntimeError):
                await self._send(done(context_id, voice.context))

    async def _send_audio(self, voice: ActiveContext, caption: dict[str, Any], audio: bytes) -> None:
        async with self._lock:
            if voice.context.active:
                await self._socket.send_json(caption)
                await self._socket.send_bytes(audio)
                self._sent_at = time.monotonic()

    async def _cancel(self, message: Cancel) -> None:
        """Stop a context; what was sent of it may still be playing long after it was done."""
        context_id, played_ms = message.context_id, int(message.played_ms)
        voice = self._voices.get(context_id)
        context = voice.context if voice else self._ended.get(context_id)
        if context is None:
            raise MissingResource("there is no such context on this connection")
        heard = context.cancel(played_ms)
        self._gateway.metrics.count("cancelled_contexts")
        if voice is not None:
            self._end(context_id)
        async with self._lock:  # no caption is without its audio now
            if voice is not None and voice.sending is not None:
                voice.sending.cancel()
            await self._socket.send_json(messages.cancelled(context_id, heard))
            self._sent_at = time.monotonic()

    def _end(self, context_id: str) -> None:
        """Remember a context as ended, and cancel what it still has at the endpoint."""
        voice = self._voices.pop(context_id, None)
        if voice is not None:
            voice.rest()
            voice.speaking.stop()
            self._ended[context_id] = voice.context
            while len(self._ended) > REMEMBERED:
                self._ended.popitem(last=False)

    def _silence(self, voice: ActiveContext) -> None:
        voice.rest()
        voice.speaking.stop()
        if voice.sending is not None:
            voice.sending.cancel()

    async def _send(self, content: dict[str, Any]) -> None:
        async with self._lock:
            if self._socket.application_state is WebSocketState.CONNECTED:
                await self._socket.send_json(content)
                self._sent_at = time.monotonic()

    async def _complain(self, error: GatewayError, context_id: str | None) -> None:
        self._gateway.metrics.count("errors", error.code)
        with suppress(WebSocketDisconnect, RuntimeError):
            await self._send(messages.error(error, context_id))

    async def _heartbeat(self) -> None:
        """Let a silent connection be seen to live, by the client and by what stands between."""
        period = self._gateway.settings.heartbeat_s
        with suppress(WebSocketDisconnect, RuntimeError):
            while True:
                left = self._sent_at + period - time.monotonic()
                if left > 0:
                    await asyncio.sleep(left)
                else:
                    await self._send({"type": "heartbeat"})


def done(context_id: str, context: Context) -> dict[str, Any]:
    """Return the message that ends a context."""
    return {
        "type": "done",
        "context_id": context_id,
        "duration_ms": context.timeline.duration_ms,
        "bytes": context.timeline.size,
        "characters": len(context.text),
        "jobs": context.jobs,
    }
