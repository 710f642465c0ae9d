"""The request: what a job asks for, validated whole before any work is done for it."""

from worker.request.model import Capabilities, Operation, SpeechRequest, Turn
from worker.request.parse import parse

__all__ = ["Capabilities", "Operation", "SpeechRequest", "Turn", "parse"]
