"""What one language alone has: rules that run before those that all languages share."""

from collections.abc import Mapping
from importlib import import_module

from segmenter.words.grammar.table_rules import table_rules
from segmenter.words.languages import WordTable
from segmenter.words.rules import Rule

__all__ = ["own_rules"]

OWN: Mapping[str, str] = {  # the module of a language, imported when a text in it comes
    "en": "english",
    "de": "german",
    "es": "spanish",
    "fr": "french",
    "ko": "korean",
    "pl": "polish",
    "ru": "russian",
}


def own_rules(language: WordTable) -> list[Rule]:
    """Return the rules of a language's own, which run first; none where it needs none."""
    found = table_rules(language)
    if name := OWN.get(language.code):
        module = import_module(f"segmenter.words.grammar.{name}")
        found = [*found, *getattr(module, f"{name}_rules")(language)]
    return found
