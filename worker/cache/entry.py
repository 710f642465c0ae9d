"""A speech as a file of the cache: its audio, with its times and summary in tags."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from encoder import Mp3Error, read_file, whole_file
from encoder import id3 as pcm_tags
from worker.chunks import Caption

__all__ = ["BadEntry", "StoredSpeech", "pack", "unpack"]

TAG = "chatterpod"


@dataclass(frozen=True, slots=True)
class StoredSpeech:
    """A whole speech: its frames without tags, and what the summary of a repeat needs."""

    audio: bytes
    samples: int
    captions: tuple[Caption, ...]
    summary: Mapping[str, Any]

    @property
    def duration_ms(self) -> int:
        """Its length, pauses included."""
        return round(self.samples * 1000 / 24_000)


class BadEntry(ValueError):
    """A file of the cache that does not verify."""


def pack(speech: StoredSpeech, format_name: str) -> bytes:
    """Return the self-contained file of a speech: tags with summary and times, then the frames."""
    note = {
        "sha256": hashlib.sha256(speech.audio).hexdigest(),
        "samples": speech.samples,
        "summary": dict(speech.summary),
        "segments": [list(asdict(caption).values()) for caption in speech.captions],
    }
    texts = {TAG: json.dumps(note, separators=(",", ":"))}
    if format_name == "pcm":
        return pcm_tags.write(texts) + speech.audio
    return whole_file(speech.audio, speech.samples, texts)


def unpack(data: bytes, format_name: str) -> StoredSpeech:
    """Return the speech of a file.

    Raises:
        BadEntry: The file is cut, changed or something else.
    """
    try:
        if format_name == "pcm":
            texts, start = pcm_tags.read(data)
            audio = data[start:]
        else:
            file = read_file(data)
            texts, audio = dict(file.texts), file.audio
        note = json.loads(texts[TAG])
        if hashlib.sha256(audio).hexdigest() != note["sha256"]:
            raise BadEntry("the audio is not what was stored")
        captions = tuple(Caption(*map(int, row)) for row in note["segments"])
        return StoredSpeech(audio, int(note["samples"]), captions, dict(note["summary"]))
    except (Mp3Error, KeyError, TypeError, ValueError) as error:
        raise BadEntry(f"{type(error).__name__}: {error}") from error
