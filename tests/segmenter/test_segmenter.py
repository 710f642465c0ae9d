"""Where a text is cut, how long the pieces are and how they rest."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

import segmenter
from segmenter import Sizes, iter_plan, plan, sentences

CASES = Path(__file__).parent / "cases"
PROSE = (
    "The harbour was quiet that morning, and only the gulls had opinions. A ferry left for the islands at "
    "10:15, as it did every day of the year. Nobody waved, because nobody had risen in time to wave.\n\n"
    "By noon the fog had lifted [sigh], the market had opened, and Dr. Brown sold oranges for $3.50 a bag. "
    '"Come closer!" he sang, "they are sweet." See https://example.com/a.b?c=d. Then it was over.'
)


def cases() -> list[Any]:
    files = [file.read_text(encoding="utf-8") for file in sorted(CASES.glob("*.jsonl"))]
    read = [json.loads(line) for file in files for line in file.splitlines()]
    return [pytest.param(case, id=case["id"]) for case in read]


def plain(parts: list[str]) -> list[str]:
    return [re.sub(r"\s+", " ", part).strip() for part in parts]


@pytest.mark.parametrize("case", cases())
def test_a_text_is_cut_where_its_readers_would_cut_it(case: dict[str, Any]) -> None:
    accepted = [plain(answer) for answer in (case["expected"], *case.get("alt", []))]
    assert plain(sentences(case["text"], case["lang"])) in accepted


def test_prose_is_cut_early_first_and_longer_later() -> None:
    segments = plan(PROSE)
    assert 25 <= len(segments[0].text) <= 80
    assert all(len(segment.text) <= 280 for segment in segments)
    assert any("10:15" in s.text for s in segments)
    assert any("https://example.com/a.b?c=d." in s.text for s in segments)
    assert any("Dr. Brown sold oranges for $3.50" in s.text for s in segments)
    assert all(s.text.count("[") == s.text.count("]") for s in segments)


def test_a_paragraph_rests_longer_than_a_sentence_and_that_longer_than_a_clause() -> None:
    text = "One short sentence stands here alone, and then, after a comma or two, it goes on and on. "
    text += "The next one stands here as well.\n\nNew."
    pauses = [segment.pause_ms for segment in plan(text, sizes=Sizes(first=60, second=60))]
    assert pauses == [150, 300, 700, 300]


def test_a_number_before_a_stop_is_no_abbreviation() -> None:
    assert sentences("It costs 3.50. Users pay at 10.30. Version 2.10. Done.") == [
        "It costs 3.50.",
        "Users pay at 10.30.",
        "Version 2.10.",
        "Done.",
    ]


def test_even_openings_do_not_hurry() -> None:
    assert len(plan(PROSE, sizes=Sizes.even())[0].text) > 150


@pytest.mark.parametrize(
    ("atom", "pause_ms"), [("[pause:800ms]", 800), ("[pause:1.5s]", 1_500), ("[pause:99s]", 10_000)]
)
def test_a_written_pause_is_made_and_never_spoken(atom: str, pause_ms: int) -> None:
    first, second = plan(f"Wait for it {atom} now.")
    assert (first.text, first.pause_ms, second.text) == ("Wait for it", pause_ms, "now.")


@pytest.mark.parametrize("text", ["I go![pause:0.5s]", "I go! [pause:0.5s]", "I go [pause:0.5s]"])
def test_a_pause_at_the_end_is_made(text: str) -> None:
    assert [segment.pause_ms for segment in plan(text)] == [500]


def test_a_segment_is_its_span_of_the_text_as_given() -> None:
    text = "  This is **very important** to  know. "
    [segment] = plan(text)
    assert segment.text == text[segment.char_start : segment.char_end] == text.strip()


def test_a_tag_that_ends_a_text_goes_with_the_sentence_before_it() -> None:
    assert [s.text for s in plan("That was the funniest thing I have heard in years. [laugh]")][-1].endswith(
        "[laugh]"
    )


def test_the_first_segment_does_not_wait_for_the_rest_of_the_text() -> None:
    first = next(iter_plan(PROSE * 10_000))
    assert first == plan(PROSE)[0]


def test_what_is_no_text_no_language_and_no_sizes_is_refused() -> None:
    with pytest.raises(TypeError, match="text is int, expected str"):
        plan(5)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="language is '1', expected a tag"):
        plan("a", "1")
    with pytest.raises(ValueError, match="contradict"):
        Sizes(first=400)


def test_the_package_exports_what_it_promises() -> None:
    assert {"Segment", "Segmenter", "Sizes", "iter_plan", "plan", "sentences"} <= set(segmenter.__all__)
    assert all(hasattr(segmenter, name) for name in segmenter.__all__)


LONG = [
    (
        "en",
        "The lighthouse keeper has been living high in the mountains above the old harbour of his father ",
    ),
    (
        "en",
        "She was looking for a very small house that stood somewhere between the river and the road down ",
    ),
    ("de", "Er lief den ganzen langen Tag am Ufer entlang und schaute auf die alte Brücke hinüber zum Wald "),
    (
        "fr",
        "Elle cherchait depuis longtemps une petite maison blanche dans la vieille ville de son père mort ",
    ),
]


@pytest.mark.parametrize(
    ("language", "text"),
    [
        (
            "en",
            "We shall all meet once more on the evening of Thursday 14 November in the house on page 7 ",
        ),
        (
            "es",
            "Le confirmo la reunión del jueves 14/11 en nuestras oficinas nuevas del centro que vale $30 ya ",
        ),
        (
            "de",
            "Wir treffen uns alle noch einmal am Donnerstag 14.11. im alten Haus am Hafen auf Seite 12 ",
        ),
    ],
)
def test_no_cut_stands_between_a_figure_and_the_word_before_it(language: str, text: str) -> None:
    for first in range(60, 110):
        sizes = Sizes(first=first, second=first, rest=first, opening=0)
        for segment in plan(text * 3, language, sizes)[1:]:
            assert not segment.text.lstrip("$")[0].isdigit()


@pytest.mark.parametrize(("language", "text"), LONG)
def test_no_cut_follows_an_article_or_a_preposition_where_another_will_do(language: str, text: str) -> None:
    for first in range(60, 110):
        sizes = Sizes(first=first, second=first, rest=first, opening=0)
        for segment in plan(text * 3, language, sizes)[:-1]:
            last = segment.text.split()[-1]
            assert last not in {
                "in",
                "the",
                "of",
                "a",
                "his",
                "die",
                "zum",
                "auf",
                "am",
                "la",
                "de",
                "une",
                "son",
            }


def test_nothing_is_cut_between_a_number_and_the_word_that_decides_its_form() -> None:
    text = (
        "They walked for about 35 kilometres and then another 12 miles with 4 dogs along the river bank " * 3
    )
    for first in range(60, 110):
        for segment in plan(text, sizes=Sizes(first=first, second=first, rest=first, opening=0))[:-1]:
            assert not segment.text[-1].isdigit()
