"""Punkt's decision is nltk's, and the languages' files are sound."""

import json
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nltk.tokenize.punkt import PunktParameters, PunktSentenceTokenizer

from segmenter.cutting.languages import FIELDS, language_of
from segmenter.cutting.punkt import Punkt
from segmenter.train import proposals

CASES = Path(__file__).parent / "cases"
LANGUAGES = [file.stem for file in sorted(CASES.glob("??.jsonl"))]
STOP = re.compile(r"([^\W_](?:[\w.,-]*[^\W_])?)\.\s+([^\W_]\w*)")
BEGINS_WITH_CAPITAL, INSIDE_IN_LOWER_CASE = 1 << 1, 1 << 5  # nltk's flags of a word's spelling
WORDS = st.from_regex(r"[A-Za-zÄäÉéЖж]{1,6}(?:[.-][a-z]{1,3})?|[0-9]{1,4}(?:[.,][0-9]{1,2})?", fullmatch=True)


def oracle(punkt: Punkt) -> PunktSentenceTokenizer:
    """Return nltk's tokenizer with the same parameters."""
    parameters = PunktParameters()
    parameters.abbrev_types = set(punkt.abbreviations)
    parameters.collocations = set(punkt.collocations)
    parameters.sent_starters = set(punkt.starters)
    for word in punkt.starters:
        parameters.ortho_context[word] = BEGINS_WITH_CAPITAL | INSIDE_IN_LOWER_CASE
    tokenizer = PunktSentenceTokenizer()
    tokenizer._params = parameters
    return tokenizer


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_stop_between_two_words_of_the_tables_is_decided_as_nltk_decides_it(language: str) -> None:
    punkt = language_of(language).punkt
    theirs = oracle(punkt)
    seen = 0
    for file in sorted(CASES.glob("*.jsonl")):
        for line in file.read_text(encoding="utf-8").splitlines():
            for word, following in STOP.findall(json.loads(line)["text"]):
                expected = theirs.text_contains_sentbreak(f"{word}. {following}")
                assert punkt.ends(word, following) == expected, (word, following)
                seen += 1
    assert seen > 500


@given(
    word=WORDS, following=WORDS, abbreviates=st.booleans(), begins=st.booleans(), goes_together=st.booleans()
)
@settings(max_examples=500, deadline=None)
def test_any_stop_is_decided_as_nltk_decides_it(
    word: str, following: str, *, abbreviates: bool, begins: bool, goes_together: bool
) -> None:
    first = re.sub(r"^[0-9][0-9.,]*$", "##number##", word.lower())
    second = re.sub(r"^[0-9][0-9.,]*$", "##number##", following.lower())
    punkt = Punkt(
        frozenset({word.lower()} if abbreviates else ()),
        frozenset({(first, second)} if goes_together else ()),
        frozenset({following.lower()} if begins and second != "##number##" else ()),
    )
    expected = oracle(punkt).text_contains_sentbreak(f"{word}. {following}")
    assert punkt.ends(word, following) == expected


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_has_a_file_of_its_own_that_says_how_sentences_are_cut(language: str) -> None:
    words = language_of(language).words
    assert set(words) == set(FIELDS)
    assert words["comma_words"].folded
    is_one_class = words["before_more"].any & words["closing"].any
    assert not is_one_class


def test_what_punkt_learns_from_a_text_is_proposed_unless_it_is_known() -> None:
    text = "We saw Fid. Ali and Fid. Bea. Then Fid. Cem came. Mr. Fox met Fid. Dia. " * 20
    found = proposals([text], language_of("en"))
    assert "fid" in found["abbreviations"]
    assert "mr" not in found["abbreviations"]
