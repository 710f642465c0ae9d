"""Speech while it is made: planned, scheduled on the engine's thread, encoded, read by several jobs."""

from worker.speech.encoding import SpeechEncoder
from worker.speech.registry import LiveSpeeches
from worker.speech.scheduler import HUNG_SECONDS, Scheduler
from worker.speech.speech import LiveSpeech, follow

__all__ = ["HUNG_SECONDS", "LiveSpeech", "LiveSpeeches", "Scheduler", "SpeechEncoder", "follow"]
