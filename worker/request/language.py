"""From a request's language tag to one of the engine's languages."""

import re
from collections.abc import Mapping
from typing import Protocol

from worker.errors import UnsupportedLanguageError
from worker.request.wording import shown

__all__ = ["LanguageSupport", "spoken_language"]

# a language with subtags for region, script and so on
REGIONAL = re.compile(r"([a-z]{2,3})(?:[-_][a-z0-9]{1,8}){1,8}")


class LanguageSupport(Protocol):
    """What the choice of a language needs to know of an engine."""

    name: str
    languages: frozenset[str]
    lacking: Mapping[str, str]


def spoken_language(given: str, engine: LanguageSupport) -> str:
    """Return the engine's name of a language: `en` for en-US, unless the engine has en-US itself.

    Raises:
        UnsupportedLanguageError: The engine does not speak it, or lacks something for it on this worker.
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
