"""What holds for any text at all."""

import re
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segmenter.words import speakable

LANGUAGES = "ar da de el en es fi fr he hi it ja ko ms nl no pl pt ru sv sw tr zh xx".split()  # noqa: SIM905
SNIPPETS = st.sampled_from(
    [
        *(
            "**",
            "*",
            "_",
            "`",
            "# ",
            "> ",
            "- ",
            "[laugh]",
            "[pause:1s]",
            "[a](b.c/d)",
            "\n",
            " ",
            "...",
            "!?",
            "—",
        ),
        *(
            "$3.50",
            "10:30",
            "1,234.5",
            "1.234,5",
            "2024-03-15",
            "5 km",
            "50%",
            "3rd",
            "XIV",
            "½",
            "²",
            "1e999",
        ),
        *(
            "٣",
            "३",
            "１",
            "①",
            "Ⅳ",
            "👩‍👩‍👧",
            "🇩🇪",
            "1️⃣",
            "\u200b",
            "\u202e",
            "\u00ad",
            "\ud800",
            "\x00",
            "\ue000",
        ),
        *(
            "https://a.b/c?d=1",
            "a@b.com",
            "x.pdf",
            "#Tag",
            "@me",
            "&",
            "|",
            "<b>",
            "</b>",
            "&amp;",
            "“",
            "’",
            "word",
        ),
        *(
            "不",
            "ひ",
            "한",
            "שלום",
            "नमस्ते",
            "Größe",
            ".",
            ",",
            ":",
            ";",
            "(",
            ")",
            "-",
            "–",
            "+",
            "=",
            "9" * 50,
        ),
    ]
)
REALISTIC = st.sampled_from(
    [
        *(
            "**bold**",
            "`code`",
            "_so_",
            "word,",
            "End.",
            "What?!",
            "Well...",
            "Größe",
            "[laugh]",
        ),
        *(
            "$3.50",
            "10:30",
            "1,234.5",
            "1.234,5",
            "2024-03-15",
            "5 km",
            "50%",
            "3rd",
            "½",
            "1990s",
            "10-20",
            "-5",
        ),
        *(
            "https://a.b/c?d=1",
            "a@b.com",
            "x.pdf",
            "#Tag",
            "@me",
            "R&D",
            "B2B",
            "v1.2.3",
            "+1 555 123 4567",
            "不好",
        ),
        *(
            "“quoted”",
            "it’s",
            "🎉",
            "[docs](https://a.b/c)",
            "COVID-19",
            "Louis XIV",
            "١٢٣",
            "नमस्ते",
        ),
    ]
)
TEXTS = st.one_of(st.text(max_size=120), st.lists(SNIPPETS, max_size=25).map("".join))
WORDS = st.lists(
    st.text(
        st.characters(categories=["Lu", "Ll", "Lo"], max_codepoint=0xFFFF, exclude_characters="\ufffd"),
        min_size=2,
        max_size=8,
    ),
    max_size=12,
)


@given(TEXTS, st.sampled_from(LANGUAGES), st.booleans())
@settings(max_examples=400, deadline=None)
def test_any_text_is_made_speakable_without_raising_and_without_what_is_for_the_eye(
    text: str,
    language: str,
    numbers: bool,  # noqa: FBT001 - hypothesis passes it by name
) -> None:
    spoken = speakable(text, language, numbers=numbers)
    outside = re.sub(r"\[[^\[\]\n]{1,40}\]", "x", spoken)
    assert not {unicodedata.category(letter) for letter in outside} & {"Cc", "Cf", "Cs", "Co", "Cn"}
    assert not re.search(r"\*\*|``|~~|!!|\?\?|,,", outside)
    assert spoken == " ".join(spoken.split(" ")).strip()
    assert spoken == speakable(text, language, numbers=numbers)


@given(TEXTS, st.sampled_from(LANGUAGES))
@settings(max_examples=300, deadline=None)
def test_numbers_are_all_in_words_where_a_language_has_a_table(text: str, language: str) -> None:
    spoken = re.sub(r"\[[^\[\]\n]{1,40}\]", "", speakable(text, language))
    if language != "xx":
        assert not re.search(r"\d", spoken)


@given(st.lists(REALISTIC, max_size=12).map(" ".join), st.sampled_from(LANGUAGES))
@settings(max_examples=300, deadline=None)
def test_what_is_speakable_stays_as_it_is(text: str, language: str) -> None:
    spoken = speakable(text, language)
    assert speakable(spoken, language) == spoken


@given(WORDS, st.sampled_from(LANGUAGES))
@settings(max_examples=200, deadline=None)
def test_no_letter_of_an_ordinary_word_is_lost_in_any_script(words: list[str], language: str) -> None:
    text = unicodedata.normalize("NFC", " ".join(words))
    assert speakable(text, language, numbers=False) == text


@pytest.mark.parametrize(
    "tag", ["[laugh]", "[pause:1s]", "[pause:800ms]", "[clear throat]", "[note 5 **x**]"]
)
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_tag_is_kept_as_it_is(tag: str, language: str) -> None:
    assert tag in speakable(f"So **that** was {tag} it.", language)


@pytest.mark.parametrize(
    "worst",
    [
        "9",
        "1,",
        "1.",
        "1 ",
        "0-",
        "$",
        "$1",
        "1:",
        "1/",
        "a.",
        "a@",
        "/a",
        "*",
        "*a",
        "[",
        "[a](",
        "<",
        "<b",
        "&",
        "|",
        "!?",
        "- ",
        "> ",
        "IV",
        "-",
        "^1",
        "1e",
        "#",
        "x1",
        "½",
        "²",
        "http://",
        "+1",
        "1 - ",
        "(",
        "\u0301",
        "https://a",
    ],
)
@pytest.mark.parametrize("language", ["en", "de"])
def test_twenty_thousand_of_the_worst_are_made_speakable_all_the_same(worst: str, language: str) -> None:
    assert isinstance(speakable(worst * (20_000 // len(worst)), language), str)
