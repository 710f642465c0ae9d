"""Engines: text to PCM, as step machines that know nothing of jobs, threads or clocks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

__all__ = ["Block", "Engine", "EngineDied", "Fault", "Pcm", "Range", "Utterance"]

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


@dataclass(frozen=True, slots=True)
class Block:
    """All of an utterance's speech; `pcm` is float32 [n] in [-1, 1] at the engine's sample rate."""

    utterance: int
    pcm: Pcm
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Fault:
    """The end of one utterance that could not be spoken; the engine goes on with the others."""

    utterance: int
    error: Exception


class EngineDied(Exception):
    """The engine cannot go on: the process must end, so that the platform starts a fresh one."""


class Engine(Protocol):
    """A step machine: admit utterances, advance them, take the blocks.

    One call of `advance` is one bounded step. An exception out of it is the engine's death.
    """

    name: str
    device: str
    sample_rate: int  # Hz
    slots: int  # utterances inside at once
    ahead: int  # segments of one job that gain from being inside together
    languages: frozenset[str]
    voices: tuple[str, ...]
    options: Mapping[str, Range]  # sampling options that a request may set
    tags: bool  # whether [laugh] and its like are spoken
    clones: bool  # whether a clip can become a voice

    def admit(self, utterance: Utterance) -> None:
        """Take one utterance more; call it only while fewer than `slots` are inside."""

    def advance(self, order: Sequence[int]) -> list[Block | Fault]:
        """Do one bounded step; `order` holds the ids inside, the most urgent first."""

    def drop(self, utterance: int) -> None:
        """Forget an utterance that nobody waits for; unknown ids are no error."""
