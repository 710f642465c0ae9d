"""Respellings that a request brings along: its words win over every rule."""

import re
from collections.abc import Mapping
from functools import lru_cache

from segmenter.words.protected import Atoms

__all__ = ["Respeller"]

ADDRESS = r"(?:https?://|www\.)\S+|(?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}"


@lru_cache(maxsize=16)
def pattern(words: tuple[str, ...]) -> re.Pattern[str]:
    """Return the pattern of whole words, and of addresses, which stay as they are; compiled once a table."""
    either = "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))
    return re.compile(rf"(?P<kept>{ADDRESS})|(?<!\w)(?:{either})(?!\w)", re.IGNORECASE)


class Respeller:
    """Puts respellings in the places of whole words, the longest first, never inside an address."""

    def __init__(self, pronounce: Mapping[str, str]) -> None:
        self._written = pronounce
        self._folded = {word.casefold(): respelling for word, respelling in pronounce.items()}

    def written(self, text: str, atoms: Atoms) -> str:
        """Respell the words of the text as given."""
        return atoms.hold((pattern(tuple(self._written)), self._respelled), text) if self._written else text

    def spoken(self, text: str, atoms: Atoms) -> str:
        """Respell the words that numbers, money and units were written out in."""
        return self.written(text, atoms)

    def _respelled(self, match: re.Match[str]) -> str | None:
        word = match[0]
        if match["kept"]:
            return None
        return self._written.get(word) or self._folded.get(word.casefold())
