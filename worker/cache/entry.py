"""A speech as a file of the cache: its audio, with its captions and summary in tags."""

import hashlib
import json
import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from encoder import SAMPLE_RATE, Mp3Error, read_file, whole_file
from encoder import id3 as pcm_tags
from worker.chunks import Caption

__all__ = ["BadEntry", "SpeechFile", "StoredSpeech", "pack", "unpack"]

DESCRIPTION = "chatterpod"  # of the ID3 text frame (TXXX) with the summary


@dataclass(frozen=True, slots=True)
class StoredSpeech:
    """A whole speech: its audio without tags, and what a repeated job needs to know of it."""

    audio: bytes
    samples: int  # of PCM, pauses included
    captions: tuple[Caption, ...]
    summary: Mapping[str, Any]

    @property
    def duration_ms(self) -> int:
        """Its duration in milliseconds, pauses included."""
        return round(self.samples * 1000 / SAMPLE_RATE)


class BadEntry(ValueError):
    """A file of the cache is not what was stored."""


def pack(speech: StoredSpeech, format_name: str) -> bytes:
    """Return the file of a speech: tags with its captions and summary, then the audio."""
    note = {
        "sha256": hashlib.sha256(speech.audio).hexdigest(),
        "samples": speech.samples,
        "summary": dict(speech.summary),
        "segments": [list(asdict(caption).values()) for caption in speech.captions],
    }
    texts = {DESCRIPTION: json.dumps(note, separators=(",", ":"))}
    if format_name == "pcm":
        return pcm_tags.write(texts) + speech.audio
    return whole_file(speech.audio, speech.samples, texts)


class SpeechFile:
    """The file of a finished speech, packed once, by the thread that needs it first."""

    def __init__(self, speech: StoredSpeech, format_name: str) -> None:
        self.speech = speech
        self._format_name = format_name
        self._content: bytes | None = None
        self._lock = threading.Lock()

    def free(self) -> None:
        """Forget the packed file; it is packed again if somebody needs it."""
        with self._lock:
            self._content = None

    def content(self) -> bytes:
        """Return the file; the first call packs it, which takes milliseconds for a long speech."""
        with self._lock:
            if self._content is None:
                self._content = pack(self.speech, self._format_name)
            return self._content


def unpack(data: bytes, format_name: str) -> StoredSpeech:
    """Return the speech in a file that `pack` returned.

    Raises:
        BadEntry: The file is cut or changed, or was not made by `pack`.
    """
    try:
        if format_name == "pcm":
            texts, start = pcm_tags.read(data)
            audio = data[start:]
        else:
            file = read_file(data)
            texts, audio = dict(file.texts), file.audio
        note = json.loads(texts[DESCRIPTION])
        if hashlib.sha256(audio).hexdigest() != note["sha256"]:
            raise BadEntry("the audio is not what was stored")
        captions = tuple(Caption(*map(int, row)) for row in note["segments"])
        return StoredSpeech(audio, int(note["samples"]), captions, dict(note["summary"]))
    except (Mp3Error, KeyError, TypeError, ValueError) as error:
        raise BadEntry(f"{type(error).__name__}: {error}") from error
