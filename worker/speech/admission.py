"""When a speech more would begin, from what is unspoken and the pace of speaking. No clock, no I/O."""

from collections.abc import Iterable

__all__ = ["SpeakingPace"]

UNKNOWN_PACE = 100.0  # characters a second, until the first take: seven times the pace of speech
SHARE = 0.2  # of the newest take in the mean


class SpeakingPace:
    """How many characters a second one of the engine's slots speaks, as a moving mean."""

    def __init__(self) -> None:
        self._mean = UNKNOWN_PACE
        self._is_known = False

    def note(self, characters: int, seconds: float) -> None:
        """Count a take."""
        pace = max(1, characters) / max(seconds, 1e-6)
        self._mean = self._mean + SHARE * (pace - self._mean) if self._is_known else pace
        self._is_known = True

    def wait(self, unspoken: Iterable[int], slots: int) -> float:
        """Return the seconds until a speech more would have a slot of its own; 0 if it has one now.

        Args:
            unspoken: The characters of each speech that are not spoken yet.
            slots: How many utterances the engine speaks at once.
        """
        left = sorted(characters for characters in unspoken if characters > 0)
        ending = len(left) - slots  # so many end before another one has a slot, and one more
        if ending < 0:
            return 0.0
        return left[ending] * (len(left) / slots) / self._mean
