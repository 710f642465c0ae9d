"""What is spoken for what is written, case by case and in every language."""

from pathlib import Path
from typing import Any

import pytest

from segmenter.words import speakable

CASES = Path(__file__).parent / "cases"


def cases() -> list[Any]:
    """Read `written → spoken` lines; one file a language, a line of `# name` before each kind."""
    found = []
    for file in sorted(CASES.glob("*.txt")):
        lines = file.read_text(encoding="utf-8").splitlines()
        pairs = [line.split(" → ", 1) for line in lines if " → " in line]
        found += [pytest.param(file.stem, *pair, id=f"{file.stem}-{pair[0]}") for pair in pairs]
    return found


@pytest.mark.parametrize(("language", "written", "spoken"), cases())
def test_what_is_written_is_spoken_as_a_reader_would(language: str, written: str, spoken: str) -> None:
    assert speakable(written, language) == spoken


def test_a_number_without_a_table_of_its_language_stays_in_digits() -> None:
    assert speakable("**5** km at 10:30", "xx") == "5 km at 10:30"


def test_digits_stay_where_they_are_wanted_but_a_time_loses_its_colon() -> None:
    text = "Pay **$3.50** at 10:30, see https://example.com/2024."
    assert speakable(text, numbers=False) == "Pay $3.50 at 10 30, see example dot com slash 2024."


@pytest.mark.parametrize(
    ("tag", "spoken"), [("pt-BR", "dois"), ("nb", "to"), ("ZH_cn", "二"), ("en-GB", "two")]
)
def test_a_region_does_not_hide_the_language(tag: str, spoken: str) -> None:
    assert speakable("2", tag) == spoken


def test_lines_of_a_list_and_a_fence_lose_their_marks() -> None:
    text = "* one\n* * *\n```python\nx = 1\n```\n> > two\n1. three"
    assert speakable(text) == "one two one. three"


def test_a_footnote_and_a_link_are_no_tags_but_a_laugh_is() -> None:
    assert speakable("True.[2] [Read](a/b.html) it [laugh](softly).") == "True. Read it [laugh](softly)."


def test_a_number_of_five_thousand_digits_is_read_digit_by_digit() -> None:
    assert speakable("9" * 5_000) == " ".join(["nine"] * 5_000)


@pytest.mark.parametrize("text", ["", "  ", "...", "***", "🎉", "---\n***", "\u200b", "[](https://a.b)"])
def test_nothing_to_say_is_nothing(text: str) -> None:
    assert speakable(text) == ""
