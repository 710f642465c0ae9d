"""The voices of a request: found, made ready in the engine while jobs use them, then forgotten."""

import asyncio
import base64
import binascii
import contextlib
import hashlib
import logging
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from concurrent.futures import Future
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from worker.engines import Clip, CloningEngine
from worker.errors import InvalidInputError, VoiceUnusableError, VolumeError
from worker.request import SpeechRequest
from worker.voices.clips import read_clip
from worker.voices.open_fetches import Fetch, OpenFetches, refuse
from worker.voices.room import VoiceRoom
from worker.voices.store import VoiceStore
from worker.volume import Volume

__all__ = ["ReadyVoices", "Voice", "VoicesByName"]

log = logging.getLogger("worker")
MOST_SENT = 7_000_000  # bytes of a clip in a job: as base64 below RunPod's limit of 10 MB
Result = TypeVar("Result")
Call = Callable[[Callable[[], Any]], "Future[Any]"]


@dataclass(frozen=True, slots=True)
class Voice:
    """A voice of a job."""

    name: str  # in the request
    key: str  # in the engine
    sha256: str | None = None  # of its clip; None for the engine's own voices
    data: bytes | None = None  # the clip's file, if it was fetched for this job


VoicesByName = Mapping[str, Voice]  # by the name in the request


class ReadyVoices:
    """Finds voices and keeps the learned ones that were used last ready, within a limit of memory.

    For the event loop only; files are read and written by `Volume`, within its time. A voice in use is
    never forgotten: a job ends with the clip that it began with, even if the voice is replaced meanwhile.

    Args:
        store: The voices on the volume.
        cloner: The engine that learns voices; None if it cannot.
        call: Runs a function on the engine's thread; returns the future of its result.
        fetch: Returns the file at a URL; it may be cancelled.
        memory_bytes: For the voices that are ready.
        volume: Runs what reads and writes the store.
    """

    def __init__(
        self,
        store: VoiceStore,
        cloner: CloningEngine | None,
        *,
        call: Call,
        fetch: Fetch = refuse,
        memory_bytes: int = 1_000_000_000,
        volume: Volume | None = None,
    ) -> None:
        self.store = store
        self.learned = 0  # conditionings computed
        self.recalled = 0  # read from their files
        self._cloner = cloner
        self._call = call
        self.fetches = OpenFetches(fetch)
        self._memory_bytes = memory_bytes
        self._volume = volume or Volume()
        self._digests: dict[str, str] = {}  # of the clips, as they were last seen, by name
        self._ready: OrderedDict[str, int] = OrderedDict()  # sizes in bytes, by key; the latest used is last
        self._room = VoiceRoom(self._ready, memory_bytes)
        self._preparing: dict[str, asyncio.Task[None]] = {}

    @property
    def ready(self) -> tuple[str, ...]:
        """The keys of the learned voices that are ready; the latest used is last."""
        return tuple(self._ready)

    @property
    def preparing(self) -> tuple[str, ...]:
        """The keys of the voices that are being made ready."""
        return tuple(self._preparing)

    async def by_name(self, request: SpeechRequest) -> VoicesByName:
        """Return the voices of a request by their names, not yet ready.

        Raises:
            UnknownVoiceError: There is no voice of that name.
            VoiceUnusableError: The clip of `voice_url` cannot be fetched.
        """
        names = request.voices
        if request.voice not in names:
            await self.find(request.voice)  # no turn uses it, but it must exist
        voices = {}
        for name in sorted(names):
            if name == "default" and request.voice_url is not None:
                voices[name] = await self._fetched(name, request.voice_url)
            else:
                voices[name] = await self.find(name)
        return voices

    async def find(self, name: str) -> Voice:
        """Return the voice called `name`; raises UnknownVoiceError."""
        if name in self.store.built_in:
            return Voice(name, name)
        if self._cloner is None:
            raise self.store.unknown(name)
        try:
            sha256 = self._digests[name] = await self._on_volume(self.store.digest, name)
        except VolumeError:
            sha256 = self._digests.get(name, "")
            if sha256 not in self._ready:
                raise
        return Voice(name, sha256, sha256)

    async def names(self) -> tuple[list[str], list[str]]:
        """Return the names of all voices, and a warning if the volume with some of them does not answer."""
        try:
            return await self._volume.look(self.store.names), []
        except VolumeError:
            return list(self.store.built_in), ["voices are missing: the volume does not answer"]

    async def remove(self, name: str) -> None:
        """Remove a voice; raises as `VoiceStore.remove`, and VolumeError."""
        await self._on_volume(self.store.remove, name)

    async def _fetched(self, name: str, url: str) -> Voice:
        data = await self.fetches.file_at(url)
        sha256 = hashlib.sha256(data).hexdigest()
        return Voice(name, sha256, sha256, data)

    @asynccontextmanager
    async def using(self, voices: Collection[Voice]) -> AsyncIterator[None]:
        """Make voices ready and keep them so until the end of the block.

        Raises:
            VoiceUnusableError: A clip is not usable for a voice, or all of them are too large together.
            EngineFailedError: They do not fit beside those that other jobs use.
        """
        keys = {voice.key for voice in voices if voice.sha256 is not None}
        try:
            async with self._room.holding(keys):
                for voice in voices:
                    await self._prepare(voice)
                    self._room.check(keys)
                yield
        finally:
            self._forget_unused()

    async def add(self, name: str, clip_base64: str | None, url: str | None) -> dict[str, Any]:
        """Learn a voice from a clip and keep it under `name`; return the fields of the job's answer.

        Raises:
            InvalidInputError: The name is not allowed, or the base64 is not valid.
            VoiceUnusableError: The engine does not clone, or the clip is not usable.
        """
        if self._cloner is None:
            raise VoiceUnusableError("this engine does not clone voices")
        if name in self.store.built_in:
            raise InvalidInputError(f"name is {name!r}, which is the engine's own voice; choose another name")
        data = unpacked(clip_base64) if url is None else await self.fetches.file_at(url)
        clip = await asyncio.to_thread(read_clip, data)
        learned = await self._on_engine(partial(self._cloner.learn, clip.sha256, clip))
        self.learned += 1
        self._ready[clip.sha256] = len(learned)
        self._forget_unused()
        replaced = await self._on_volume(self.store.add, name, data)
        await self._keep(name, clip.sha256, learned)
        return {"name": name, "seconds": round(clip.seconds, 2), "sha256": clip.sha256, "replaced": replaced}

    async def _prepare(self, voice: Voice) -> None:
        """Make one voice ready, once for all jobs that wait for it, even if they stop waiting."""
        if voice.sha256 is None:
            return
        if voice.key in self._ready:
            self._ready.move_to_end(voice.key)
            return
        task = self._preparing.get(voice.key)
        if task is None:
            task = asyncio.create_task(self._make_ready(voice))
            self._preparing[voice.key] = task
            task.add_done_callback(
                lambda done: done.cancelled() or done.exception()
            )  # retrieved, so that asyncio does not warn
        await asyncio.shield(task)

    async def _make_ready(self, voice: Voice) -> None:
        try:
            self._ready[voice.key] = await self._recalled(voice) or await self._learned(voice)
        finally:
            del self._preparing[voice.key]
        self._forget_unused()

    async def _recalled(self, voice: Voice) -> int:
        """Make the voice ready from its learned file; return the size, 0 if there is no valid file."""
        cloner = self._cloner
        if cloner is None or voice.sha256 is None or voice.data is not None:
            return 0
        data = await self._on_volume(self.store.learned, voice.name, voice.sha256, cloner.recipe)
        if data is None:
            return 0
        try:
            await self._on_engine(lambda: cloner.recall(voice.key, data))
        except ValueError as error:
            log.warning("voice %s is learned again, its file is not valid: %s", voice.name, error)
            return 0
        self.recalled += 1
        return len(data)

    async def _learned(self, voice: Voice) -> int:
        """Learn the voice from its clip and keep what was learned in a file; return the size."""
        cloner = self._cloner
        if cloner is None:
            return 0
        clip = await self._clip(voice)
        data: bytes = await self._on_engine(lambda: cloner.learn(voice.key, clip))
        self.learned += 1
        if voice.data is None:
            await self._keep(voice.name, clip.sha256, data)
        return len(data)

    async def _keep(self, name: str, sha256: str, learned: bytes) -> None:
        """Keep what was learned, if the volume answers: another worker has it sooner then."""
        if self._cloner is not None:
            with contextlib.suppress(VolumeError):
                await self._on_volume(self.store.keep, name, sha256, self._cloner.recipe, learned)

    async def _on_volume(self, work: Callable[..., Result], *args: Any) -> Result:
        """Run a method of the store.

        Raises:
            VolumeError: The volume does not answer.
            VoiceUnusableError: It answers with an error.
        """
        try:
            return await self._volume.run(work, *args)
        except OSError as error:
            why = error.strerror or type(error).__name__
            raise VoiceUnusableError(f"the voices' folder cannot be used: {why}") from error

    async def _clip(self, voice: Voice) -> Clip:
        data = voice.data
        if data is None:
            data = await self._on_volume(self.store.clip, voice.name)
        clip = await asyncio.to_thread(read_clip, data)
        if clip.sha256 != voice.sha256:
            raise VoiceUnusableError(
                f"the voice {voice.name!r} was just given another clip: send the job again"
            )
        return clip

    async def _on_engine(self, function: Callable[[], Any]) -> Any:
        return await asyncio.wrap_future(self._call(function))

    def _forget_unused(self) -> None:
        """Forget unused voices, the least recently used first, until the rest fit into the memory."""
        cloner = self._cloner
        if cloner is None:
            return
        idle = [key for key in self._ready if key not in self._room.in_use]
        total = sum(self._ready.values())
        for key in idle:
            if total <= self._memory_bytes:
                return
            total -= self._ready.pop(key)
            self._call(partial(cloner.forget, key))


def unpacked(clip_base64: str | None) -> bytes:
    """Return the bytes of a clip sent as base64; raises InvalidInputError without repeating them."""
    try:
        data = base64.b64decode(clip_base64 or "", validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidInputError("clip_base64 is not base64, expected the bytes of an audio file") from error
    if not data or len(data) > MOST_SENT:
        raise InvalidInputError(f"clip_base64 holds {len(data)} bytes, expected 1 to {MOST_SENT}")
    return data
