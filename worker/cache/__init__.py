"""Finished speech on the volume: its key, its file, its folder."""

from worker.cache.key import AUDIO, cache_key
from worker.cache.store import Cache, Publication, StoredSpeech, pack, unpack

__all__ = ["AUDIO", "Cache", "Publication", "StoredSpeech", "cache_key", "pack", "unpack"]
