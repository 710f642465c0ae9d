"""The cache key: a hash of all that changes the audio, and of nothing else."""

import hashlib
import json
from collections.abc import Mapping
from types import MappingProxyType

from worker.request import SpeechRequest

__all__ = ["AUDIO", "cache_key"]

AUDIO = 1  # raised when the same input would sound different
ORIGINAL_ENGINE = "chatterbox-turbo"  # the one whose keys carry no engine


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

    `variant` is what makes the engine's audio another than its default's: weights, precision.

    SHA-256 of `text|voice|language|format|speed|seed`, folded as the fields' rules say, then
    `|name=value`, sorted, for everything else that is not at its default. Case is folded:
    "US" and "us" share an entry unless `keep_case` marks them apart. `clips` holds the SHA-256 of
    each voice's clip, by the voice's name, for those that have one.
    """
    parts = [
        "\n".join(turn.text for turn in request.spoken).strip().lower(),
        # Turns say who speaks each of them; the voice of those that named none would say it twice.
        request.voice.strip() if request.turns is None else "default",
        request.language.strip().lower(),
        request.format_name,
        str(round(float(request.speed), 2)),
        str(request.seed if request.seed is not None else 0),
    ]
    others = extras(request, engine, clips, tag) | dict(variant)
    parts += [f"{name}={value}" for name, value in sorted(others.items())]
    if keep_case:
        parts.append("case=" + hashlib.sha256(parts_as_given(request)).hexdigest())
    return hashlib.sha256("|".join(parts).encode()).hexdigest()


def parts_as_given(request: SpeechRequest) -> bytes:
    """Return the text as given, the mark that keeps cases apart."""
    return "\n".join(turn.text for turn in request.spoken).strip().encode()


def extras(request: SpeechRequest, engine: str, clips: Mapping[str, str], tag: str) -> dict[str, str]:
    """Return what the six first fields do not say, where it is not the default."""
    found = {
        "audio": str(AUDIO) if AUDIO != 1 else "",
        "engine": engine if engine != ORIGINAL_ENGINE else "",
        "tag": tag,
        "clips": ",".join(f"{name}:{sha256}" for name, sha256 in sorted(clips.items())),
        "bit_rate": str(request.bit_rate) if request.format_name != "pcm" and request.bit_rate != 64 else "",
        "opening": request.opening if request.opening != "fast" else "",
        "normalize_numbers": "" if request.normalize_numbers else "false",
        "turns": turns_as_text(request),
    }
    if request.pronounce:
        found["pronounce"] = json.dumps(request.pronounce, sort_keys=True, ensure_ascii=False)
    found |= {name: repr(float(value)) for name, value in request.sampling.items()}
    return {name: value for name, value in found.items() if value}


def turns_as_text(request: SpeechRequest) -> str:
    """Return the turns of a dialogue as JSON, nothing for a text."""
    if request.turns is None:
        return ""
    turns = [[turn.voice, turn.text, turn.pause_ms] for turn in request.turns]
    return json.dumps(turns, ensure_ascii=False)
