"""What one language alone has: rules that run before those that all languages share."""

from collections.abc import Mapping
from importlib import import_module

from segmenter.words.grammar.table_rules import table_rules
from segmenter.words.languages import WordTable
from segmenter.words.rules import Rule, Written

__all__ = ["last_rules", "own_rules"]

HOLDING = (  # what asks for the accusative in Russian
    r"на|за|через|длил\w+|продолжал\w+|стоит|стоил\w*|весит|весил\w*|составля\w+|прошл[аи]|проехал\w*|прошёл"
)
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


def last_rules(language: WordTable) -> list[Rule]:
    """Return the rules for numbers in words, whose first letters or case what stands before them decides."""
    if language.code == "fr":  # d'un euro
        elided = Written(r"(?<!\w)([DdQq]u?)e (?=une?(?!\w|-))")
        return [Rule(elided, lambda match: match[1] + "'", "u")]
    if language.code == "ru":  # на тысячу четыреста
        thousand = Written(
            rf"(?<!\w)(?P<lead>(?i:{HOLDING})) тысяча(?= [а-яё]+)(?!(?: [а-яё]+){{0,4}} год)"
            r"(?!(?: [а-яё]+){0,3} [а-яё]{3,}(?:ый|ого|ому|ом|ым)(?!\w))"
        )
        return [Rule(thousand, lambda match: f"{match['lead']} тысячу", "т")]
    return []
