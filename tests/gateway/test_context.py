"""Which jobs a context submits, in which order, and what ends it."""

import base64
from typing import Any

import pytest
from chatterpod import Chunk
from hypothesis import given
from hypothesis import strategies as st

from gateway.context import Context, ContextState
from gateway.context_jobs import ContextJobs, PlannedJob
from gateway.errors import BadRequest, ContextEnded, TooLarge
from gateway.timeline import AudioFormat

PROSE = (
    "The harbour was quiet that morning, and only the gulls had opinions. A ferry left for the islands at "
    "ten past nine, as it did every day of the year. Nobody waved, because nobody had risen in time to wave. "
)
END = Chunk(b"", 0, 100, (), {"duration_ms": 100})


class SpokenContext(Context):
    """A context and its jobs, which are cut when they are asked for."""

    def __init__(self, text: str, audio_format: str = "mp3", limit: int = 100_000, **options: Any) -> None:
        super().__init__(options, AudioFormat(audio_format), limit)
        self.plan = ContextJobs(self)
        self.push(text)

    def next_job(self) -> PlannedJob | None:
        self.plan.take()
        return self.plan.next_job()

    def spans_spoken(self) -> list[str]:
        """Run the jobs to their end; return the parts of the text that they spoke."""
        spoken = []
        while (job := self.next_job()) is not None:
            self.plan.place(END)
            self.plan.job_ended()
            spoken.append(self.text[job.span.char_start : job.span.char_end])
        return spoken


def new_context(text: str = "", **options: Any) -> SpokenContext:
    return SpokenContext(text, **options)


def whole_context(text: str, **options: Any) -> SpokenContext:
    context = SpokenContext("", **options)
    context.speak(text)
    return context


def test_a_whole_text_is_one_job_with_the_text_unchanged() -> None:
    context = whole_context(PROSE, voice="anna")
    job = context.next_job()
    assert job is not None
    assert job.input == {"text": PROSE.strip(), "stream": True, "bit_rate": 64, "voice": "anna"}
    assert context.next_job() is None


def test_empty_text_gives_the_segmenter_nothing_to_look_at() -> None:
    context = new_context("A sentence that may still go on, and on, and")
    context.plan.take()
    for _ in range(3):
        context.push("")
    assert list(context.inputs) == []
    with pytest.raises(ContextEnded):
        whole_context(PROSE).push("")


def test_a_long_text_has_two_jobs_at_once_and_the_next_follows_an_end() -> None:
    context = whole_context(PROSE * 60)
    first, second = context.next_job(), context.next_job()
    assert first is not None
    assert second is not None
    assert context.next_job() is None
    assert (first.input.get("opening"), second.input["opening"]) == (None, "even")
    context.plan.place(END)
    context.plan.job_ended()
    assert context.next_job() is not None


@pytest.mark.parametrize(("audio_format", "most"), [("mp3", 3_300), ("pcm", 1_500)])
def test_no_job_is_longer_than_its_result_may_be(audio_format: str, most: int) -> None:
    context = whole_context(PROSE * 40, audio_format=audio_format)
    assert max(map(len, context.spans_spoken())) <= most


@given(st.lists(st.integers(1, 60), min_size=1, max_size=30), st.sampled_from(["flushed", "whole"]))
def test_every_word_is_spoken_once_and_in_order_however_the_text_is_cut(sizes: list[int], way: str) -> None:
    context, at = new_context(), 0
    spoken = []
    for size in sizes:
        context.push((PROSE * 9)[at : at + size])
        at += size
        spoken += context.spans_spoken()
    if way == "flushed":
        context.push(" ")
        context.flush()
        spoken += context.spans_spoken()
        context.push("And more.")
    context.close()
    spoken += context.spans_spoken()
    assert "".join("".join(spoken).split()) == "".join(context.text.split())
    assert context.state is ContextState.DONE


def test_a_job_that_ends_within_a_sentence_asks_for_the_pause_of_a_clause() -> None:
    context = new_context(audio_format="pcm")
    context.speak("Well, " * 400)
    first = context.next_job()
    assert first is not None
    assert first.input["text"].endswith(",")
    assert first.input["last_pause_ms"] == 150


def test_the_first_clause_of_a_text_being_written_does_not_wait_for_its_sentence() -> None:
    context = new_context()
    context.push("The harbour was quiet that morning,")
    assert context.next_job() is None
    context.push(" and")
    job = context.next_job()
    assert job is not None
    assert job.input["text"] == "The harbour was quiet that morning,"
    assert job.input["last_pause_ms"] == 150


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("We met Dr. Smith and his wife on Monday, the third", "We met Dr. Smith and his wife on Monday,"),
        ("We paid 1,000,000 dollars for what nobody wanted. It", None),
        (
            "We paid 1,000,000 dollars for what nobody wanted. It was",
            "We paid 1,000,000 dollars for what nobody wanted.",
        ),
        ("Well, yes, and so, of course, be it", "Well, yes, and so, of course,"),
        ("He message [a tag, with a comma] and", None),
        ("No. Yes. Well. Not as such", None),
    ],
)
def test_the_first_cut_is_a_place_where_a_reader_would_pause(text: str, first: str | None) -> None:
    context = new_context(text)
    job = context.next_job()
    assert (job and context.text[job.span.char_start : job.span.char_end]) == first


def test_flush_speaks_half_a_sentence_and_the_context_stays_open() -> None:
    context = new_context("So far")
    context.flush()
    assert context.spans_spoken() == ["So far"]
    assert context.active
    context.push(" and further.")
    context.close()
    assert context.spans_spoken() == ["and further."]
    assert not context.active


def test_a_context_without_a_word_is_done_when_it_is_closed() -> None:
    context = new_context(" ... ")
    context.close()
    assert context.next_job() is None
    assert context.state is ContextState.DONE


def test_after_a_cancel_no_job_is_submitted_and_no_text_is_taken() -> None:
    context = whole_context(PROSE * 60)
    context.next_job()
    segment = {"text": "", "char_start": 0, "char_end": 68, "start_ms": 0, "end_ms": 6_800}
    context.plan.place(Chunk(base64.b64decode(""), 0, 6_800, (segment,), None))
    assert context.cancel(6_800).text == PROSE[:68]
    assert context.next_job() is None
    with pytest.raises(ContextEnded, match="the context is cancelled and takes no more text"):
        context.push("More.")
    with pytest.raises(ContextEnded):
        context.cancel(0)


def test_a_context_that_is_done_can_be_cancelled_for_the_text_heard() -> None:
    context = whole_context("Good morning.")
    job = context.next_job()
    assert job is not None
    segment = {"text": "", "char_start": 0, "char_end": 13, "start_ms": 0, "end_ms": 1_000}
    context.plan.place(Chunk(b"", 0, 1_000, (segment,), {"duration_ms": 1_000}))
    context.plan.job_ended()
    assert context.state is ContextState.DONE
    assert context.cancel(800).text == "Good"


def test_too_much_text_is_refused_and_the_text_before_it_stays() -> None:
    context = new_context("Twelve chars", limit=20)
    with pytest.raises(TooLarge, match="the context would have 24 characters, expected at most 20"):
        context.push("Twelve chars")
    assert context.text == "Twelve chars"


def test_text_with_a_lone_surrogate_is_refused() -> None:
    with pytest.raises(BadRequest, match="lone surrogate"):
        new_context("\ud800")
