"""What is for the eye is left out, whatever its length and wherever the text is cut."""

from typing import Any

import pytest

from segmenter import MarkRules, Segmenter, Sizes, plan
from segmenter.marks import Reader, visible
from tests.kits.marks import cases, spoken_by_gateway, spoken_by_worker

TABLE = [pytest.param(case, id=f"{number}-{case['kind']}") for number, case in enumerate(cases())]


@pytest.mark.parametrize("case", TABLE)
def test_what_is_for_the_eye_is_not_spoken_by_the_worker(case: dict[str, Any]) -> None:
    assert spoken_by_worker(case["text"]) == " ".join(case["spoken"].replace(",", "").split())


@pytest.mark.parametrize("case", TABLE)
def test_nor_through_the_gateway_letter_by_letter_in_tokens_or_whole(case: dict[str, Any]) -> None:
    right = " ".join(case["spoken"].replace(",", "").split())
    for size in (1, 7, len(case["text"])):
        assert spoken_by_gateway(case["text"], size) == right


def test_code_and_reasoning_are_read_where_that_is_asked_for() -> None:
    text = "<think>First.</think>Then:\n```\nprint\n```\nEnd."
    assert spoken_by_worker(text) == "Then: End."
    assert spoken_by_worker(text, read=["code"]) == "Then: print End."
    assert spoken_by_worker(text, read=["reasoning"]) == "First.Then: End."


def test_a_text_without_markup_is_spoken_as_it_stands() -> None:
    text = "See [a](http://b.c/d) now. [pause:1s] Then."
    assert spoken_by_worker(text, markup="none").startswith("See [a](")


def test_a_segment_stands_where_it_was_in_the_text_as_given() -> None:
    text = (
        "A <!-- no --> here with [the link](https://a.b/c) in it. <think>no</think>\n\nThe **end** &amp; so."
    )
    found = [
        (segment.text, text[segment.char_start : segment.char_end])
        for segment in plan(text, sizes=Sizes.even())
    ]
    assert found == [
        ("A  here with the link in it.", "A <!-- no --> here with [the link](https://a.b/c) in it."),
        ("The **end** & so.", "The **end** &amp; so."),
    ]


@pytest.mark.parametrize("mark", ["<", "[", "*", "$", "`", "\\(", "![", "<b"])
def test_a_stray_mark_delays_nothing_by_more_than_its_line_or_200_characters(mark: str) -> None:
    for rest in ("\nThe next line is here. And", " and so it went on" * 12):
        reader = Reader()
        seen = reader.push(f"A stray {mark} was here{rest}")
        assert seen.startswith(f"A stray {mark} was here")


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("One. ```py\nx", "fenced code"),
        ("One. <!-- two", "a comment"),
        ("One. <think> two", "<think>"),
        ("One. <a href='two", "a quoted value in a tag"),
    ],
)
def test_what_is_never_closed_is_left_out_and_named(text: str, name: str) -> None:
    segmenter = Segmenter()
    given = segmenter.push(text) + segmenter.finish()
    assert [segment.text for segment in given] == ["One."]
    assert name in segmenter.warnings[0]


def test_other_ssml_is_left_out_with_a_warning() -> None:
    segmenter = Segmenter()
    segmenter.push("<speak><prosody rate='slow'>Slow.</prosody></speak>")
    segmenter.finish()
    assert segmenter.warnings == ["<prosody> is not followed: what is inside it is spoken as it stands"]


def test_a_phrase_that_is_respelled_is_never_cut() -> None:
    text = (
        "It was a long way from here to the old town of " * 2
        + "Saint Mary by the Sea. "
        + "And on it went. " * 3
    )
    rules = MarkRules.of(pronounce=["Saint Mary by the Sea"])
    for first in range(30, 80):
        segments = plan(text, sizes=Sizes(first=first, second=first, rest=first, opening=0), marks=rules)
        assert any("Saint Mary by the Sea" in segment.text for segment in segments)


@pytest.mark.parametrize(
    "unit",
    [
        '<a b="',
        "[",
        "](",
        "$a",
        "<!--",
        "```\n",
        "<b>",
        "\ud800",
        "\u202e",
        "\x00",
        "<a ",
        "[a](",
        "&",
        "\ue001",
    ],
)
def test_a_thousand_nested_and_a_megabyte_inside_one_are_read_all_the_same(unit: str) -> None:
    assert isinstance(visible(unit * 1_000), str)
    assert isinstance(visible(unit + "x" * 1_000_000), str)
