"""What one language alone has: rules that run before those that all languages share."""

from collections.abc import Callable, Mapping

from segmenter.words.grammar.english import english_rules
from segmenter.words.grammar.french import french_rules
from segmenter.words.grammar.german import german_rules
from segmenter.words.grammar.korean import korean_rules
from segmenter.words.grammar.polish import polish_rules
from segmenter.words.grammar.rewrites import table_rules
from segmenter.words.grammar.russian import russian_rules
from segmenter.words.grammar.spanish import spanish_rules
from segmenter.words.languages import WordTable
from segmenter.words.rules import Rule

__all__ = ["own_rules"]

OWN: Mapping[str, Callable[[WordTable], list[Rule]]] = {
    "en": english_rules,
    "de": german_rules,
    "es": spanish_rules,
    "fr": french_rules,
    "ko": korean_rules,
    "pl": polish_rules,
    "ru": russian_rules,
}


def own_rules(language: WordTable) -> list[Rule]:
    """Return the rules of a language's own, which run first; none where it needs none."""
    own = OWN[language.code](language) if language.code in OWN else []
    return [*table_rules(language), *own]
