"""Records: whole units, one clock, under RunPod's limits."""

import base64
import json

import pytest

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
    assert 4_000 <= records[0]["end_ms"] <= 4_100
    assert all(len(json.dumps(record)) < 1_000_000 for record in records)
    assert all(len(record["audio_base64"]) <= ITEM_BYTES for record in records)
    assert b"".join(base64.b64decode(record["audio_base64"]) for record in records) == AUDIO
    assert [record["seq"] for record in records] == list(range(len(records)))


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
