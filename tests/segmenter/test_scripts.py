"""What a language's writing means for a job: how much it says, and whether it is the text's."""

from collections.abc import Mapping
from types import MappingProxyType

import pytest

from segmenter.scripts import foreign_script
from worker.engines.tone import ToneEngine
from worker.errors import TextTooLongError, UnsupportedLanguageError
from worker.request import SpeechRequest, parse
from worker.speech.planning import plan_segments


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("ar", "كيف حالك؟"), ("el", "Καλημέρα"), ("he", "שלום"), ("hi", "नमस्ते"), ("ja", "はい"), ("ja", "空"),
        ("ko", "안녕"), ("ru", "Привет"), ("zh", "你好"), ("tr", "Günaydın"), ("pl", "Żółw"), ("en", "Hello"),
        ("zh", "iPhone 15 Pro Max 很好"), ("ru", "Это Windows"), ("de", "3,50"), ("sw", "Habari"),
    ],
)  # fmt: skip
def test_text_in_its_own_script_with_names_in_another_is_no_matter(language: str, text: str) -> None:
    assert foreign_script([text], language) is None


@pytest.mark.parametrize(
    ("language", "text", "script"),
    [
        ("ru", "Privet, kak dela?", "Cyrillic"),
        ("en", "Привет", "Latin"),
        ("zh", "ひらがなだけ", "Chinese"),
        ("hi", "namaste", "Devanagari"),
    ],
)
def test_text_in_another_script_is_warned_of(language: str, text: str, script: str) -> None:
    warning = foreign_script([text], language)
    assert (
        warning == f"text is hardly in {script} script, that of language {language!r}: it may be read wrongly"
    )


def test_japanese_segments_last_no_longer_than_english_ones() -> None:
    request = SpeechRequest(text="番人は海のそばで待っていた。" * 30, language="ja", opening="even")
    planned = [line.segment.text for line in plan_segments(request)]
    assert max(map(len, planned)) <= 100
    assert "".join(planned) == request.text


class SpeaksAll(ToneEngine):
    """A tone for two languages, and a third that it lacks something for."""

    languages = frozenset({"en", "ja"})
    lacking: Mapping[str, str] = MappingProxyType({"zh": "the package spacy-pkuseg"})


def test_a_character_that_says_more_counts_for_more_of_a_jobs_size() -> None:
    parse({"text": "a" * 9_000, "language": "en"}, SpeaksAll())
    with pytest.raises(TextTooLongError, match="expected at most 34"):
        parse({"text": "あ" * 9_000, "language": "ja"}, SpeaksAll())


def test_a_language_that_lacks_something_here_is_refused_with_what_it_lacks() -> None:
    with pytest.raises(
        UnsupportedLanguageError,
        match=r"language is ' ZH ', for which this worker lacks the package spacy-pkuseg",
    ):
        parse({"text": "你好", "language": " ZH "}, SpeaksAll())
