"""Takes: each reading of an utterance is judged, read again where it failed, trimmed and levelled."""

from worker.engines.takes.careful import CarefulEngine, cloner

__all__ = ["CarefulEngine", "cloner"]
