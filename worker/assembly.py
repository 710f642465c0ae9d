"""The worker's parts, put together once: for the entry point, the benches and the tests."""

from collections.abc import Callable
from functools import partial

from worker.cache import Cache, cache_key
from worker.engines.choose import Loaded
from worker.engines.takes import cloner
from worker.handler import Worker
from worker.settings import Settings
from worker.speech import HUNG_SECONDS, LiveSpeeches, Scheduler
from worker.voices import VoiceStore
from worker.voices.open_fetches import Fetch, refuse
from worker.voices.ready import ReadyVoices

__all__ = ["create_worker"]


def create_worker(
    settings: Settings,
    loaded: Loaded,
    *,
    fetch: Fetch = refuse,
    on_death: Callable[[], None] = lambda: None,
    cache: Cache | None = None,
    hung_seconds: float = HUNG_SECONDS,
    direct: bool = False,
) -> Worker:
    """Return a worker that speaks with a loaded engine; it runs nothing before its `start()`.

    Args:
        settings: Folders, limits, and what goes into the cache key.
        loaded: The engine, and how its audio differs from the engine's default.
        fetch: Returns the bytes at a `voice_url`; by default no clip is fetched.
        on_death: Called once, from any thread, after the engine has died or hangs.
        cache: The cache to use instead of one in the settings' folder.
        direct: Whether clients wait in connections of this process, not in a queue.
        hung_seconds: How long one step of the engine may take before it counts as hanging.
    """
    engine = loaded.engine
    scheduler = Scheduler(engine, on_death=on_death, hung_seconds=hung_seconds)
    cache = cache or Cache(settings.cache_folder()[0], settings.cache_max_bytes)
    voices = ReadyVoices(
        VoiceStore(settings.voices_folder()[0], engine.voices, settings.image_voices_dir),
        cloner(engine),
        call=scheduler.call,
        fetch=fetch,
        memory_bytes=settings.voices_memory_bytes,
        volume=cache.volume,
    )
    keep_case = settings.cache_case == "keep"
    key_of = partial(cache_key, tag=settings.cache_tag, keep_case=keep_case, variant=loaded.variant)
    return Worker(
        scheduler,
        cache,
        LiveSpeeches(scheduler, cache, direct=direct),
        voices,
        max_characters=settings.max_characters,
        key_of=key_of,
    )
