"""`WS /v1/stream`: receives text, whole or while it is written; sends audio and captions."""

import asyncio
import logging
import time
from collections import OrderedDict
from contextlib import aclosing, suppress
from typing import Any

from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from gateway import messages
from gateway.active_context import ActiveContext
from gateway.context import Context, ContextState
from gateway.endpoint import ContextSpeech
from gateway.errors import (
    BadMessage,
    BadRequest,
    ContextEnded,
    Exhausted,
    GatewayError,
    MissingResource,
    TryLater,
)
from gateway.gateway import Gateway
from gateway.handshake import (
    NORMAL,
    POLICY_VIOLATION,
    RESTART,
    TRY_LATER,
    authorized,
    receive_frame,
    refuse,
)
from gateway.limits import MessagePace, TokenUsage
from gateway.messages import Auth, Cancel, Close, Flush, Message, Ping, Speak, SpeakOptions, Start, Text

__all__ = ["stream"]

log = logging.getLogger("gateway")

MOST_ERRORS = 50  # wrong messages in a row, after which the connection is closed
LOOK_S = 0.25  # how often a connection looks whether it has to end
REMEMBERED = 16  # ended contexts: clients may cancel them while their audio is still playing


async def stream(socket: WebSocket) -> None:
    """Serve one connection until either side closes it."""
    gateway: Gateway = socket.app.state.gateway
    await socket.accept()
    try:
        usage = await authorized(socket, gateway)
    except GatewayError as error:
        code = TRY_LATER if isinstance(error, TryLater) else POLICY_VIOLATION
        await refuse(socket, gateway, error, code)
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


class Connection:
    """One client and its contexts."""

    def __init__(self, socket: WebSocket, gateway: Gateway, usage: TokenUsage) -> None:
        self._socket = socket
        self._gateway = gateway
        self._usage = usage
        self._contexts: dict[str, ActiveContext] = {}
        self._ended: OrderedDict[str, Context] = OrderedDict()
        self._lock = asyncio.Lock()  # no message comes between a caption and its audio
        self._sent_at = self._used_at = time.monotonic()
        self._pace = MessagePace()

    async def run(self) -> None:
        """Handle messages until the connection ends; then stop all its contexts."""
        watching = [asyncio.create_task(self._heartbeat()), asyncio.create_task(self._watch_end())]
        self._gateway.prewarm()
        try:
            await self._send({"type": "ready", "heartbeat_s": self._gateway.settings.heartbeat_s})
            await self._receive_messages()
        except (WebSocketDisconnect, RuntimeError):  # the latter: a send after the close
            pass
        finally:
            for task in watching:
                task.cancel()
            for active in self._contexts.values():
                self._stop(active)

    async def _receive_messages(self) -> None:
        errors = 0
        while errors < MOST_ERRORS:
            context_id = None
            try:
                data = await receive_frame(self._socket)
                # Also where there is nothing to wait for: frames that came at once would let nobody else in.
                await asyncio.sleep(self._pace.wait(time.monotonic()))
                message = messages.parse(data, self._gateway.settings.max_message_bytes)
                context_id = getattr(message, "context_id", None)
                if not isinstance(message, Ping):
                    self._used_at = time.monotonic()
                await self._handle(message)
                errors = 0
            except GatewayError as error:
                errors += 1
                await self._send_error(error, context_id)
            except (WebSocketDisconnect, RuntimeError):
                raise
            except Exception:
                errors += 1
                log.exception("a message caused an error in the gateway")
                await self._send_error(GatewayError("the gateway failed"), context_id)
        reason = BadMessage(f"{MOST_ERRORS} wrong messages in a row")
        await refuse(self._socket, self._gateway, reason, POLICY_VIOLATION)

    async def _handle(self, message: Message) -> None:
        match message:
            case Start():
                self._begin(message.context_id, message)
            case Speak():
                self._speak(message)
            case Text():
                self._push(self._active_context(message.context_id), message.text)
            case Flush():
                self._existing(message.context_id).context.flush()
            case Close():
                self._existing(message.context_id).context.close()
            case Cancel():
                await self._cancel(message)
            case Ping():
                await self._send({"type": "pong"})
            case Auth():
                pass  # the client is authorized already
        if active := self._contexts.get(getattr(message, "context_id", "")):
            active.speech.update()

    def _speak(self, message: Speak) -> None:
        active = self._begin(message.context_id, message, message.text)
        try:
            active.context.check(message.text)
            self._gateway.count_characters(self._usage, len(message.text))
            active.context.speak(message.text)
            if not active.context.has_speech:
                raise BadRequest("text has nothing to speak: expected at least one letter or digit")
        except GatewayError:
            active.context.fail()
            self._stop(active)
            self._end(message.context_id)
            raise

    def _push(self, active: ActiveContext, text: str) -> None:
        active.context.check(text)
        self._gateway.count_characters(self._usage, len(text))
        if text:  # nothing is no text: the silence goes on
            active.context.push(text)
            active.restart_timer()

    def _active_context(self, context_id: str) -> ActiveContext:
        """Return the context; begin it with the default options if it is not active."""
        if context_id in self._ended:
            raise ContextEnded("the context has ended: begin another, or begin it again with start")
        return self._contexts.get(context_id) or self._begin(context_id, SpeakOptions())

    def _existing(self, context_id: str) -> ActiveContext:
        if context_id not in self._contexts:
            raise MissingResource("there is no such context on this connection")
        return self._contexts[context_id]

    def _begin(self, context_id: str, options: SpeakOptions, text: str = "") -> ActiveContext:
        settings = self._gateway.settings
        if context_id in self._contexts:
            raise BadMessage("the context is being spoken: cancel it, or wait for its end")
        if len(self._contexts) >= settings.contexts:
            raise Exhausted(f"{settings.contexts} contexts are open on this connection", 1.0)
        self._gateway.count_request(self._usage, "context")
        context = Context(
            self._gateway.fields(options, options.voice, text), options.audio_format, settings.max_characters
        )
        active = ActiveContext(context, self._gateway.speech(context))
        active.sender = asyncio.create_task(self._send_context(context_id, active))
        self._contexts[context_id] = active
        self._ended.pop(context_id, None)
        return active

    async def _send_context(self, context_id: str, active: ActiveContext) -> None:
        """Send a context's audio, then `done` or an error."""
        try:
            async with aclosing(active.speech.chunks()) as chunks:
                async for chunk in chunks:
                    await self._send_audio(active, messages.audio(context_id, chunk), chunk.audio)
        except GatewayError as error:
            self._end(context_id)
            await self._send_error(error, context_id)
        except (WebSocketDisconnect, RuntimeError):
            return
        except Exception:
            log.exception("a context caused an error in the gateway")
            active.context.fail()
            self._end(context_id)
            await self._send_error(GatewayError("the gateway failed"), context_id)
        if active.context.state is ContextState.DONE:
            self._end(context_id)
            with suppress(WebSocketDisconnect, RuntimeError):
                await self._send(done(context_id, active.speech))

    async def _send_audio(self, active: ActiveContext, caption: dict[str, Any], audio: bytes) -> None:
        async with self._lock:
            if active.context.active:
                await self._socket.send_json(caption)
                await self._socket.send_bytes(audio)
                self._sent_at = self._used_at = time.monotonic()

    async def _cancel(self, message: Cancel) -> None:
        """Stop a context, also one that is done: its audio may still be playing."""
        context_id, played_ms = message.context_id, int(message.played_ms)
        active = self._contexts.get(context_id)
        context = active.context if active else self._ended.get(context_id)
        if context is None:
            raise MissingResource("there is no such context on this connection")
        played = context.cancel(played_ms)
        self._gateway.metrics.count("cancelled_contexts")
        if active is not None:
            self._end(context_id)
        async with self._lock:  # after the audio of a caption that was sent
            if active is not None and active.sender is not None:
                active.sender.cancel()
            await self._socket.send_json(messages.cancelled(context_id, played))
            self._sent_at = time.monotonic()

    def _end(self, context_id: str) -> None:
        """Stop a context, cancel its jobs, and keep it among the ended ones."""
        active = self._contexts.pop(context_id, None)
        if active is not None:
            active.stop_timer()
            active.speech.stop()
            self._ended[context_id] = active.context
            while len(self._ended) > REMEMBERED:
                self._ended.popitem(last=False)

    def _stop(self, active: ActiveContext) -> None:
        active.stop_timer()
        active.speech.stop()
        if active.sender is not None:
            active.sender.cancel()

    async def _send(self, content: dict[str, Any]) -> None:
        async with self._lock:
            if self._socket.application_state is WebSocketState.CONNECTED:
                await self._socket.send_json(content)
                self._sent_at = time.monotonic()

    async def _send_error(self, error: GatewayError, context_id: str | None) -> None:
        self._gateway.metrics.count("errors", error.code)
        with suppress(WebSocketDisconnect, RuntimeError):
            await self._send(messages.error(error, context_id))

    async def _heartbeat(self) -> None:
        """Send a message when no other was sent for `heartbeat_s`, so that proxies keep the connection."""
        period = self._gateway.settings.heartbeat_s
        with suppress(WebSocketDisconnect, RuntimeError):
            while True:
                left = self._sent_at + period - time.monotonic()
                if left > 0:
                    await asyncio.sleep(left)
                else:
                    await self._send({"type": "heartbeat"})

    async def _watch_end(self) -> None:
        """Close the connection if it has nothing to do for too long, or because the process ends."""
        gateway, idle_s = self._gateway, self._gateway.settings.idle_seconds
        with suppress(WebSocketDisconnect, RuntimeError):
            while not gateway.draining.is_set():
                await wait_for(gateway.draining, LOOK_S if idle_s else None)
                if idle_s and not self._is_speaking and time.monotonic() - self._used_at > idle_s:
                    await self._socket.close(NORMAL, "idle")
                    return
            while self._contexts:
                for active in self._contexts.values():
                    active.close_if_silent()
                await asyncio.sleep(LOOK_S)
            await self._socket.close(RESTART, "the server is ending")

    @property
    def _is_speaking(self) -> bool:
        """Whether audio is due or being sent."""
        states = [active.context.state for active in self._contexts.values()]
        return ContextState.CLOSED in states or self._lock.locked()


async def wait_for(event: asyncio.Event, seconds: float | None) -> None:
    """Wait for an event, or for so long."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()


def done(context_id: str, speech: ContextSpeech) -> dict[str, Any]:
    """Return the message that ends a context."""
    context = speech.context
    return {
        "type": "done",
        "context_id": context_id,
        "duration_ms": context.timeline.duration_ms,
        "bytes": context.timeline.size,
        "characters": len(context.text),
        "jobs": context.jobs,
        **({"warnings": speech.warnings} if speech.warnings else {}),
    }
