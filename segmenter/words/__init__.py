"""A segment's text as an engine should be given it. Pure, and linear in the length.

Numbers need two things that are read on first use only, since they take tens of milliseconds:
the language's table (`tables/*.toml`) and CLDR's rules for numbers (`unicode-rbnf`).
"""

import re
from collections.abc import Mapping
from types import MappingProxyType

from segmenter.atoms import unglued
from segmenter.marks import visible
from segmenter.words.addresses import may_have_addresses, name_addresses, spell_addresses
from segmenter.words.formulas import plain_formulas
from segmenter.words.languages import find_language
from segmenter.words.numbers import spell_numbers
from segmenter.words.pronounce import Respeller
from segmenter.words.protected import Atoms
from segmenter.words.records import with_stops
from segmenter.words.rules import UNSPACED
from segmenter.words.say_as import annotated
from segmenter.words.shorthand import written_out
from segmenter.words.signs import spell_signs, without_clock_colons
from segmenter.words.typography import composed, tidied, unmarked

__all__ = ["speakable"]

PLAIN = re.compile(r"[A-Za-z0-9]+(?:[,;]? [A-Za-z0-9]+)*[.!?]?")
NONE: Mapping[str, str] = MappingProxyType({})


def speakable(
    text: str,
    language: str = "en",
    *,
    numbers: bool = True,
    pronounce: Mapping[str, str] = NONE,
    is_seen: bool = False,
) -> str:
    """Return what an engine should be given for a segment's text; empty where nothing is to be said.

    Markdown, emoji, control and zero-width characters go; quotes and repeated punctuation become
    plain; addresses, signs and, unless `numbers` is false, numbers, money, dates, times and units
    are written out in the words of `language`, as far as it has a table. Tags such as `[laugh]` and
    `[pause:1s]` stay as they are. `pronounce` holds respellings: whole words, the longest first, as
    written or in another case, before numbers are written out and once more after; they are spoken
    as given. `is_seen`: the text is a segment's, of which links, tags and the like are gone. Never raises
    for any text; the same text gives the same words everywhere.
    """
    words = find_language(language)
    text = with_stops(text if is_seen else unglued(visible(text)))
    is_unspaced = words is not None and words.code in UNSPACED
    if numbers and not pronounce and not is_unspaced and is_plain(text):
        said = spell_numbers(text, words)
        return text if said == text else tidied(said)
    atoms = Atoms()
    respell = Respeller(pronounce)
    if is_unspaced:
        from segmenter.words.east import prepared  # noqa: PLC0415 - of these languages alone

        text = prepared(text)
    text = atoms.hold(annotated(words), composed(text))
    text = atoms.hold_tags(text)
    text = respell.written(text, atoms)
    has_addresses = may_have_addresses(text)
    if has_addresses:
        text = atoms.hold(spell_addresses(text, words, numbers=numbers), text)
    text = unmarked(plain_formulas(written_out(text, words), words) if numbers else text)
    if has_addresses:
        text = atoms.hold(name_addresses(text, words, numbers=numbers), text)
    text = spell_numbers(text, words) if numbers else without_clock_colons(text)
    text = spell_signs(text, words)
    text = respell.spoken(text, atoms)
    text = tidied(atoms.release(tidied(text)))
    return text if any(letter.isalnum() for letter in text) else ""


def is_plain(text: str) -> bool:
    """Whether a text has no mark but commas and its last: only its words and numbers may ask for others."""
    return text.isascii() and PLAIN.fullmatch(text) is not None
