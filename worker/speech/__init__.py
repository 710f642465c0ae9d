"""Speech while it is made: planned, scheduled on the engine's thread, encoded, read by several jobs."""

from worker.speech.encoding import SpeechEncoder
from worker.speech.growing import GrowingText
from worker.speech.registry import LiveSpeeches
from worker.speech.scheduler import HUNG_SECONDS, Scheduler
from worker.speech.speech import FinishedSpeech, LiveSpeech, SpeechReader

__all__ = [
    "HUNG_SECONDS",
    "FinishedSpeech",
    "GrowingText",
    "LiveSpeech",
    "LiveSpeeches",
    "Scheduler",
    "SpeechEncoder",
    "SpeechReader",
]
