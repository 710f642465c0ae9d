"""Who speaks: voices on the volume, learned from clips (`store`), kept ready in the engine (`ready`)."""

from worker.voices.store import VoiceStore

__all__ = ["VoiceStore"]
