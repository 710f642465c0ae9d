"""The request: what a job asks for, validated whole before any work is done for it."""

from worker.request.model import Capabilities, Operation, SpeechRequest, Turn
from worker.request.parse import parse
from worker.request.rules import JOB_BYTES

__all__ = ["JOB_BYTES", "Capabilities", "Operation", "SpeechRequest", "Turn", "parse"]
