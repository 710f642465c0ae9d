"""Voices: their clips on the volume (`store`), and those that are ready in the engine (`ready`)."""

from worker.voices.store import VoiceStore

__all__ = ["VoiceStore"]
