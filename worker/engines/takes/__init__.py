"""Takes: each reading of an utterance is judged, read again where it failed, trimmed and levelled."""

from worker.engines.takes.judged import JudgedEngine, cloner

__all__ = ["JudgedEngine", "cloner"]
