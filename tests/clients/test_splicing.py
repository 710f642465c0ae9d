"""A job that is run again by an engine that is not exact: what a listener then hears."""

import base64
import itertools
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from chatterpod.protocol import Chunk, Reception

from tests.kits.takes import takes
from tests.kits.workers import Record

LAG = 1_105  # samples that decoded MP3 comes late
LOUD = 0.05


def received(*attempts: Sequence[Record]) -> list[Chunk]:
    reception, chunks = Reception(), []
    for records in attempts:
        chunks += reception.take_stream({"status": "IN_PROGRESS", "stream": [{"output": r} for r in records]})
    return chunks


def bursts(audio_format: str, audio: bytes) -> list[tuple[float, float]]:
    """Return when the audio is loud: start and end in milliseconds."""
    if audio_format == "pcm":
        pcm = np.frombuffer(audio, "<i2").astype(np.float32) / 32768
    else:
        with av.open(BytesIO(audio), format="mp3") as file:
            pcm = np.concatenate([frame.to_ndarray().ravel() for frame in file.decode(audio=0)])[LAG:]
    loud = np.abs(pcm[: len(pcm) // 120 * 120]).reshape(-1, 120).max(1) > LOUD  # 5 ms each
    edges = np.flatnonzero(np.diff(np.concatenate([[0], loud, [0]]).astype(int)))
    return [(5.0 * start, 5.0 * end) for start, end in edges.reshape(-1, 2)]


@pytest.mark.parametrize("audio_format", ["mp3", "pcm"])
@pytest.mark.parametrize("again", ["second", "stored"])
async def test_every_segment_is_heard_once_at_its_captions_time(
    again: str, audio_format: str, tmp_path: Path
) -> None:
    made = await takes(tmp_path, audio_format)
    borders = [number for number, record in enumerate(made["first"]) if number and record["segments"]]
    assert len(borders) >= 4
    for before in borders:
        chunks = received(made["first"][:before], made[again])
        segments: list[Any] = [segment for chunk in chunks for segment in chunk.segments]
        audio = b"".join(chunk.audio for chunk in chunks)
        loud = bursts(audio_format, audio)
        assert [segment["text"] for segment in segments] == [
            segment["text"] for record in made["first"] for segment in record["segments"]
        ]
        assert np.abs(np.array(loud) - [(s["start_ms"], s["end_ms"]) for s in segments]).max() < 40
        assert [chunk.start_ms for chunk in chunks[1:]] == [chunk.end_ms for chunk in chunks[:-1]]
        summary, last = chunks[-1].summary or {}, made["second"][-1]
        assert summary["size_bytes"] == len(audio)
        pause_ms = last["duration_ms"] - last["segments"][-1]["end_ms"]
        assert summary["duration_ms"] == segments[-1]["end_ms"] + pause_ms


async def test_pauses_at_a_seam_are_as_long_as_they_are_elsewhere(tmp_path: Path) -> None:
    made = await takes(tmp_path, "mp3")

    def pauses(chunks: list[Chunk]) -> list[float]:
        loud = bursts("mp3", b"".join(chunk.audio for chunk in chunks))
        return [after[0] - before[1] for before, after in itertools.pairwise(loud)]

    whole = np.array(pauses(received(made["second"])))
    for before in range(1, len(made["first"])):
        for again in ("second", "stored"):
            assert np.abs(pauses(received(made["first"][:before], made[again])) - whole).max() < 40


async def test_a_segment_of_which_a_part_was_given_out_begins_again(tmp_path: Path) -> None:
    made = await takes(tmp_path, "pcm")
    inside = next(number for number, record in enumerate(made["first"]) if not record["segments"])
    chunks = received(made["first"][:inside], made["second"])
    texts = [segment["text"] for chunk in chunks for segment in chunk.segments]
    begun = made["first"][inside - 1]["segments"][-1]["text"]
    assert [text for text in texts if texts.count(text) > 1] == [begun, begun]
    assert len(set(texts)) == sum(len(record["segments"]) for record in made["first"])


async def test_the_same_take_continues_byte_for_byte(tmp_path: Path) -> None:
    made = await takes(tmp_path, "mp3")
    whole = b"".join(base64.b64decode(record["audio_base64"]) for record in made["second"])
    for before in range(1, len(made["second"])):
        for pair in (("second", "stored"), ("stored", "second")):
            chunks = received(made[pair[0]][:before], [{**r, "attempt": "b"} for r in made[pair[1]]])
            assert b"".join(chunk.audio for chunk in chunks) == whole
