"""Incremental MP3: pieces equal whole, frames are whole, files are exact."""

import io
from collections.abc import Iterable

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mutagen.mp3 import MP3

import encoder
from encoder import (
    BIT_RATES,
    EncoderError,
    Mp3Encoder,
    Mp3Error,
    Pcm,
    PcmEncoder,
    frames,
    id3,
    read_file,
    whole_file,
)
from encoder.info_tag import crc16


def voice(samples: int) -> Pcm:
    """Something like a voice: a wandering tone with noise, float32 in [-1, 1]."""
    time = np.arange(samples) / 24_000
    noise = np.random.default_rng(1).normal(0, 0.05, samples)
    wave: Pcm = (0.4 * np.sin(2 * np.pi * (180 * time + 9 * np.sin(3 * time))) + noise).astype(np.float32)
    return wave


PCM = voice(24_000 + 321)


def encode(pieces: Iterable[Pcm], bit_rate: int = 64) -> bytes:
    made = Mp3Encoder(bit_rate=bit_rate)
    return b"".join([made.push(piece) for piece in pieces]) + made.flush()


def cut(pcm: Pcm, ends: Iterable[int]) -> list[Pcm]:
    return np.split(pcm, sorted({min(end, len(pcm)) for end in ends}))


def decoded(mp3: bytes) -> int:
    with av.open(io.BytesIO(mp3)) as container:
        return sum(frame.samples for frame in container.decode(audio=0))


@pytest.mark.parametrize("size", [7, 576, 10_000])
@pytest.mark.parametrize("bit_rate", [32, 64, 160])
def test_the_mp3_does_not_depend_on_how_the_pcm_was_cut(size: int, bit_rate: int) -> None:
    pieces = cut(PCM, range(size, len(PCM), size))
    assert encode(pieces, bit_rate) == encode([PCM], bit_rate)


@given(st.lists(st.integers(0, len(PCM)), max_size=12))
@settings(max_examples=40, deadline=None)
def test_it_does_not_depend_on_any_cuts(ends: list[int]) -> None:
    assert encode(cut(PCM, ends)) == encode([PCM])


@pytest.mark.parametrize("bit_rate", BIT_RATES)
def test_every_push_gives_whole_frames_and_the_first_borrows_nothing(bit_rate: int) -> None:
    made = Mp3Encoder(bit_rate=bit_rate)
    pushed = [made.push(piece) for piece in cut(PCM, range(1_000, len(PCM), 1_000))] + [made.flush()]
    for piece in pushed:
        assert all(frame.bit_rate == bit_rate for frame in frames(piece))
    assert next(frames(b"".join(pushed))).main_data_begin == 0
    assert made.samples == len(PCM)


@pytest.mark.parametrize("bit_rate", BIT_RATES)
@pytest.mark.parametrize("samples", [575, 576, 577, 72_123])
def test_a_file_decodes_to_the_exact_samples_and_tells_its_length(bit_rate: int, samples: int) -> None:
    pcm = voice(samples)
    file = whole_file(encode([pcm], bit_rate), samples, {"note": "héllo", "other": "b"})
    assert decoded(file) == samples
    tags = MP3(io.BytesIO(file))
    assert tags.info.length * 24_000 == pytest.approx(samples, abs=1)
    assert [str(tags.tags[f"TXXX:{name}"]) for name in ("note", "other")] == ["héllo", "b"]
    read = read_file(file)
    assert (read.samples, dict(read.texts)) == (samples, {"note": "héllo", "other": "b"})
    assert read.audio == encode([pcm], bit_rate)


def test_streams_and_files_put_together_decode() -> None:
    one = encode([PCM])
    assert decoded(one + one) >= 2 * len(PCM)


def test_what_is_too_loud_is_clipped_and_never_wraps() -> None:
    samples = np.frombuffer(PcmEncoder().push(np.array([2, -2, 0.5, 1], np.float32)), "<i2")
    assert samples.tolist() == [32767, -32767, 16384, 32767]


def test_what_is_no_audio_is_refused() -> None:
    for made in (Mp3Encoder(), PcmEncoder()):
        with pytest.raises(EncoderError, match="2 samples that are NaN"):
            made.push(np.array([0, np.nan, np.nan], np.float32))
        with pytest.raises(TypeError, match="expected float32"):
            made.push(np.zeros(3, np.float64))
        with pytest.raises(TypeError, match="expected float32"):
            made.push(np.zeros((3, 1), np.float32))


def test_flush_gives_nothing_when_fresh_and_from_the_second_time_on() -> None:
    assert Mp3Encoder().flush() == b""
    made = Mp3Encoder()
    assert made.push(np.zeros(0, np.float32)) == b""
    made.push(PCM)
    assert made.flush() != b""
    assert made.flush() == b""
    with pytest.raises(EncoderError, match="was flushed"):
        made.push(PCM)


def test_rates_that_are_none_are_refused() -> None:
    with pytest.raises(ValueError, match="bit_rate is 65"):
        Mp3Encoder(bit_rate=65)
    with pytest.raises(ValueError, match="sample_rate is 44100"):
        Mp3Encoder(sample_rate=44_100)


@given(st.binary(max_size=600))
@settings(deadline=None)
def test_the_crc_is_the_one_of_the_specification(data: bytes) -> None:
    plain = 0
    for byte in data:
        plain ^= byte
        for _ in range(8):
            plain = (plain >> 1) ^ (0xA001 if plain & 1 else 0)
    assert crc16(data) == plain
    assert crc16(b"123456789") == 0xBB3D


AUDIO = encode([PCM])
FILE = whole_file(AUDIO, len(PCM), {"note": "x"})


@pytest.mark.parametrize("size", [0, 3, 10, 50, 200, len(FILE) - 192, len(FILE) - 1])
def test_a_file_that_is_cut_is_refused(size: int) -> None:
    with pytest.raises(Mp3Error):
        read_file(FILE[:size])


@given(st.integers(0, len(FILE) - len(AUDIO) - 1), st.integers(1, 255))
@settings(deadline=None)
def test_a_damaged_head_is_refused_or_changes_only_texts(place: int, flip: int) -> None:
    damaged = bytearray(FILE)
    damaged[place] ^= flip
    try:
        read = read_file(bytes(damaged))
    except Mp3Error:
        return
    assert read.audio == AUDIO


@given(st.one_of(st.binary(max_size=400), st.binary(max_size=400).map(lambda data: FILE[:100] + data)))
@settings(max_examples=300, deadline=None)
def test_any_bytes_are_read_or_refused_and_nothing_else(data: bytes) -> None:
    for read in (read_file, id3.read, lambda given: list(frames(given))):
        try:
            read(data)
        except Mp3Error:
            continue


def test_audio_that_cannot_hold_the_samples_is_refused() -> None:
    for samples in (-1, 10**6):
        with pytest.raises(Mp3Error, match="do not hold"):
            whole_file(encode([PCM]), samples, {})


def test_the_package_exports_what_it_promises() -> None:
    data = {"BIT_RATES", "SAMPLES_PER_FRAME", "SAMPLE_RATE", "Pcm", "Frame", "Mp3File"}
    work = {"FrameSplitter", "Mp3Encoder", "PcmEncoder", "frames", "read_file", "whole_file"}
    assert set(encoder.__all__) == data | work | {"EncoderError", "Mp3Error"}
