"""Client of the chatterpod text-to-speech worker on RunPod Serverless."""

from chatterpod.aio import AsyncClient, AsyncJob
from chatterpod.aio_direct import AsyncSpeechContext
from chatterpod.captions import srt, vtt
from chatterpod.client import Client, Job
from chatterpod.direct import SpeechContext
from chatterpod.errors import (
    ApiError,
    AuthError,
    ChatterpodError,
    ConfigError,
    EngineFailed,
    Incomplete,
    InvalidInput,
    JobCancelled,
    JobFailed,
    JobTimedOut,
    NotFound,
    OutOfMemory,
    ShuttingDown,
    TextTooLong,
    UnknownVoice,
    UnsupportedFormat,
    UnsupportedLanguage,
    VoiceUnusable,
    WorkerBusy,
)
from chatterpod.longform import Retake
from chatterpod.mp3 import Chapter
from chatterpod.protocol import Chunk
from chatterpod.serverless import RunPodServerlessClient
from chatterpod.speech import Speech
from chatterpod.store import Folder
from chatterpod.talk import Heard

__all__ = [
    "ApiError",
    "AsyncClient",
    "AsyncJob",
    "AsyncSpeechContext",
    "AuthError",
    "Chapter",
    "ChatterpodError",
    "Chunk",
    "Client",
    "ConfigError",
    "EngineFailed",
    "Folder",
    "Heard",
    "Incomplete",
    "InvalidInput",
    "Job",
    "JobCancelled",
    "JobFailed",
    "JobTimedOut",
    "NotFound",
    "OutOfMemory",
    "Retake",
    "RunPodServerlessClient",
    "ShuttingDown",
    "Speech",
    "SpeechContext",
    "TextTooLong",
    "UnknownVoice",
    "UnsupportedFormat",
    "UnsupportedLanguage",
    "VoiceUnusable",
    "WorkerBusy",
    "srt",
    "vtt",
]
