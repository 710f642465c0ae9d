"""A context: text that comes in parts, what has become of it, and its audio so far. No I/O.

Routes call `push`, `flush`, `pause` and `close`; what speaks the context takes these from `inputs`, in order,
and calls `spoken` at the end.
"""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, StrEnum, auto
from typing import Any

from gateway.errors import BadRequest, ContextEnded, TooLarge
from gateway.timeline import AudioFormat, PlayedText, Timeline, played_text
from segmenter import MarkRules, Silence, has_speech, iter_plan
from segmenter.atoms import PAUSES, TAG

__all__ = ["LANGUAGE", "Context", "ContextState", "Input", "Signal"]

LANGUAGE = "unsupported_language"  # the worker's code


class Signal(Enum):
    """What else than text comes to a context."""

    FLUSH = auto()  # speak all text so far, also an incomplete sentence
    CLOSE = auto()  # no more text will come


Input = str | Signal | Silence


class ContextState(StrEnum):
    """The states of a context."""

    OPEN = "open"  # takes text
    CLOSED = "closed"  # takes no more text; what it has is still spoken
    DONE = "done"
    CANCELLED = "cancelled"
    FAILED = "failed"


class ContextEvent(StrEnum):
    """What can happen to a context."""

    CLOSE = "close"
    SPOKEN = "spoken"
    CANCEL = "cancel"
    FAIL = "fail"


TRANSITIONS: dict[ContextState, dict[ContextEvent, ContextState]] = {
    ContextState.OPEN: {
        ContextEvent.CLOSE: ContextState.CLOSED,
        ContextEvent.CANCEL: ContextState.CANCELLED,
        ContextEvent.FAIL: ContextState.FAILED,
    },
    ContextState.CLOSED: {
        ContextEvent.CLOSE: ContextState.CLOSED,
        ContextEvent.SPOKEN: ContextState.DONE,
        ContextEvent.CANCEL: ContextState.CANCELLED,
        ContextEvent.FAIL: ContextState.FAILED,
    },
    ContextState.DONE: {},
    ContextState.CANCELLED: {},
    ContextState.FAILED: {},
}


@dataclass(slots=True)
class Context:
    """One speech whose text may still come.

    Args:
        options: Fields of the worker's input beside the text, such as `voice` and `language`.
        audio_format: How the audio is coded.
        limit: The most characters of the context's whole text.

    Raises:
        BadRequest: The language is not a language tag.
    """

    options: Mapping[str, Any]
    audio_format: AudioFormat = field(default_factory=AudioFormat)
    limit: int = 10_000
    state: ContextState = ContextState.OPEN
    text: str = ""
    timeline: Timeline = field(init=False)
    inputs: deque[Input] = field(default_factory=deque)  # what has come and is not taken yet
    jobs: int = 0  # that have been asked for

    def __post_init__(self) -> None:
        self.timeline = Timeline(self.audio_format)
        try:
            iter_plan("", self.language)
        except ValueError:
            raise BadRequest("language is not a language tag, expected one such as en", LANGUAGE) from None

    @property
    def language(self) -> str:
        """The language's tag."""
        return str(self.options.get("language", "en"))

    @property
    def marks(self) -> MarkRules:
        """What is read of what is for the eye."""
        given = self.options.get
        return MarkRules.of(given("read", ()), str(given("markup", "auto")), given("pronounce", ()))

    @property
    def active(self) -> bool:
        """Whether more audio may come."""
        return self.state in {ContextState.OPEN, ContextState.CLOSED}

    @property
    def has_speech(self) -> bool:
        """Whether anything of the text so far may be spoken; a tag is by some engines."""
        return has_speech(self.text, self.marks) or TAG.search(PAUSES.sub("", self.text)) is not None

    def push(self, text: str) -> None:
        """Add text that is still being written; raises as `check`."""
        self.check(text)
        if text:  # nothing new: what waits for more text would be looked at once more for it
            self.text += text
            self.inputs.append(text)

    def speak(self, text: str) -> None:
        """Add the whole text and close the context; raises as `check`."""
        self.push(text)
        self.close()

    def check(self, text: str) -> None:
        """Check whether text can be added.

        Raises:
            ContextEnded: The context takes no more text.
            TooLarge: It would have more than `limit` characters.
            BadRequest: The text has a lone surrogate.
        """
        if self.state is not ContextState.OPEN:
            raise ContextEnded(f"the context is {self.state} and takes no more text")
        size = len(self.text) + len(text)
        if size > self.limit:
            raise TooLarge(f"the context would have {size} characters, expected at most {self.limit}")
        if any("\ud800" <= letter <= "\udfff" for letter in text):
            raise BadRequest("text has a lone surrogate, expected valid Unicode")

    def flush(self) -> None:
        """Have all text so far spoken, also an incomplete sentence."""
        if self.state is ContextState.OPEN:
            self.inputs.append(Signal.FLUSH)

    def pause(self, silence: Silence) -> None:
        """Have spoken what is over if no text has come for so long."""
        if self.state is ContextState.OPEN:
            self.inputs.append(silence)

    def close(self) -> None:
        """Take no more text; what there is is still spoken."""
        if ContextEvent.CLOSE not in TRANSITIONS[self.state]:
            raise ContextEnded(f"the context is {self.state}")
        if self.state is ContextState.OPEN:
            self.inputs.append(Signal.CLOSE)
        self._apply(ContextEvent.CLOSE)

    def spoken(self) -> None:
        """End the context because all of its text has been spoken."""
        if ContextEvent.SPOKEN in TRANSITIONS[self.state]:
            self._apply(ContextEvent.SPOKEN)

    def cancel(self, played_ms: int) -> PlayedText:
        """Stop; return the text that a listener has heard who has played `played_ms`.

        Raises:
            ContextEnded: It was cancelled or failed before.
        """
        if self.state is not ContextState.DONE:
            if ContextEvent.CANCEL not in TRANSITIONS[self.state]:
                raise ContextEnded(f"the context is {self.state}")
            self._apply(ContextEvent.CANCEL)
        return played_text(self.timeline.captions, played_ms, self.text)

    def fail(self) -> None:
        """End the context because a job failed."""
        if ContextEvent.FAIL in TRANSITIONS[self.state]:
            self._apply(ContextEvent.FAIL)

    def coding(self) -> dict[str, Any]:
        """Return the worker's fields for the audio's format."""
        if self.audio_format.name == "pcm":
            return {"format": "pcm"}
        return {"bit_rate": self.audio_format.bit_rate}

    def _apply(self, event: ContextEvent) -> None:
        self.state = TRANSITIONS[self.state][event]
        if not self.active:
            self.inputs.clear()
