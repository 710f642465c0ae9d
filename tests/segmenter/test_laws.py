"""The laws that hold for any text at all, in any language, whole or in pieces."""

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segmenter import MarkRules, Segment, Segmenter, Silence, Sizes, plan, sentences
from segmenter.atoms import PAUSES

CASES = Path(__file__).parent / "cases"
LANGUAGES = st.sampled_from([*(file.stem for file in sorted(CASES.glob("??.jsonl"))), "xx"])
TAG = re.compile(r"\[[^\[\]\n]{1,40}\]")
SNIPPETS = st.sampled_from(
    [
        *("a.", " ", "Dr. ", "Hello", "[laugh]", "[pause:1.5s]", "\n", "\n\n", "“", "”", "...", "? ", "! "),
        *("3.14", "e.g. ", "你好。", "नमस्ते।", "https://a.b/c. ", ", and ", "; ", "(", ")", "**", "U.S. "),
        *(
            "\u200b",
            "\x00",
            "🎉",
            "x" * 350,
            "「はい。」",
            "と言った。",
            "他说：",
            "3. ",
            "z. B. ",
            "\r\n",
            "\r",
        ),
        *("#tag ", "1. ", "2) ", "• ", "— ", " - ", "»", "« ", '"', "I ", "she said. ", "\u2028", "\u037e "),
        *(
            "안녕하세요. ",
            "2024. ",
            "مرحبا؟ ",
            "p.m. ",
            "\ud800",
            "e\u0301",
            "[",
            "]",
            " " * 70,
            "\n" * 5,
            "Yes. ",
        ),
        *(
            "and then it went on for a while, as such things do, until somebody stopped it ",
            "Some words here. ",
        ),
    ]
)
TEXTS = st.one_of(st.text(max_size=300), st.lists(SNIPPETS, max_size=60).map("".join))
SIZES = st.sampled_from([Sizes.fast(), Sizes.even(), Sizes(first=30, second=40, rest=60, most=80, least=10)])
ATOMS = [
    *(
        "https://example.com/a.b?c=d,e;f",
        "jane.doe@mail.example.org",
        "10:30",
        "3.14159",
        "1 250,50",
        "10 000",
    ),
    *("[laugh]", "[clear throat]", "Dr. Brown", "U.S. Army", "z. B.", "v1.2.3-rc.1", "$3.50", "No. 5", "5 %"),
]
PROSE_WORDS = st.lists(
    st.one_of(
        st.sampled_from(["and", "the", "harbour,", "because", "fog", "quiet;", "islands"]),
        st.sampled_from(ATOMS),
    ),
    min_size=30,
    max_size=90,
)


def speaks(text: str) -> bool:
    return any(letter.isalnum() for letter in TAG.sub("", text))


def in_pieces(text: str, sizes: Sizes, language: str, ends: list[int]) -> list[Segment]:
    part = Segmenter(language, sizes)
    got: list[Segment] = []
    start = 0
    for end in ends:
        got += part.push(text[start:end])
        start = end
    got += part.flush()
    assert part.flush() == []
    return got


@given(TEXTS, LANGUAGES, SIZES)
@settings(max_examples=300, deadline=None)
def test_nothing_is_lost_nothing_invented_and_the_order_is_kept(
    text: str, language: str, sizes: Sizes
) -> None:
    end = 0
    for segment in plan(text, language, sizes, marks=MarkRules(has_markup=False)):
        assert not PAUSES.sub("", text[end : segment.char_start]).strip()
        assert segment.char_start < segment.char_end
        assert segment.pause_ms >= 0
        end = segment.char_end
    assert not PAUSES.sub("", text[end:]).strip()


@given(TEXTS, LANGUAGES)
@settings(max_examples=300, deadline=None)
def test_the_sentences_put_together_are_the_text(text: str, language: str) -> None:
    assert "".join("".join(sentences(text, language)).split()) == "".join(text.split())


@given(TEXTS, LANGUAGES, SIZES)
@settings(max_examples=300, deadline=None)
def test_no_segment_passes_the_limit(text: str, language: str, sizes: Sizes) -> None:
    segments = plan(text, language, sizes)
    assert all(segment.char_end - segment.char_start <= sizes.most for segment in segments)
    if segments:
        assert segments[0].char_end - segments[0].char_start <= max(sizes.first, sizes.most)


@given(TEXTS, LANGUAGES)
@settings(max_examples=300, deadline=None)
def test_no_segment_is_only_tags_or_marks_unless_all_is_or_they_fill_it(text: str, language: str) -> None:
    segments = plan(text, language)
    if any(speaks(text[segment.char_start : segment.char_end]) for segment in segments):
        for segment in segments:
            given_text = text[segment.char_start : segment.char_end]
            assert speaks(given_text) or len(given_text) >= Sizes().least


@given(TEXTS, st.lists(st.integers(0, 900), max_size=8), LANGUAGES, SIZES)
@settings(max_examples=400, deadline=None)
def test_a_text_pushed_in_any_pieces_gives_the_segments_of_the_whole(
    text: str, cuts: list[int], language: str, sizes: Sizes
) -> None:
    ends = sorted({min(cut, len(text)) for cut in cuts} | {len(text)})
    assert in_pieces(text, sizes, language, ends) == plan(text, language, sizes)


@given(TEXTS, LANGUAGES, SIZES)
@settings(max_examples=200, deadline=None)
def test_a_text_pushed_letter_by_letter_gives_the_segments_of_the_whole(
    text: str, language: str, sizes: Sizes
) -> None:
    assert in_pieces(text, sizes, language, list(range(1, len(text) + 1))) == plan(text, language, sizes)


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("I go![pause:1.5s]", "en"),
        ("3. I go![pause:1.5s]", "sv"),
        (".3.14你好。नमस्ते।3. I )🎉![pause:1.5s]", "sv"),
        ('![नमस्ते।3. 3. 🎉)"]\r', "da"),
        ("! [ - I :)e.g. !3. \r3. , and — Hello]\r\n(Dr. ]", "nl"),
        ("• , and • 1. ", "ms"),
        ("• a.) #tag 3.14• • Yes. " + "x" * 60 + ".", "sv"),
        ("»? ? .\r[pause:0.0s][pause:1.5s]" + "x" * 60 + "[pause:800ms], and Yes.", "hi"),
    ],
)
def test_a_tag_or_marker_that_still_grows_decides_nothing(text: str, language: str) -> None:
    for sizes in (Sizes.fast(), Sizes(first=30, second=40, rest=60, most=80, least=10)):
        assert in_pieces(text, sizes, language, list(range(1, len(text) + 1))) == plan(text, language, sizes)


@given(PROSE_WORDS, LANGUAGES)
@settings(max_examples=200, deadline=None)
def test_no_atom_is_ever_cut(words: list[str], language: str) -> None:
    text = " ".join(words)
    cuts = [segment.char_end for segment in plan(text, language)]
    place = 0
    for word in words:
        if (
            word in {"[laugh]", "[clear throat]", "10:30", "3.14159", "1 250,50", "10 000", "5 %"}
            or "/" in word
        ):
            assert not any(place < cut < place + len(word) for cut in cuts), word
        place += len(word) + 1


@pytest.mark.parametrize("atom", ATOMS)
def test_an_atom_at_the_limit_stays_whole(atom: str) -> None:
    language = "de" if atom == "z. B." else "en"
    for before in range(240, 290):
        text = ("word " * 60)[:before].rstrip() + " " + atom + " " + "word " * 30
        assert any(
            atom in segment.text or atom in text[segment.char_start : segment.char_end]
            for segment in plan(text, language, Sizes.even())
        )


@given(st.lists(st.integers(1, 30), min_size=1, max_size=30))
@settings(max_examples=200, deadline=None)
def test_no_sentence_stands_alone_that_is_short_and_fits_the_one_before(lengths: list[int]) -> None:
    text = " ".join("W" + "ord wo" * (length - 1) + "rd." for length in lengths)
    segments = plan(text, sizes=Sizes(opening=0))
    sizes = [segment.char_end - segment.char_start for segment in segments]
    for before, size in zip([Sizes().most, *sizes], sizes, strict=False):
        assert size >= Sizes().least or before + 1 + size > Sizes().most


def test_the_first_segment_comes_as_soon_as_a_word_follows_its_first_clause() -> None:
    part = Segmenter()
    assert part.push("The harbour was quiet that morning,") == []
    [segment] = part.push(" and only")
    assert segment.text == "The harbour was quiet that morning,"


def test_the_second_segment_waits_for_the_next_word_and_for_no_third_sentence() -> None:
    part = Segmenter()
    [first] = part.push("The harbour was quiet that morning. A ferry left for the islands at nine. Nobody")
    assert first.text == "The harbour was quiet that morning."
    [second] = part.push(" waved")
    assert second.text == "A ferry left for the islands at nine."


@pytest.mark.parametrize(
    "opening", ["The harbour was quiet that morning, ", "So it began. ", "", "Yes, of course; "]
)
def test_who_listens_to_an_engine_at_twice_real_time_never_waits(opening: str) -> None:
    text = (
        opening
        + (
            "and on the twelfth day a small boat came round the point, and a woman called out that bread was "
            "cheaper, and that somebody in the town had asked after him, twice, in the shop by the harbour. "
        )
        * 6
    )
    lengths = [len(segment.text) for segment in plan(text)]
    for number in range(1, len(lengths)):
        made, heard = sum(lengths[: number + 1]) / 2, lengths[0] / 2 + sum(lengths[:number])
        assert made <= heard or lengths[number] <= 60


def test_a_caller_who_has_waited_long_enough_is_given_the_sentences_that_are_over() -> None:
    part = Segmenter()
    assert part.push("Well, all was said. And then he") == []
    assert [segment.text for segment in part.rest(Silence.SHORT)] == ["Well, all was said."]
    assert part.rest(Silence.LONG) == []
    assert [segment.text for segment in part.push(" left.") + part.flush()] == ["And then he left."]


def test_a_long_sentence_is_given_out_before_it_ends() -> None:
    part = Segmenter()
    text = "the fog had lifted, the market had opened, and nobody had risen in time to see it, "
    given_out = [segment for _ in range(20) for segment in part.push(text)]
    assert len(given_out) > 5


@pytest.mark.parametrize("unit", ["x", "a. ", "你好。", "\n", '"', " ", "[laugh] ", "word, "])
def test_what_is_given_out_is_not_kept(unit: str) -> None:
    part = Segmenter()
    for _ in range(5_000):
        part.push(unit)
    assert len(part._text) < 3_000


@pytest.mark.parametrize(
    "worst",
    [
        "a.",
        "((((",
        " ",
        "x",
        ". ",
        "\n",
        "[",
        "“",
        "[a] ",
        "A. B",
        "?",
        "a\n",
        "1.1.1.",
        '"""',
        "。",
        "🎉",
        "a) ",
        "\r",
        "[pause:1s]",
    ],
)
def test_a_hundred_thousand_of_the_worst_are_cut_all_the_same(worst: str) -> None:
    text = worst * (100_000 // len(worst))
    segments = plan(text)
    assert sum(s.char_end - s.char_start for s in segments) <= len(text)


@pytest.mark.parametrize(
    ("language", "letters"),
    [
        ("zh", "我们今天去公园"),
        ("ja", "今日は公園に行って"),
        ("de", "wort "),
        ("ar", "كلمة "),
        ("ko", "단어 "),
        ("hi", "शब्द "),
    ],
)
def test_a_sentence_without_any_stop_is_cut_in_every_script(language: str, letters: str) -> None:
    segments = plan(letters * 300, language)
    assert all(25 <= segment.char_end - segment.char_start <= 300 for segment in segments)
