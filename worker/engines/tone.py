"""An engine without a model: a tone whose length follows the text, at a chosen speed of production.

It measures the pipeline alone, and lets tests count samples.
"""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

import numpy as np

from worker.engines import Clip, Fault, Pcm, Range, Take, Utterance

__all__ = ["SAMPLES_PER_CHARACTER", "ToneEngine"]

SAMPLE_RATE = 24_000  # Hz
SAMPLES_PER_CHARACTER = 1_680  # 70 ms: about the pace of English speech
STEP_SAMPLES = 4_800  # produced for every utterance in one step: 200 ms of audio
SHORTEST_SLEEP = 0.001  # seconds; the system makes shorter ones longer
FREQUENCY = 220  # Hz; the voice's seed shifts it, so that two seeds differ


class ToneEngine:
    """Speak every character as 70 ms of tone, `speed` seconds of audio a second and slot.

    A learned voice is a pitch of its own, from its clip's hash.
    """

    name = "tone"
    device = "cpu"
    sample_rate = SAMPLE_RATE
    ahead = 1
    languages = frozenset({"en", "de", "fr", "ja"})
    lacking: Mapping[str, str] = MappingProxyType({})
    voices: tuple[str, ...] = ("default", "low")
    options: Mapping[str, Range] = {"temperature": Range(0.05, 2.0), "top_k": Range(1, 1000, whole=True)}
    tags = True
    clones = True
    recipe = "tone.json"

    def __init__(
        self, speed: float = 1_000.0, slots: int = 8, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self.slots = slots
        self._speed = speed
        self._sleep = sleep
        self._owed = 0.0  # seconds
        self._inside: dict[int, tuple[Utterance, int]] = {}  # id -> utterance, samples made so far
        self._pitches = {"default": 1.0, "low": 0.5}  # times FREQUENCY, by voice

    def admit(self, utterance: Utterance) -> None:
        """Take one utterance more."""
        self._inside[utterance.id] = (utterance, 0)

    def advance(self, order: Sequence[int]) -> list[Take | Fault]:
        """Make up to 200 ms of audio for each utterance inside, in the time that takes at `speed`."""
        done: list[Take | Fault] = []
        longest = 0
        for key in order:
            utterance, made = self._inside[key]
            wanted = length(utterance)
            step = min(STEP_SAMPLES, wanted - made)
            longest = max(longest, step)
            self._inside[key] = (utterance, made + step)
            if made + step == wanted:
                del self._inside[key]
                done.append(Take(key, tone(utterance, wanted, self._pitches[utterance.voice])))
        self._owed += longest / SAMPLE_RATE / self._speed
        if self._owed > SHORTEST_SLEEP:
            self._sleep(self._owed)
            self._owed = 0.0
        return done

    def drop(self, utterance: int) -> None:
        """Forget an utterance."""
        self._inside.pop(utterance, None)

    def learn(self, voice: str, clip: Clip) -> bytes:
        """Make the voice of a clip ready; return the file that recalls it."""
        data = json.dumps({"clip": clip.sha256, "pitch": 1 + int(clip.sha256[:4], 16) / 2**16}).encode()
        self.recall(voice, data)
        return data

    def recall(self, voice: str, data: bytes) -> None:
        """Make a voice ready from its file; raises ValueError if that is damaged."""
        try:
            self._pitches[voice] = float(json.loads(data)["pitch"])
        except (KeyError, TypeError) as error:
            raise ValueError("not the file of a tone's voice") from error

    def forget(self, voice: str) -> None:
        """Free a learned voice."""
        self._pitches.pop(voice, None)


def length(utterance: Utterance) -> int:
    """Return the samples that an utterance becomes."""
    return round(len(utterance.text) * SAMPLES_PER_CHARACTER / utterance.speed)


def tone(utterance: Utterance, samples: int, pitch: float = 1.0) -> Pcm:
    """Return `samples` of a sine, 0.3 at its peak, at `pitch` times the tone's own frequency."""
    frequency = (FREQUENCY + utterance.seed % 100) * pitch
    phase = np.arange(samples, dtype=np.float32) * np.float32(2 * np.pi * frequency / SAMPLE_RATE)
    wave: Pcm = np.float32(0.3) * np.sin(phase)
    return wave
