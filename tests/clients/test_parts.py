"""Long text is cut by content."""

import random

import pytest
from chatterpod.parts import cut, cut_turns
from hypothesis import given
from hypothesis import strategies as st

RANDOM = random.Random(7)  # noqa: S311 - a text, not a secret
WORDS = ["".join(RANDOM.choices("abcdefghijklmnopqrstuvwxyz", k=RANDOM.randint(2, 9))) for _ in range(3000)]


def paragraph(chance: random.Random = RANDOM) -> str:
    return " ".join(
        " ".join(chance.choices(WORDS, k=chance.randint(5, 20))).capitalize() + "."
        for _ in range(chance.randint(1, 9))
    )


BOOK = [f"# Chapter {n // 40}" if n % 40 == 0 else paragraph() for n in range(400)]


def texts(paragraphs: list[str]) -> list[str]:
    return [part.text for part in cut("\n\n".join(paragraphs), {})]


def test_a_short_text_is_one_job_as_it_stands() -> None:
    (part,) = cut("  A short text.\n\nWith two paragraphs. ", {})
    assert (part.text, part.char_start) == ("A short text.\n\nWith two paragraphs.", 2)


def test_jobs_are_of_about_three_thousand_characters() -> None:
    lengths = [len(text) for text in texts(BOOK)]
    assert 2_200 <= sum(lengths) / len(lengths) <= 3_800
    assert max(lengths) <= 6_000


@given(st.lists(st.text(alphabet="ab .\n#-é。", max_size=900), max_size=30), st.sampled_from([64, 160]))
def test_nothing_is_lost_added_or_moved(pieces: list[str], rate: int) -> None:
    text = "\n\n".join(pieces)
    parts = cut(text, {"bit_rate": rate})
    assert "".join("".join(part.text.split()) for part in parts) == "".join(text.split())
    for part in parts:
        assert text[part.char_start : part.char_start + len(part.text)] == part.text


@pytest.mark.parametrize(
    ("options", "most"), [({}, 10_000), ({"format": "pcm"}, 1_700), ({"bit_rate": 160}, 4_200)]
)
@pytest.mark.parametrize("text", ["word " * 9_000, "x" * 40_000, "One sentence. " * 3_000, "a\n\n" * 9_000])
def test_no_job_is_too_long_for_its_format_whatever_the_text(
    text: str, options: dict[str, object], most: int
) -> None:
    parts = cut(text, options)
    assert max(len(part.text) for part in parts) <= most
    assert "".join("".join(part.text.split()) for part in parts) == "".join(text.split())


def test_a_change_in_one_paragraph_leaves_the_other_jobs_as_they_were() -> None:
    before, alone = set(texts(BOOK)), 0
    chance = random.Random(11)  # noqa: S311 - likewise
    for number, text in enumerate(BOOK):
        words = text.split(" ")
        at = chance.randrange(len(words))
        words[at : at + 1] = chance.choices(WORDS, k=chance.randint(0, 4))
        changed = [*BOOK[:number], " ".join(words), *BOOK[number + 1 :]]
        new = len(set(texts(changed)) - before)
        assert new <= 3
        alone += new <= 1
    assert alone >= 0.95 * len(BOOK)


def test_adding_or_removing_a_paragraph_changes_only_the_jobs_around_it() -> None:
    before = set(texts(BOOK))
    for number in range(0, len(BOOK), 7):
        more = [*BOOK[:number], paragraph(), *BOOK[number:]]
        less = [*BOOK[:number], *BOOK[number + 1 :]]
        assert max(len(set(texts(more)) - before), len(set(texts(less)) - before)) <= 3


def test_headings_are_found_with_their_offsets_and_begin_jobs_if_possible() -> None:
    text = "\n\n".join(BOOK)
    parts = cut(text, {})
    headings = [heading for part in parts for heading in part.headings]
    assert [heading.title for heading in headings] == [f"Chapter {n}" for n in range(10)]
    assert all(text[heading.char_start :].startswith("# Chapter") for heading in headings)
    beginning = sum(bool(part.headings) and part.text.startswith("#") for part in parts)
    assert beginning >= 9


@pytest.mark.parametrize(
    ("line", "title"),
    [
        ("## Two words ##", "Two words"),
        ("Chapter 7: The door", "Chapter 7: The door"),
        ("PROLOGUE", "PROLOGUE"),
        ("Kapitel IV", "Kapitel IV"),
        ("Chapter 7 of the book was long, and it was read aloud.", None),
        ("#hashtag first", None),
        ("A plain line", None),
    ],
)
def test_a_line_is_a_heading_if_it_is_marked_or_names_a_chapter(line: str, title: str | None) -> None:
    after = "A line of text." if title else "Text."
    joined = f"{line}\n\n{after}" if title else f"{line} {after}"
    (part,) = cut(joined, {})
    assert [heading.title for heading in part.headings] == ([title] if title else [])


def test_a_dialogue_is_cut_between_turns_and_each_part_has_the_number_of_its_first() -> None:
    turns = [{"voice": "ab"[n % 2], "text": paragraph()} for n in range(60)]
    parts = cut_turns(turns, {})
    assert [turn for part in parts for turn in part.turns] == turns
    assert all(turns[part.turn_start] is part.turns[0] for part in parts)
    assert len(parts) > 3


def test_no_part_of_a_dialogue_has_more_turns_than_a_worker_accepts() -> None:
    turns = [{"voice": "a", "text": f"Yes {n}."} for n in range(1_500)]
    assert max(len(part.turns) for part in cut_turns(turns, {})) <= 200
