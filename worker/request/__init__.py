"""The request: what a job asks for, validated whole before any work is done for it."""

from worker.request.model import Capabilities, Operation, SpeechRequest, Turn
from worker.request.parse import parse
from worker.request.rules import check_spoken_size, most_spoken

__all__ = [
    "Capabilities",
    "Operation",
    "SpeechRequest",
    "Turn",
    "check_spoken_size",
    "most_spoken",
    "parse",
]
