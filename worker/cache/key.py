"""The cache key: a hash of everything that changes the audio, and of nothing else."""

import hashlib
import json
from collections.abc import Mapping
from types import MappingProxyType

from worker.request import SpeechRequest

__all__ = ["cache_key"]

# By engine, 1 where it is not named: raised when the same input begins to sound different.
AUDIO: Mapping[str, int] = MappingProxyType({"chatterbox-multilingual": 2})  # v3 in place of v2
DOTTED = "\u0130"
ORIGINAL_ENGINE = "chatterbox-turbo"  # the one engine that its keys do not name


def cache_key(
    request: SpeechRequest,
    engine: str,
    clips: Mapping[str, str] = MappingProxyType({}),
    *,
    tag: str = "",
    keep_case: bool = False,
    variant: Mapping[str, str] = MappingProxyType({}),
) -> str:
    """Return 64 hexadecimal digits: the same for the same speech, on every worker.

    They are the SHA-256 of `text|voice|language|format|speed|seed`, in lower case and without space
    around them, then `|name=value`, sorted, for everything else that is not at its default.

    Args:
        request: What to speak.
        engine: The engine's name.
        clips: The SHA-256 of each voice's clip, by the voice's name, for voices that have one.
        tag: Separates this worker's entries from all others.
        keep_case: Whether "US" and "us" are two entries.
        variant: What makes the engine's audio differ from its default's: weights, precision.
    """
    fields = [
        folded("\n".join(turn.text for turn in request.spoken).strip()),
        # Each turn has its voice among the turns below; the request's own would only repeat it.
        request.voice.strip() if request.turns is None else "default",
        request.language.strip().lower(),
        request.format_name,
        str(round(float(request.speed), 2)),
        str(request.seed if request.seed is not None else 0),
    ]
    others = extras(request, engine, clips, tag) | dict(variant)
    fields += [f"{name}={value}" for name, value in sorted(others.items())]
    if keep_case:
        fields.append("case=" + hashlib.sha256(text_as_given(request)).hexdigest())
    return hashlib.sha256("|".join(fields).encode()).hexdigest()


def folded(text: str) -> str:
    """Return a text in lower case, of the same length: captions of one text must hold for the other.

    Only U+0130, the dotted capital I, is two characters in lower case; it stays as it is.
    """
    return DOTTED.join(part.lower() for part in text.split(DOTTED))


def text_as_given(request: SpeechRequest) -> bytes:
    """Return the text in its own case."""
    return "\n".join(turn.text for turn in request.spoken).strip().encode()


def extras(request: SpeechRequest, engine: str, clips: Mapping[str, str], tag: str) -> dict[str, str]:
    """Return what the first six fields do not hold, by name, if it is not at its default."""
    found = {
        "audio": str(AUDIO[engine]) if engine in AUDIO else "",
        "engine": engine if engine != ORIGINAL_ENGINE else "",
        "tag": tag,
        "clips": ",".join(f"{name}:{sha256}" for name, sha256 in sorted(clips.items())),
        "bit_rate": str(request.bit_rate) if request.format_name != "pcm" and request.bit_rate != 64 else "",
        "opening": request.opening if request.opening != "fast" else "",
        "last_pause_ms": "" if request.last_pause_ms is None else str(request.last_pause_ms),
        "normalize_numbers": "" if request.normalize_numbers else "false",
        "turns": turns_as_text(request),
        "read": ",".join(sorted(set(request.read))),
        "markup": request.markup if request.markup != "auto" else "",
    }
    if request.pronounce:
        found["pronounce"] = json.dumps(request.pronounce, sort_keys=True, ensure_ascii=False)
    found |= {name: repr(float(value)) for name, value in request.sampling.items()}
    return {name: value for name, value in found.items() if value}


def turns_as_text(request: SpeechRequest) -> str:
    """Return the turns of a dialogue as JSON; it is empty for a text."""
    if request.turns is None:
        return ""
    turns = [[turn.voice, turn.text, turn.pause_ms] for turn in request.turns]
    return json.dumps(turns, ensure_ascii=False)
