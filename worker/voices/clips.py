"""Reference clips: decoded by their content, within limits, and checked before a model gets them."""

import hashlib
import io
import itertools
from typing import Any

import numpy as np

from worker.engines import Clip, Pcm
from worker.engines.resample import resampled
from worker.errors import VoiceUnusableError

__all__ = ["MOST_BYTES", "extension", "read_clip"]

MOST_BYTES = 10_000_000  # of a file
SHORTEST, LONGEST = 5.0, 60.0  # seconds; upstream's models need more than five
LOWEST_RATE, HIGHEST_RATE = 16_000, 192_000  # Hz; the models use frequencies up to 8 kHz at least
MOST_CHANNELS = 8
EXTENSIONS = {"WAV": "wav", "WAVEX": "wav", "FLAC": "flac", "OGG": "ogg", "MP3": "mp3", "AIFF": "aiff"}
FULL_SCALE = 0.999
MOST_CLIPPED = 0.005  # share of consecutive samples at full scale
FRAME_MS = 20
AUDIBLE = 10.0 ** (-50.0 / 20.0)  # RMS of a frame with sound in it: -50 dBFS
LEAST_SOUND = 2.0  # seconds


def read_clip(data: bytes) -> Clip:
    """Return the clip in an audio file, mono (the mean of its channels) at 24 kHz.

    At most a minute and a second are decoded, however long the file claims to be.

    Raises:
        VoiceUnusableError: The file cannot be decoded, or the clip is not usable for a voice.
    """
    pcm, rate = decoded(data)
    check_sound(pcm, rate)
    return Clip(resampled(pcm, rate), hashlib.sha256(data).hexdigest())


def extension(data: bytes) -> str:
    """Return the usual extension of such a file's name; raises VoiceUnusableError as `read_clip` does."""
    with opened(data) as file:
        return EXTENSIONS[file.format]


def opened(data: bytes) -> Any:
    """Return an audio file, opened by its content; raises VoiceUnusableError."""
    import soundfile  # noqa: PLC0415 - a quarter of a second that only clips need

    if len(data) > MOST_BYTES:
        raise VoiceUnusableError(f"the clip has {len(data)} bytes, expected at most {MOST_BYTES}")
    try:
        file = soundfile.SoundFile(io.BytesIO(data))
    except (soundfile.SoundFileError, TypeError) as error:
        raise VoiceUnusableError(
            "the clip is not an audio file; expected WAV, FLAC, OGG, MP3 or AIFF"
        ) from error
    if file.format not in EXTENSIONS:
        raise VoiceUnusableError(f"the clip is {file.format[:10]}; expected WAV, FLAC, OGG, MP3 or AIFF")
    return file


def decoded(data: bytes) -> tuple[Pcm, int]:
    """Return the mono mix, float32 [n], and its sample rate, decoded by the second to limit the memory."""
    import soundfile  # noqa: PLC0415 - likewise

    with opened(data) as file:
        rate = int(file.samplerate)
        if not LOWEST_RATE <= rate <= HIGHEST_RATE:
            raise VoiceUnusableError(f"the clip is at {rate} Hz, expected {LOWEST_RATE} to {HIGHEST_RATE}")
        if file.channels > MOST_CHANNELS:
            raise VoiceUnusableError(
                f"the clip has {file.channels} channels, expected at most {MOST_CHANNELS}"
            )
        seconds: list[Pcm] = []
        for _ in itertools.repeat(None, int(LONGEST) + 1):
            try:
                block = file.read(rate, dtype="float32", always_2d=True)
            except soundfile.SoundFileError as error:
                raise VoiceUnusableError("the clip is damaged: it could not be decoded") from error
            if not len(block):
                break
            seconds.append(block.mean(axis=1))
    pcm = np.concatenate([np.zeros(0, np.float32), *seconds])
    check_length(len(pcm) / rate)
    return pcm, rate


def check_length(seconds: float) -> None:
    """Refuse a clip that is too short or too long to learn from."""
    if seconds > LONGEST:
        raise VoiceUnusableError(f"the clip is longer than {LONGEST:.0f} s: cut it")
    if seconds <= SHORTEST:
        raise VoiceUnusableError(f"the clip has {seconds:.1f} s, expected more than {SHORTEST:.0f} s")


def check_sound(pcm: Pcm, rate: int) -> None:
    """Refuse a clip with samples that are not finite, one that is silent and one that is clipped."""
    if not np.isfinite(pcm).all():
        raise VoiceUnusableError("the clip has samples that are not finite numbers")
    frame = rate * FRAME_MS // 1000
    frames = pcm[: len(pcm) // frame * frame].reshape(-1, frame)
    sound = np.count_nonzero(np.sqrt(np.square(frames).mean(axis=1)) > AUDIBLE) * FRAME_MS / 1000
    if not sound:
        raise VoiceUnusableError("the clip is silent")
    if sound < LEAST_SOUND:
        raise VoiceUnusableError(
            f"the clip is mostly silent: {sound:.1f} s of sound, expected {LEAST_SOUND:.0f}"
        )
    flat = (np.abs(pcm[1:]) >= FULL_SCALE) & (np.abs(pcm[:-1]) >= FULL_SCALE)
    share = np.count_nonzero(flat) / len(pcm)
    if share > MOST_CLIPPED:
        raise VoiceUnusableError(f"the clip is clipped: {share:.1%} of its samples are at full scale")
