"""What no rule may touch, taken out of a text and put back at the end."""

import re
from collections.abc import Callable

from segmenter.atoms import TAG

__all__ = ["PLACE", "Atoms", "Rule"]

PLACE = "\ue000"  # stands for one atom; private use, so no text has one once it is composed

Rule = tuple[re.Pattern[str], Callable[[re.Match[str]], str | None]]


class Atoms:
    """Held atoms, in the order of their places in the text; rules move and drop no place."""

    def __init__(self) -> None:
        self._held: list[str] = []

    def hold_tags(self, text: str) -> str:
        """Put a place where each tag is."""
        return self.hold((TAG, lambda match: match[0]), text)

    def hold(self, rule: Rule, text: str) -> str:
        """Put a place where the rule's pattern matches, for what its function returns.

        Where that is None the text stays as it is.
        """
        pattern, spell = rule
        if pattern.search(text) is None:
            return text
        old, self._held = iter(self._held), []

        def place(match: re.Match[str]) -> str:
            atom = next(old, "") if match[0] == PLACE else spell(match)
            if atom is None:
                return match[0]
            self._held.append(atom)
            return PLACE

        return re.sub(f"{PLACE}|(?:{pattern.pattern})", place, text, flags=pattern.flags)

    def release(self, text: str) -> str:
        """Return the text with every atom back in its place."""
        held = iter(self._held)
        return re.sub(PLACE, lambda _: next(held, ""), text)
