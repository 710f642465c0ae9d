"""The reception of records, under every order of losses and repetitions."""

import base64
from typing import Any

import pytest
from chatterpod import Incomplete
from chatterpod.protocol import Chunk, Reception
from hypothesis import given
from hypothesis import strategies as st

from tests.kits.endpoint import records

MADE = records(6)
AUDIO = b"".join(base64.b64decode(record["audio_base64"]) for record in MADE)
DONE = {"status": "COMPLETED", "output": MADE}


def stream(items: list[dict[str, Any]], status: str = "IN_PROGRESS") -> dict[str, Any]:
    return {"status": status, "stream": [{"output": item} for item in items]}


def audio_in(chunks: list[Chunk]) -> bytes:
    return b"".join(chunk.audio for chunk in chunks)


batches = st.lists(st.lists(st.sampled_from(range(6)), max_size=5), max_size=8)


@given(batches)
def test_records_in_any_order_and_the_status_give_the_audio_once(arrived: list[list[int]]) -> None:
    reception, chunks = Reception(), []
    for numbers in arrived:
        chunks += reception.take_stream(stream([MADE[number] for number in numbers]))
    if not reception.done:
        chunks += reception.take_status(DONE)
    assert audio_in(chunks) == AUDIO
    assert [segment["text"] for chunk in chunks for segment in chunk.segments] == [f"s{n}" for n in range(6)]
    assert [chunk.summary is not None for chunk in chunks] == [False] * (len(chunks) - 1) + [True]


@given(batches, batches, st.sampled_from([4, 7, 10, 25, 60]))
def test_a_second_attempt_cut_into_other_records_continues_where_the_first_was(
    first: list[list[int]], second: list[list[int]], frames: int
) -> None:
    again = same_audio_in(frames)
    reception, chunks = Reception(), []
    for numbers in first:
        chunks += reception.take_stream(stream([MADE[number] for number in numbers if number < 5]))
    for numbers in second:
        chunks += reception.take_stream(stream([again[number % len(again)] for number in numbers]))
    if not reception.done:
        chunks += reception.take_status({"status": "COMPLETED", "output": again})
    assert audio_in(chunks) == AUDIO


def same_audio_in(frames: int) -> list[dict[str, Any]]:
    """Return another attempt's records of the same audio, `frames` in each."""
    again, size = [], frames * 192
    pieces = [AUDIO[at : at + size] for at in range(0, len(AUDIO), size)]
    for seq, piece in enumerate(pieces):
        times = {"start_ms": seq * frames * 24, "end_ms": (seq + 1) * frames * 24}
        inside = [
            segment
            for record in MADE
            for segment in record["segments"]
            if times["start_ms"] <= segment["start_ms"] < times["end_ms"]
        ]
        encoded = base64.b64encode(piece).decode()
        again.append({"seq": seq, "attempt": "b", "audio_base64": encoded, "segments": inside, **times})
    again[-1] |= {"final": True, "duration_ms": 1440}
    return again


def divergent(count: int, attempt: str, letter: bytes) -> list[dict[str, Any]]:
    """Return records of one sentence each whose audio is not that of other attempts."""
    made = []
    for seq in range(count):
        segment = {"text": f"s{seq}", "char_start": 10 * seq, "char_end": 10 * seq + 9}
        start = 500 * seq
        audio = base64.b64encode(letter + bytes([seq]) * 191).decode()
        made.append(
            {
                "seq": seq,
                "attempt": attempt,
                "audio_base64": audio,
                "start_ms": start,
                "end_ms": start + 500,
                "segments": [segment | {"start_ms": start, "end_ms": start + 400}],
            }
        )
    made[-1] |= {"final": True, "duration_ms": 500 * count}
    return made


@pytest.mark.parametrize("before", range(5))
def test_an_attempt_with_other_audio_continues_at_a_sentence(before: int) -> None:
    reception = Reception()
    chunks = reception.take_stream(stream(divergent(5, "a", b"a")[:before]))
    chunks += reception.take_stream(stream(divergent(5, "b", b"b")))
    assert [segment["text"] for chunk in chunks for segment in chunk.segments] == [f"s{n}" for n in range(5)]
    assert audio_in(chunks)[::192] == b"a" * before + b"b" * (5 - before)
    assert [chunk.start_ms for chunk in chunks if chunk.audio] == [500 * n for n in range(5)]


@pytest.mark.parametrize("broken", [None, 7, [], {"seq": "0"}, {"seq": None}, {"no": "seq"}])
def test_anything_but_a_record_is_ignored(broken: Any) -> None:
    reception = Reception()
    assert reception.take_stream({"status": "IN_PROGRESS", "stream": [broken, {"output": broken}]}) == []
    assert audio_in(reception.take_stream(stream(MADE))) == AUDIO


def test_damaged_audio_is_an_error() -> None:
    damaged = MADE[0] | {"audio_base64": "!!!"}
    with pytest.raises(Incomplete, match="record 0 is damaged"):
        Reception().take_stream(stream([damaged]))


def test_a_single_record_as_output_is_accepted() -> None:
    one = records(1)[0]
    assert audio_in(Reception().take_status({"status": "COMPLETED", "output": one})) != b""
