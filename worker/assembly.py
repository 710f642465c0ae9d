"""The worker's parts, put together once: for the entry points, the benches and the tests."""

import asyncio
import gc
import logging
import sys
import threading
import time
from collections.abc import Awaitable, Callable
from functools import cache, partial
from os import _exit

from worker.cache import Cache, cache_key
from worker.check import cache_trouble
from worker.engines.choose import TITLES, Loaded, choose, load
from worker.engines.takes import cloner
from worker.errors import StartError
from worker.handler import Worker
from worker.settings import Settings, private_clips_allowed
from worker.speech import HUNG_SECONDS, LiveSpeeches, Scheduler
from worker.voices import VoiceStore
from worker.voices.open_fetches import Fetch, refuse
from worker.voices.ready import ReadyVoices

__all__ = ["StartError", "create_worker", "die", "direct_worker", "load_engine", "loaded_worker"]

LAST_WORDS_SECONDS = 3.0  # for delivering the errors of the jobs that fail

log = logging.getLogger("worker")


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


def load_engine(settings: Settings) -> Loaded:
    """Load the engine and log the lines that operators search for."""
    name = choose(settings)
    started = time.monotonic()
    log.info("=== Initializing %s TTS (module-level singleton) ===", TITLES[name].split()[0].split("-")[0])
    log.info("Loading %s model (singleton)...", TITLES[name])
    loaded = load(name, settings)
    log.info("Device: %s", loaded.engine.device)
    log.info("\u2713 Model loaded in %.2fs", time.monotonic() - started)
    for note in loaded.notes:
        log.info(note)
    return loaded


def loaded_worker(
    settings: Settings, *, on_death: Callable[[], None] = lambda: None, direct: bool = False
) -> Worker:
    """Load the engine and return the worker of this process, which ends soon after its engine dies.

    Raises:
        StartError: The engine cannot be loaded.
    """
    for warning in (settings.cache_folder()[1], cache_trouble(settings)):
        if warning:
            log.warning(warning)

    def died() -> None:
        on_death()
        die()

    return create_worker(settings, load_engine(settings), fetch=fetch, on_death=died, direct=direct)


def direct_worker(on_death: Callable[[], None]) -> Worker:
    """Return a worker for connections of this process, with the environment's settings, started.

    Raises:
        StartError: A setting is wrong, or the engine cannot be loaded.
    """
    settings = Settings.from_env()
    logging.basicConfig(level=settings.log_level, format="%(message)s", stream=sys.stdout)
    worker = loaded_worker(settings, on_death=on_death, direct=True)
    worker.start()
    gc.freeze()  # what exists now stays: the collector then has less to examine
    return worker


async def fetch(url: str) -> bytes:
    """Return the clip at `url`."""
    return await (await asyncio.to_thread(clip_fetcher))(url)


@cache
def clip_fetcher() -> Callable[[str], Awaitable[bytes]]:
    """Return what fetches clips; the import takes most of a second, and few workers need it."""
    from worker.voices.addresses import GuardedNetwork, is_public  # noqa: PLC0415
    from worker.voices.fetch import ClipFetcher  # noqa: PLC0415

    anywhere = private_clips_allowed()
    return ClipFetcher(GuardedNetwork(lambda address: anywhere or is_public(address)))


def die() -> None:
    """End the process after a few seconds with exit code 1; the platform starts a fresh one."""
    threading.Timer(LAST_WORDS_SECONDS, _exit, args=(1,)).start()
