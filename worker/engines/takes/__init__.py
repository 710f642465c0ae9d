"""Takes: each reading of an utterance is judged, read again where it failed, trimmed and levelled."""

from worker.engines.takes.engine import JudgedEngine, cloner

__all__ = ["JudgedEngine", "cloner"]
