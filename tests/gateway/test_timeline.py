"""Jobs joined on one clock, and the text that a listener has heard."""

import pytest
from chatterpod import Chunk
from hypothesis import given
from hypothesis import strategies as st

from gateway.timeline import AudioFormat, ContextCaption, Span, Timeline, played_text

TEXT = "One two three. Four five six."
MP3, PCM = AudioFormat("mp3", 64), AudioFormat("pcm")


def chunk(frames: int, start: int, end: int, *, last: bool = False) -> Chunk:
    segment = {"text": "x", "char_start": 0, "char_end": 14, "start_ms": start, "end_ms": end}
    return Chunk(bytes(frames * 192), start, end, (segment,), {"duration_ms": end} if last else None)


def test_a_second_job_follows_the_first_with_times_and_offsets_of_the_whole() -> None:
    timeline = Timeline(MP3)
    timeline.place(chunk(100, 0, 2_400, last=True), Span(0, 14), TEXT, more=True)
    placed = timeline.place(chunk(50, 0, 1_200, last=True), Span(15, 29), TEXT, more=False)
    assert placed.captions == (ContextCaption("Four five six.", 15, 29, 2_400, 3_600),)
    assert (placed.start_ms, placed.end_ms) == (2_400, 3_600)
    assert timeline.duration_ms == 3_600


def test_the_encoders_silence_is_cut_from_the_pause_of_a_job_that_another_may_follow() -> None:
    lone, followed = Timeline(MP3), Timeline(MP3)
    last_chunk = chunk(104, 0, 2_400, last=True)  # 96 ms more than is spoken: delay and padding
    assert len(lone.place(last_chunk, Span(0, 14), TEXT, more=False).audio) == 104 * 192
    assert len(followed.place(last_chunk, Span(0, 14), TEXT, more=True).audio) == 100 * 192
    next_chunk = followed.place(chunk(10, 0, 240), Span(15, 29), TEXT, more=False)
    assert next_chunk.start_ms == 2_400


def test_pcm_is_joined_to_the_sample() -> None:
    timeline = Timeline(PCM)
    segment = {"text": "x", "char_start": 0, "char_end": 14, "start_ms": 0, "end_ms": 10}
    summary = {"duration_ms": 10}
    timeline.place(Chunk(bytes(480), 0, 10, (segment,), summary), Span(0, 14), TEXT, more=True)
    assert (
        timeline.place(Chunk(bytes(480), 0, 10, (segment,), summary), Span(15, 29), TEXT, more=False).end_ms
        == 20
    )
    assert timeline.size == 960


CAPTIONS = (ContextCaption(TEXT[:14], 0, 14, 0, 1_400), ContextCaption(TEXT[15:], 15, 29, 1_700, 3_100))


@pytest.mark.parametrize(
    ("played_ms", "text"),
    [
        (0, ""),
        (299, ""),  # within "One"
        (310, "One"),
        (1_400, "One two three."),
        (1_600, "One two three."),  # in the pause
        (1_750, "One two three."),
        (2_600, "One two three. Four five"),
        (3_100, TEXT),
        (1e9, TEXT),
    ],
)
def test_the_text_heard_ends_with_the_last_whole_word(played_ms: int, text: str) -> None:
    found = played_text(CAPTIONS, int(played_ms), TEXT)
    assert found.text.rstrip() == text
    assert found.text == TEXT[: found.char_end]


@given(st.integers(0, 5_000), st.integers(0, 5_000))
def test_a_longer_playing_time_never_means_less_text(first: int, second: int) -> None:
    low, high = sorted((first, second))
    assert played_text(CAPTIONS, low, TEXT).char_end <= played_text(CAPTIONS, high, TEXT).char_end
