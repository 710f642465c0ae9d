"""Records: whole units, one clock, under RunPod's limits."""

import base64
import io
import json
from typing import Any

import av
import numpy as np
import pytest

from encoder import Mp3Encoder
from worker.chunks import Caption, Chunk, Layout, layout
from worker.records import ITEM_BYTES, RecordWriter

AUDIO = bytes(range(256)) * 3 * 10_000  # 40,000 frames of 192 bytes: 16 minutes


def writer(format_name: str = "mp3") -> RecordWriter:
    return RecordWriter("a1", layout(format_name, 64), ["word " * 4_000], None)


def captions(count: int) -> list[Caption]:
    return [Caption(0, n * 5, n * 5 + 4, n * 900, n * 900 + 600) for n in range(count)]


@pytest.mark.parametrize("unit", [layout("mp3", 64), layout("mp3", 160), layout("pcm", 64)])
@pytest.mark.parametrize("limit", [1_000, 52_500, 10**9])
def test_pieces_are_whole_units_and_together_they_are_the_audio(unit: Layout, limit: int) -> None:
    audio = AUDIO[: 1_000 * unit.unit_bytes]
    pieces = list(unit.cut(audio, limit, first_ms=500))
    assert b"".join(pieces) == audio
    assert all(len(piece) % unit.unit_bytes == 0 and len(piece) <= limit for piece in pieces)
    assert list(unit.cut(b"", limit)) == [b""]


def test_stored_speech_begins_with_four_seconds_and_then_fills_its_records() -> None:
    records = list(writer().of_stored(AUDIO, captions(1_000)))
    assert 3_000 <= records[0]["end_ms"] <= 4_100
    assert all(len(json.dumps(record)) < 1_000_000 for record in records)
    assert all(len(record["audio_base64"]) <= ITEM_BYTES for record in records)
    assert b"".join(base64.b64decode(record["audio_base64"]) for record in records) == AUDIO
    assert [record["seq"] for record in records] == list(range(len(records)))


def speech_with_pauses(pause_ms: int) -> tuple[bytes, list[Caption]]:
    """Return the MP3 of segments of noise and tone with pauses between, and their captions."""
    random = np.random.default_rng(0)
    parts, spoken, at = [], [], 0
    for number in range(30):
        length = int(random.integers(700, 2_500)) * 24
        tone = 0.3 * np.sin(np.arange(length) * (0.05 + 0.01 * number)) + 0.1 * random.standard_normal(length)
        parts += [tone, np.zeros(pause_ms * 24)]
        spoken.append(Caption(0, number * 5, number * 5 + 4, at // 24, (at + length) // 24))
        at += length + pause_ms * 24
    encoder = Mp3Encoder()
    return encoder.push(np.concatenate(parts).astype(np.float32)) + encoder.flush(), spoken


def decoded(mp3: bytes) -> np.ndarray[Any, np.dtype[np.float32]]:
    with av.open(io.BytesIO(mp3), format="mp3") as container:
        return np.concatenate(
            [frame.to_ndarray()[0] for frame in container.decode(container.streams.audio[0])]
        )


@pytest.mark.parametrize("pause_ms", [150, 300, 800])
def test_each_record_of_stored_speech_decodes_by_itself_as_it_does_within_the_whole(pause_ms: int) -> None:
    audio, spoken = speech_with_pauses(pause_ms)
    made = RecordWriter("a1", layout("mp3", 64), ["word " * 40], None)
    pieces = list(made.layout.cut(audio, 60_000, 4_000, made.layout.pauses(spoken)))
    records = [base64.b64decode(record["audio_base64"]) for record in made.of_stored(audio, spoken)]
    assert len(records) >= 2
    assert len(pieces) > 5
    for each in (pieces, records):
        assert b"".join(each) == audio
        alone = np.concatenate([decoded(piece) for piece in each])
        assert np.allclose(alone, decoded(audio), atol=1e-4)


def test_records_follow_each_other_without_gaps_and_each_caption_is_in_one() -> None:
    records = list(writer().of_stored(AUDIO, captions(1_000)))
    for number, record in enumerate(records[1:]):
        assert record["start_ms"] == records[number]["end_ms"]
        assert all(record["start_ms"] <= caption["start_ms"] for caption in record["segments"])
    starts = [caption["start_ms"] for record in records for caption in record["segments"]]
    assert starts == [caption.start_ms for caption in captions(1_000)]


def test_a_long_chunk_is_split_and_an_empty_last_one_is_a_record() -> None:
    long = Chunk(AUDIO[:1_920_000], 0, (captions(1)[0],))
    made = writer()
    records = list(made.of_chunk(long))
    assert len(records) == 4
    assert [len(record["segments"]) for record in records] == [1, 0, 0, 0]
    [empty] = made.of_chunk(Chunk(b"", 1_920_000, (), last=True))
    assert (empty["seq"], empty["audio_base64"]) == (4, "")


def test_a_whole_file_is_one_record_if_it_fits() -> None:
    [record] = writer().of_file(AUDIO[:500_000], captions(3), 2_400)
    assert (record["start_ms"], record["end_ms"]) == (0, 2_400)
    assert len(record["segments"]) == 3
    assert len(list(writer().of_file(AUDIO[:600_000], captions(3), 2_400))) == 2


def test_mp3_times_leave_out_the_codecs_delay_and_pcm_has_none() -> None:
    assert layout("mp3", 64).milliseconds(192 * 10) == round((5_760 - 1_105) / 24)
    assert layout("mp3", 64).milliseconds(0) == 0
    assert layout("pcm", 64).milliseconds(48_000) == 1_000
