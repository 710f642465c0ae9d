"""What a job asks for: its `input`, validated whole before any work is done for it."""

from worker.request.parse import JOB_BYTES, Capabilities, Operation, SpeechRequest, Turn, parse

__all__ = ["JOB_BYTES", "Capabilities", "Operation", "SpeechRequest", "Turn", "parse"]
