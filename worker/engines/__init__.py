"""Engines: text to PCM, as step machines that know nothing of jobs, threads or clocks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "CLIP_RATE",
    "Clip",
    "CloningEngine",
    "Engine",
    "EngineDied",
    "Fault",
    "Pcm",
    "Range",
    "ReportingEngine",
    "RestingEngine",
    "Take",
    "Utterance",
]  # fmt: skip

Pcm = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Range:
    """What a sampling option may be, both ends included."""

    low: float
    high: float
    whole: bool = False


@dataclass(frozen=True, slots=True)
class Utterance:
    """One segment to speak; `id` is the caller's, and unique among those inside the engine."""

    id: int
    text: str
    voice: str = "default"
    language: str = "en"
    speed: float = 1.0
    seed: int = 0
    sampling: Mapping[str, float] = field(default_factory=dict)
    opens: bool = False  # the first of its speech: a listener waits for it
    begins_inside: bool = False  # a sentence began before it
    ends_inside: bool = False  # its last sentence goes on after it


@dataclass(frozen=True, slots=True)
class Take:
    """All of an utterance's speech; `pcm` is float32 [n] in [-1, 1] at the engine's sample rate.

    `stopped`: whether the model itself ended its speech. `gain` brought a finished take to the common
    loudness; it is None if the speech is too short to have one, and its neighbour's gain is due.
    """

    utterance: int
    pcm: Pcm
    warnings: tuple[str, ...] = ()
    stopped: bool = True
    gain: float | None = 1.0


@dataclass(frozen=True, slots=True)
class Fault:
    """The end of one utterance that could not be spoken; the engine goes on with the others."""

    utterance: int
    error: Exception


@dataclass(frozen=True, slots=True)
class Clip:
    """A reference recording, checked: mono float32 [n] in [-1, 1] at 24 kHz, over 5 s, up to 60 s.

    `sha256` is of the file it came from, in hexadecimal; `pcm` is never written to.
    """

    pcm: Pcm
    sha256: str

    @property
    def seconds(self) -> float:
        """Its length."""
        return len(self.pcm) / CLIP_RATE


CLIP_RATE = 24_000  # Hz


class EngineDied(Exception):
    """The engine cannot go on: the process must end, so that the platform starts a fresh one."""


class Engine(Protocol):
    """A step machine: admit utterances, advance them, and get their takes.

    One call of `advance` is one bounded step. An exception out of it ends the engine.
    """

    name: str
    device: str
    sample_rate: int  # Hz
    slots: int  # utterances inside at once
    ahead: int  # segments of one job that gain from being inside together
    languages: frozenset[str]
    lacking: Mapping[str, str]  # for each language that it could speak, and cannot here: what it needs
    voices: tuple[str, ...]
    options: Mapping[str, Range]  # sampling options that a request may set
    tags: bool  # whether [laugh] and its like are spoken
    clones: bool  # whether a clip can become a voice

    def admit(self, utterance: Utterance) -> None:
        """Take one utterance more; call it only while fewer than `slots` are inside."""

    def advance(self, order: Sequence[int]) -> list[Take | Fault]:
        """Do one bounded step; `order` holds the ids inside, the most urgent first."""

    def drop(self, utterance: int) -> None:
        """Forget an utterance; unknown ids are ignored."""


@runtime_checkable
class RestingEngine(Engine, Protocol):
    """An engine that can use the time when nothing is inside."""

    def rest(self) -> bool:
        """Do one bounded piece of what makes later steps faster; False if none is left."""


@runtime_checkable
class ReportingEngine(Engine, Protocol):
    """An engine with figures of its own for operators."""

    def status(self) -> Mapping[str, int | str]:
        """Return figures and short lines about its state, fit for a client; for any thread."""


@runtime_checkable
class CloningEngine(Engine, Protocol):
    """An engine that learns voices from clips; each call runs between two steps, on their thread.

    A learned voice is spoken with by its key, as `Utterance.voice`. Keys never change meaning: one
    clip is one key. The models that only learning needs are loaded by the first `learn`.
    """

    recipe: str  # a file's name: the weights and the precision that learned voices depend on

    def learn(self, voice: str, clip: Clip) -> bytes:
        """Make the voice of a clip ready under the key `voice`; return the file that recalls it.

        Raises:
            VoiceUnusableError: The clip cannot become a voice; the reason is fit for a client.
        """

    def recall(self, voice: str, data: bytes) -> None:
        """Make a voice ready from what `learn` returned under the same key and recipe.

        Raises:
            ValueError: The data are damaged or of another clip, weights or precision.
        """

    def forget(self, voice: str) -> None:
        """Free a ready voice that no utterance inside speaks with; unknown keys are ignored."""
