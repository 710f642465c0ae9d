"""Speech while it is made: planned, scheduled on the engine's thread, encoded, read by several jobs."""

from worker.speech.encoding import Recorder
from worker.speech.registry import Studio
from worker.speech.scheduler import Synthesis
from worker.speech.speech import Speech, follow

__all__ = ["Recorder", "Speech", "Studio", "Synthesis", "follow"]
