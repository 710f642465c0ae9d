"""Which of an engine's languages a request's tag stands for."""

import re
from collections.abc import Mapping
from typing import Protocol

from worker.errors import UnsupportedLanguageError
from worker.request.wording import shown

__all__ = ["LanguageSupport", "spoken_language"]

# a language with its region, script and so on
REGIONAL = re.compile(r"([a-z]{2,3})(?:[-_][a-z0-9]{1,8}){1,8}")


class LanguageSupport(Protocol):
    """What must be known of an engine to tell which languages it speaks."""

    name: str
    languages: frozenset[str]
    lacking: Mapping[str, str]


def spoken_language(given: str, engine: LanguageSupport) -> str:
    """Return the engine's name of a language: `en` for en-US, unless it knows the region's own.

    Raises:
        UnsupportedLanguage: The engine does not speak it, or not on this worker.
    """
    tag = given.strip().lower()
    regional = REGIONAL.fullmatch(tag)
    if regional and tag not in engine.languages and tag not in engine.lacking:
        tag = regional[1]
    if tag in engine.lacking:
        raise UnsupportedLanguageError(
            f"language is {shown(given)}, for which this worker lacks {engine.lacking[tag]}"
        )
    if tag not in engine.languages:
        known = ", ".join(sorted(engine.languages))
        raise UnsupportedLanguageError(
            f"language is {shown(given)}, and the {engine.name} engine speaks {known}"
        )
    return tag
