"""Reference clips: told by their first bytes, decoded in a process apart, checked before a model has them."""

import hashlib
import subprocess
import sys
import threading
from collections.abc import Callable, Generator
from contextlib import closing, suppress
from pathlib import Path

import numpy as np

from worker.engines import Clip, Pcm
from worker.engines.resample import resampled
from worker.errors import VoiceUnusableError
from worker.voices.decoding import DamagedError

__all__ = ["MOST_BYTES", "extension", "read_clip"]

MOST_BYTES = 10_000_000  # of a file
SHORTEST, LONGEST = 5.0, 60.0  # seconds; upstream's models need more than five
LOWEST_RATE, HIGHEST_RATE = 16_000, 192_000  # Hz; the models use frequencies up to 8 kHz at least
MOST_CHANNELS = 8
EXTENSIONS = {"WAV": "wav", "WAVEX": "wav", "FLAC": "flac", "OGG": "ogg", "MP3": "mp3", "AIFF": "aiff"}
MOST_TAGS = 8  # ID3 tags before the audio
FULL_SCALE = 0.999
MOST_CLIPPED = 0.005  # share of consecutive samples at full scale
FRAME_MS = 20
AUDIBLE = 10.0 ** (-50.0 / 20.0)  # RMS of a frame with sound in it: -50 dBFS
LEAST_SOUND = 2.0  # seconds
DECODER = Path(__file__).with_name("decoding.py")
DECODING_SECONDS = 15.0  # for a clip of a minute, on a busy machine; it takes a second at most
NOT_AUDIO = "the clip is not an audio file; expected WAV, FLAC, OGG, MP3 or AIFF"
Decode = Callable[[bytes], Generator[bytes, None, None]]


def read_clip(data: bytes, decode: Decode | None = None) -> Clip:
    """Return the clip in an audio file, mono (the mean of its channels) at 24 kHz.

    At most a minute and a second are decoded, however long the file claims to be.

    Args:
        data: The file.
        decode: Yields what `decoding.blocks` does; by default in a process of its own.

    Raises:
        VoiceUnusableError: The file cannot be decoded, or the clip is not usable for a voice.
    """
    pcm, rate = decoded(data, decode or decoded_apart)
    check_sound(pcm, rate)
    return Clip(resampled(pcm, rate), hashlib.sha256(data).hexdigest())


def extension(data: bytes) -> str:
    """Return the usual extension of such a file's name, by its first bytes.

    Raises:
        VoiceUnusableError: It is none of the formats, or too large.
    """
    if len(data) > MOST_BYTES:
        raise VoiceUnusableError(f"the clip has {len(data)} bytes, expected at most {MOST_BYTES}")
    at = audio_start(data)
    kind = data[at + 8 : at + 12]
    match data[at : at + 4]:
        case b"RIFF" if kind == b"WAVE" and not at:
            return "wav"
        case b"FORM" if kind in {b"AIFF", b"AIFC"} and not at:
            return "aiff"
        case b"OggS" if not at:
            return "ogg"
        case b"fLaC":
            return "flac"
        case first if len(first) == 4 and first[0] == 0xFF and first[1] & 0xE6 == 0xE2:  # sync, layer III
            return "mp3"
    raise VoiceUnusableError(NOT_AUDIO)


def audio_start(data: bytes) -> int:
    """Return where the audio begins, after ID3 tags."""
    at = 0
    for _ in range(MOST_TAGS):
        if data[at : at + 3] != b"ID3":
            break
        size = data[at + 6 : at + 10]
        at += 10 + sum((byte & 0x7F) << shift for byte, shift in zip(size, (21, 14, 7, 0), strict=False))
    return at


def decoded(data: bytes, decode: Decode) -> tuple[Pcm, int]:
    """Return the mono mix, float32 [n], and its sample rate, decoded by the second to limit the memory."""
    expected = extension(data)
    seconds: list[Pcm] = []
    with closing(decode(data)) as blocks:
        try:
            name, rate, channels = described(next(blocks, b""))
            if EXTENSIONS.get(name) != expected:
                raise VoiceUnusableError(NOT_AUDIO)
            check_form(rate, channels)
            seconds = [
                np.frombuffer(block, np.float32).reshape(-1, channels).mean(axis=1) for block in blocks
            ]
        except (DamagedError, ValueError) as error:
            raise VoiceUnusableError("the clip is damaged: it could not be decoded") from error
    pcm = np.concatenate([np.zeros(0, np.float32), *seconds])
    check_length(len(pcm) / rate)
    return pcm, rate


def described(line: bytes) -> tuple[str, int, int]:
    """Return format, sample rate and channels as the decoder tells them; raises VoiceUnusableError."""
    words = line.split()
    if len(words) != 3:
        raise VoiceUnusableError(NOT_AUDIO)
    return words[0].decode(), int(words[1]), int(words[2])


def decoded_apart(data: bytes) -> Generator[bytes, None, None]:
    """Yield what `decoding.blocks` does, from a process with limits that is ended with the generator.

    Raises:
        DamagedError: It failed, or took too long.
    """
    command = [sys.executable, "-I", str(DECODER)]
    pipe, lost = subprocess.PIPE, subprocess.DEVNULL
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=lost, env={}) as process:  # noqa: S603
        assert process.stdin is not None and process.stdout is not None  # noqa: S101, PT018 - for mypy
        timer = threading.Timer(DECODING_SECONDS, process.kill)
        timer.start()
        try:
            with suppress(BrokenPipeError), process.stdin:
                process.stdin.write(data)
            yield (line := process.stdout.readline())
            _, rate, channels = described(line)
            while block := process.stdout.read(rate * channels * 4):
                yield block
            if process.wait():
                raise DamagedError
        finally:
            timer.cancel()
            process.kill()


def check_form(rate: int, channels: int) -> None:
    """Refuse a clip with a sample rate or a number of channels that is not usable."""
    if not LOWEST_RATE <= rate <= HIGHEST_RATE:
        raise VoiceUnusableError(f"the clip is at {rate} Hz, expected {LOWEST_RATE} to {HIGHEST_RATE}")
    if channels > MOST_CHANNELS:
        raise VoiceUnusableError(f"the clip has {channels} channels, expected at most {MOST_CHANNELS}")


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
