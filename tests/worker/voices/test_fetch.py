"""A clip from the web: bounded in size and, whatever its server does, in time; silent about what it found."""

import asyncio
import threading
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.kits.clips import wav
from tests.kits.https import SLOW, serving, slow, trusting
from tests.kits.workers import run_job, working
from worker.errors import VoiceUnusableError
from worker.voices.addresses import GuardedNetwork
from worker.voices.clips import MOST_BYTES
from worker.voices.fetch import ClipFetcher
from worker.voices.open_fetches import OpenFetches


def fetcher(folder: Path, seconds: float = 20.0) -> ClipFetcher:
    """Return one that trusts the servers of this machine."""
    return ClipFetcher(GuardedNetwork(lambda _: True), trusting(folder), seconds)


async def refused(fetch: ClipFetcher, url: str) -> str:
    with pytest.raises(VoiceUnusableError) as caught:
        await fetch(url)
    return str(caught.value)


async def test_a_clip_within_the_limits_is_fetched_whole(tmp_path: Path) -> None:
    files = {"/ann.wav": wav(), "/most.wav": bytes(MOST_BYTES), "/more.wav": bytes(MOST_BYTES + 1)}
    with serving(tmp_path, files) as (address, _):
        fetch = fetcher(tmp_path)
        assert await fetch(f"{address}/ann.wav") == wav()
        assert len(await fetch(f"{address}/most.wav")) == MOST_BYTES
        assert (await refused(fetch, f"{address}/more.wav")).startswith("voice_url was refused: ")
        missing = await refused(fetch, f"{address}/secret.wav")
    assert missing == "voice_url answered with status 404"


async def test_every_kind_of_slow_server_is_left_at_the_deadline(tmp_path: Path) -> None:
    with ExitStack() as servers:
        urls = [servers.enter_context(slow(tmp_path, kind)) for kind in (*SLOW, "handshake")]
        fetch = fetcher(tmp_path, 0.5)
        messages = await asyncio.gather(*(refused(fetch, url) for url in urls))
    assert messages == ["voice_url did not deliver the clip within 0.5 s"] * 6


async def test_a_resolver_that_hangs_is_left_at_the_deadline() -> None:
    free = threading.Event()

    def resolve(_: str, __: int) -> list[str]:
        assert free.wait(20)
        return []

    fetch = ClipFetcher(GuardedNetwork(resolve=resolve), seconds=0.2)
    assert (await refused(fetch, "https://a.example/ann.wav")).startswith("voice_url did not deliver")
    free.set()


async def test_slow_servers_keep_nothing_else_waiting_and_leave_with_their_jobs(tmp_path: Path) -> None:
    with working(tmp_path / "volume") as kit, ExitStack() as servers:
        kit.voices.fetches = OpenFetches(fetcher(tmp_path, 60.0))
        urls = [servers.enter_context(slow(tmp_path, kind)) for kind in SLOW]
        given: list[dict[str, Any]] = [{"text": "Hello.", "voice_url": url} for url in urls]
        waiting = [asyncio.create_task(run_job(kit, each)) for each in given * 4]
        await asyncio.sleep(0.3)
        assert (await run_job(kit, {"text": "Hello."}))[-1]["final"] is True
        kit.store.add("ann", wav())
        assert (await run_job(kit, {"text": "Hello.", "voice": "ann"}))[-1]["final"] is True
        assert (await run_job(kit, {"op": "info"}))[-1]["final"] is True
        waiting[0].cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting[0]
        kit.voices.fetches.stop()
        ended = await asyncio.gather(*waiting[1:])
        late = await run_job(kit, given[0])
    message = "shutting_down: the worker is shutting down: send the job again"
    assert [*ended, late] == [[{"error": message}]] * 20
