"""The models of a job's input: its fields, their types and limits."""

from collections.abc import Mapping
from typing import Annotated, Literal, Protocol

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from encoder import BIT_RATES
from segmenter import MarkRules, voices
from segmenter.atoms import PAUSE_LIMIT_MS
from worker.engines import Range

__all__ = [
    "ALLOWED_FORMATS",
    "ALLOWED_RATES",
    "FORMATS",
    "Capabilities",
    "Operation",
    "SpeechRequest",
    "StrictModel",
    "Turn",
]

FORMATS = ("mp3", "pcm")
SAMPLING = (
    "temperature", "top_p", "top_k", "min_p", "repetition_penalty", "exaggeration", "cfg_weight",
)  # fmt: skip

# Limits are written here alone: messages take them from the models' JSON schema or descriptions.
MOST = 200  # turns, and words to pronounce
ALLOWED_FORMATS = f"one of {', '.join(FORMATS)}"
ALLOWED_RATES = f"one of {', '.join(map(str, BIT_RATES))} (kbit/s)"
VoiceName = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$"),
    Field(description="1 to 64 letters, digits, '_' or '-'"),
]
PauseMs = Annotated[int, Field(ge=0, le=PAUSE_LIMIT_MS)]
Turns = Annotated[
    list["Turn"], Field(min_length=1, max_length=MOST, description=f"a list of 1 to {MOST} turns")
]
Respellings = Annotated[
    dict[str, str], Field(max_length=MOST, description=f"an object of at most {MOST} words, each a string")
]
LeftOut = Annotated[
    list[Literal["code", "reasoning"]],
    Field(max_length=2, description="a list of 'code', 'reasoning' or both"),
]


class Capabilities(Protocol):
    """What the validation needs to know of an engine; `worker.engines.Engine` has all of it."""

    name: str
    languages: frozenset[str]
    lacking: Mapping[str, str]
    options: Mapping[str, Range]
    tags: bool
    clones: bool


class StrictModel(BaseModel):
    """A frozen model that refuses conversions, unknown fields, NaN and infinities."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False)


class Turn(StrictModel):
    """One speaker's part of a dialogue."""

    text: str
    voice: VoiceName = "default"
    pause_ms: PauseMs | None = None


class SpeechRequest(StrictModel):
    """What to speak and how; docs/reference/api.md describes each field."""

    text: str | None = None
    turns: Turns | None = None
    voice: VoiceName = "default"
    voice_url: str | None = None
    language: Annotated[str, Field(description="a language such as 'en'")] = "en"
    format: Annotated[str, Field(description=ALLOWED_FORMATS)] = "mp3"
    speed: Annotated[float, Field(ge=0.5, le=2.0)] = 1.0
    seed: Annotated[int, Field(ge=0, le=2**63 - 1)] | None = None
    stream: bool | None = None
    cache: Literal["use", "refresh", "off"] = "use"
    opening: Literal["fast", "even"] = "fast"
    last_pause_ms: PauseMs | None = None
    normalize_numbers: bool = True
    pronounce: Respellings = {}
    read: LeftOut = []
    markup: Literal["auto", "none"] = "auto"
    bit_rate: Annotated[int, Field(description=ALLOWED_RATES)] = 64
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    min_p: float | None = None
    repetition_penalty: float | None = None
    exaggeration: float | None = None
    cfg_weight: float | None = None

    @property
    def format_name(self) -> str:
        """The audio format's name: `mp3` or `pcm` once the request is checked."""
        return self.format.strip().lower()

    @property
    def sampling(self) -> dict[str, float]:
        """The sampling options that were given, by name."""
        given = ((name, getattr(self, name)) for name in SAMPLING)
        return {name: value for name, value in given if value is not None}

    @property
    def marks(self) -> MarkRules:
        """What is read of what is for the eye."""
        return MarkRules.of(self.read, self.markup, self.pronounce)

    @property
    def spoken(self) -> tuple[Turn, ...]:
        """The turns to speak: those of a dialogue, or the text, without space around it, as the only one."""
        if self.turns is not None:
            return tuple(self.turns)
        return (Turn(text=(self.text or "").strip(), voice=self.voice),)

    @property
    def offset(self) -> int:
        """Where the text to speak begins in the text as it was given, in code points; 0 for a dialogue."""
        text = self.text or ""
        return len(text) - len(text.lstrip())

    @property
    def voices(self) -> frozenset[str]:
        """The names of all voices that speak: the turns' own, and those that the texts name."""
        named = (name for turn in self.spoken for name in voices(turn.text, self.marks))
        return frozenset((*(turn.voice for turn in self.spoken), *named))


class Operation(StrictModel):
    """A job that manages the worker instead of speaking."""

    op: Literal["voices", "voice_add", "voice_remove", "warm", "info"]
    name: VoiceName | None = None
    clip_base64: str | None = None
    voice_url: str | None = None
