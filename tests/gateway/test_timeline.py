"""Jobs joined on one clock, and how far a listener came."""

import pytest
from chatterpod import Chunk
from hypothesis import given
from hypothesis import strategies as st

from gateway.timeline import AudioForm, Span, TimedText, Timeline, heard

TEXT = "One two three. Four five six."
MP3, PCM = AudioForm("mp3", 64), AudioForm("pcm")


def chunk(frames: int, start: int, end: int, *, last: bool = False) -> Chunk:
    segment = {"text": "x", "char_start": 0, "char_end": 14, "start_ms": start, "end_ms": end}
    return Chunk(bytes(frames * 192), start, end, (segment,), {"duration_ms": end} if last else None)


def test_a_second_job_follows_the_first_with_times_and_offsets_of_the_whole() -> None:
    timeline = Timeline(MP3)
    timeline.take(chunk(100, 0, 2_400, last=True), Span(0, 14), TEXT, more=True)
    piece = timeline.take(chunk(50, 0, 1_200, last=True), Span(15, 29), TEXT, more=False)
    assert piece.captions == (TimedText("Four five six.", 15, 29, 2_400, 3_600),)
    assert (piece.start_ms, piece.end_ms) == (2_400, 3_600)
    assert timeline.duration_ms == 3_600


def test_the_silence_of_the_coding_is_taken_off_the_pause_of_a_job_that_others_may_follow() -> None:
    lone, followed = Timeline(MP3), Timeline(MP3)
    made = chunk(104, 0, 2_400, last=True)  # 96 ms more than is spoken: delay and padding
    assert len(lone.take(made, Span(0, 14), TEXT, more=False).audio) == 104 * 192
    assert len(followed.take(made, Span(0, 14), TEXT, more=True).audio) == 100 * 192
    next_piece = followed.take(chunk(10, 0, 240), Span(15, 29), TEXT, more=False)
    assert next_piece.start_ms == 2_400


def test_pcm_is_joined_to_the_sample() -> None:
    timeline = Timeline(PCM)
    segment = {"text": "x", "char_start": 0, "char_end": 14, "start_ms": 0, "end_ms": 10}
    summary = {"duration_ms": 10}
    timeline.take(Chunk(bytes(480), 0, 10, (segment,), summary), Span(0, 14), TEXT, more=True)
    assert (
        timeline.take(Chunk(bytes(480), 0, 10, (segment,), summary), Span(15, 29), TEXT, more=False).end_ms
        == 20
    )
    assert timeline.size == 960


def test_a_caption_ends_with_its_part_of_the_text_even_where_a_pause_was_written_behind_it() -> None:
    segment = {"text": "x", "char_start": 0, "char_end": 99, "start_ms": 0, "end_ms": 9}
    piece = Timeline(MP3).take(Chunk(b"", 0, 9, (segment,), None), Span(0, 14), TEXT, more=True)
    assert piece.captions[0].char_end == 14


CAPTIONS = (TimedText(TEXT[:14], 0, 14, 0, 1_400), TimedText(TEXT[15:], 15, 29, 1_700, 3_100))


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
def test_what_was_heard_ends_with_the_last_whole_word(played_ms: int, text: str) -> None:
    found = heard(CAPTIONS, int(played_ms), TEXT)
    assert found.text.rstrip() == text
    assert found.text == TEXT[: found.char_end]


@given(st.integers(0, 5_000), st.integers(0, 5_000))
def test_who_played_longer_heard_no_less(first: int, second: int) -> None:
    low, high = sorted((first, second))
    assert heard(CAPTIONS, low, TEXT).char_end <= heard(CAPTIONS, high, TEXT).char_end
