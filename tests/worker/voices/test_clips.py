"""Which clips may become voices, and the errors about others."""

import io
import subprocess
import sys
import tracemalloc
from collections.abc import Generator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.kits.clips import audio_file, voice_like, wav
from worker.errors import VoiceUnusableError
from worker.voices import clips
from worker.voices.clips import DECODER, MOST_BYTES, extension, read_clip

RATE = 24_000


def refused(data: bytes) -> str:
    with pytest.raises(VoiceUnusableError) as caught:
        read_clip(data)
    return str(caught.value)


@pytest.mark.parametrize(
    ("form", "ending"), [("WAV", "wav"), ("FLAC", "flac"), ("OGG", "ogg"), ("MP3", "mp3"), ("AIFF", "aiff")]
)
def test_a_clips_format_is_recognized_by_its_content(form: str, ending: str) -> None:
    data = audio_file(voice_like(), form=form)
    clip = read_clip(data)
    assert extension(data) == ending
    assert clip.seconds == pytest.approx(6.0, abs=0.06)
    assert np.corrcoef(clip.pcm[: 6 * RATE], voice_like()[: len(clip.pcm)])[0, 1] > 0.9


def test_channels_are_mixed_to_their_mean_and_the_rate_becomes_24_khz() -> None:
    left, right = voice_like(rate=48_000), 0.5 * voice_like(pitch=200, rate=48_000)
    clip = read_clip(audio_file(np.stack([left, right], axis=1), 48_000, subtype="FLOAT"))
    mixed = (voice_like() + 0.5 * voice_like(pitch=200)) / 2
    assert len(clip.pcm) == 6 * RATE
    assert np.abs(clip.pcm - mixed)[100:-100].max() < 1e-3


def test_seven_channels_are_mixed_too() -> None:
    clip = read_clip(audio_file(np.repeat(voice_like()[:, np.newaxis], 7, axis=1), form="FLAC"))
    assert np.abs(clip.pcm - voice_like()).max() < 1e-4


def test_one_file_is_one_hash_and_another_is_another() -> None:
    assert read_clip(wav()).sha256 == read_clip(wav()).sha256
    assert read_clip(wav()).sha256 != read_clip(wav(121)).sha256


def planted(value: float) -> bytes:
    pcm = voice_like()
    pcm[1_000] = value
    return audio_file(pcm, subtype="FLOAT")


REFUSED = [
    (
        b"This is a text, not a voice. " * 100,
        "the clip is not an audio file; expected WAV, FLAC, OGG, MP3 or AIFF",
    ),
    (b"", "the clip is not an audio file"),
    (wav()[:30], "the clip is not an audio file"),
    (bytes(MOST_BYTES + 1), "the clip has 10000001 bytes, expected at most 10000000"),
    (audio_file(voice_like(), form="AU"), "the clip is not an audio file; expected WAV, FLAC"),
    (audio_file(voice_like(rate=8_000), 8_000), "the clip is at 8000 Hz, expected 16000 to 192000"),
    (audio_file(np.zeros((60_000, 9)), 16_000), "the clip has 9 channels, expected at most 8"),
    (wav(seconds=3), "the clip has 3.0 s, expected more than 5 s"),
    (wav(seconds=5), "the clip has 5.0 s, expected more than 5 s"),
    (wav(seconds=61), "the clip is longer than 60 s: cut it"),
    (audio_file(np.zeros(6 * RATE)), "the clip is silent"),
    (audio_file(1e-3 * voice_like()), "the clip is silent"),
    (
        audio_file(np.concatenate([voice_like(1), np.zeros(9 * RATE)])),
        "the clip is mostly silent: ",
    ),
    (audio_file(np.clip(8 * voice_like(), -1, 1)), "the clip is clipped: "),
    (planted(np.nan), "the clip has samples that are not finite numbers"),
    (planted(np.inf), "the clip has samples that are not finite numbers"),
]


@pytest.mark.parametrize(("data", "message"), REFUSED, ids=[message[:30] for _, message in REFUSED])
def test_a_clip_that_cannot_become_a_voice_is_refused_with_the_reason(data: bytes, message: str) -> None:
    assert refused(data).startswith(message)


def test_a_clip_cut_short_is_refused_or_measured_by_what_is_there() -> None:
    assert refused(audio_file(voice_like(), form="FLAC")[:30_000]) == (
        "the clip is damaged: it could not be decoded"
    )
    assert refused(wav()[:100_000]).startswith("the clip has 2.1 s")


@pytest.mark.parametrize("form", ["FLAC", "OGG"])
def test_a_small_file_that_decodes_to_hours_is_refused_before_it_is_decoded(form: str) -> None:
    file = io.BytesIO()
    with soundfile.SoundFile(file, "w", 16_000, 1, format=form) as out:
        for _ in range(60 if form == "FLAC" else 5):
            out.write(np.zeros(16_000 * 60, np.int16))
    tracemalloc.start()
    assert refused(file.getvalue()) == "the clip is longer than 60 s: cut it"
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(file.getvalue()) < 1_000_000
    assert peak < 20_000_000


def tagged(data: bytes, times: int = 1) -> bytes:
    """Return a file behind ID3 tags, as players and some hosts write them."""
    return (b"ID3\x04\0\0\0\0\x02\x01" + bytes(257)) * times + data


IRCAM = bytes.fromhex("64a30200") + bytes(2_000)
FOREIGN = {
    "IRCAM": IRCAM,
    "IRCAM behind a tag": tagged(IRCAM),
    "WAV behind a tag": tagged(wav()),
    "tags without end": tagged(audio_file(voice_like(), form="MP3"), 9),
    "RIFF, but no WAVE": b"RIFF" + bytes(4) + b"AVI " + bytes(2_000),
    "MPEG, but layer II": b"\xff\xfd\x90\x64" * 500,
    "W64": b"riff\x2e\x91\xcf\x11" * 200,
}


@pytest.mark.parametrize("kind", FOREIGN)
def test_no_library_looks_at_what_does_not_begin_as_one_of_the_formats(kind: str) -> None:
    def decode(_: bytes) -> Generator[bytes, None, None]:
        raise AssertionError("it was decoded")
        yield b""

    with pytest.raises(VoiceUnusableError, match="the clip is not an audio file"):
        read_clip(FOREIGN[kind], decode)


def test_tags_before_an_mp3_are_passed_over() -> None:
    mp3 = audio_file(voice_like(), form="MP3")
    assert extension(tagged(mp3, 3)) == "mp3"
    assert read_clip(tagged(mp3)).seconds == pytest.approx(6.0, abs=0.06)


def test_the_decoders_noise_does_not_reach_the_log(capfd: pytest.CaptureFixture[str]) -> None:
    mp3 = bytearray(audio_file(voice_like(), form="MP3"))
    mp3[2_000:-2_000:97] = bytes(len(range(2_000, len(mp3) - 2_000, 97)))
    with pytest.raises(VoiceUnusableError):
        read_clip(bytes(mp3[:6_000]))
    assert capfd.readouterr() == ("", "")


CONFINED = f"""
import os, runpy, socket, soundfile, sys
runpy.run_path({str(DECODER)!r})["confine"]()
for name, act in (
    ("file", lambda: open("/etc/hostname", "rb")),
    ("write", lambda: open("/tmp/confined", "wb")),
    ("network", socket.socket),
    ("memory", lambda: bytes(2**30)),
    ("process", os.fork),
):
    try:
        act()
    except (OSError, MemoryError):
        continue
    os.write(1, name.encode() + b" ")
os.write(1, b"done")
"""


def test_the_decoder_can_neither_open_a_file_nor_the_network_nor_take_much_memory() -> None:
    ended = subprocess.run([sys.executable, "-I", "-c", CONFINED], capture_output=True, check=True)
    assert ended.stdout == b"done"


def test_a_decoder_that_does_not_end_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hanging = tmp_path / "decoding.py"
    hanging.write_text("import sys, time; print('WAV 24000 1', flush=True); time.sleep(1000)")
    monkeypatch.setattr(clips, "DECODER", hanging)
    monkeypatch.setattr(clips, "DECODING_SECONDS", 0.3)
    assert refused(wav()) == "the clip is damaged: it could not be decoded"
