"""Client of the chatterpod text-to-speech worker on RunPod Serverless."""

from chatterpod.client import Client, Speech
from chatterpod.errors import (
    ApiError,
    AuthError,
    ChatterpodError,
    Incomplete,
    JobCancelled,
    JobFailed,
    JobTimedOut,
)
from chatterpod.protocol import Chunk

__all__ = [
    "ApiError",
    "AuthError",
    "ChatterpodError",
    "Chunk",
    "Client",
    "Incomplete",
    "JobCancelled",
    "JobFailed",
    "JobTimedOut",
    "Speech",
]
