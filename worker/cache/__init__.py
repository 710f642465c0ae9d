"""Finished speech on the volume: its key, its file, and the folder of all files."""

from worker.cache.entry import SpeechFile, StoredSpeech, pack, unpack
from worker.cache.key import cache_key
from worker.cache.store import Cache, Publication

__all__ = ["Cache", "Publication", "SpeechFile", "StoredSpeech", "cache_key", "pack", "unpack"]
