"""A worker put together from its settings: each setting reaches the part that it is for."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.kits.clips import wav
from tests.kits.workers import CountingEngine, audio_of
from worker.assembly import create_worker
from worker.cache import Cache, cache_key
from worker.engines.choose import Loaded
from worker.handler import Worker
from worker.request import SpeechRequest, parse
from worker.settings import Settings

HELLO = {"text": "Hello US."}


def settings(folder: Path, **changed: Any) -> Settings:
    folders = {
        "cache_dir": folder / "cache",
        "voices_dir": folder / "voices",
        "image_voices_dir": folder / "image",
    }
    return Settings(**(folders | changed))


async def last_record(worker: Worker, given: Mapping[str, Any]) -> dict[str, Any]:
    worker.start()
    try:
        return [record async for record in worker.handle({"id": "sync-1", "input": given})][-1]
    finally:
        worker.close()


@pytest.mark.parametrize(
    ("changed", "variant", "options"),
    [
        ({}, {}, {}),
        ({"cache_tag": "blue"}, {}, {"tag": "blue"}),
        ({"cache_case": "keep"}, {}, {"keep_case": True}),
        ({}, {"precision": "int8"}, {"variant": {"precision": "int8"}}),
    ],
)
async def test_what_makes_the_audio_differ_reaches_the_cache_key(
    changed: dict[str, Any], variant: dict[str, str], options: dict[str, Any], tmp_path: Path
) -> None:
    engine = CountingEngine()
    record = await last_record(
        create_worker(settings(tmp_path, **changed), Loaded(engine, variant=variant)), HELLO
    )
    request = parse(HELLO, engine)
    assert isinstance(request, SpeechRequest)
    assert record["cache_key"] == cache_key(request, "tone", **options)
    assert [path.stem for path in (tmp_path / "cache").iterdir()] == [record["cache_key"]]


def test_limits_reach_their_parts(tmp_path: Path) -> None:
    worker = create_worker(settings(tmp_path, cache_max_bytes=123), Loaded(CountingEngine(slots=3)))
    assert (worker.cache.max_bytes, worker.concurrency) == (123, 6)


async def test_the_limit_on_characters_is_the_settings(tmp_path: Path) -> None:
    worker = create_worker(settings(tmp_path, max_characters=8), Loaded(CountingEngine()))
    assert (await last_record(worker, HELLO))["error"].startswith("text_too_long: text has 9 characters")


async def test_voices_of_the_volume_and_of_the_image_are_found(tmp_path: Path) -> None:
    made = settings(tmp_path)
    create_worker(made, Loaded(CountingEngine())).voices.store.add("ann", wav())
    (tmp_path / "voices").rename(tmp_path / "image")
    create_worker(made, Loaded(CountingEngine())).voices.store.add("bob", wav(200))
    record = await last_record(create_worker(made, Loaded(CountingEngine())), {"op": "voices"})
    assert record["voices"] == ["default", "low", "ann", "bob"]


async def test_a_cache_that_is_given_is_used_instead_of_the_settings(tmp_path: Path) -> None:
    given = Cache(tmp_path / "given", 10**9)
    record = await last_record(
        create_worker(settings(tmp_path), Loaded(CountingEngine()), cache=given), HELLO
    )
    assert audio_of([record])
    assert given.entries() == 1
    assert not (tmp_path / "cache").exists()


async def test_no_clip_is_fetched_unless_a_way_to_fetch_is_given(tmp_path: Path) -> None:
    asked: list[str] = []

    async def fetch(url: str) -> bytes:
        asked.append(url)
        return wav()

    url = {"voice_url": "https://example.com/a.wav"}
    worker = create_worker(settings(tmp_path), Loaded(CountingEngine()))
    assert (await last_record(worker, HELLO | url))["error"].startswith("voice_unusable: ")
    worker = create_worker(settings(tmp_path), Loaded(CountingEngine()), fetch=fetch)
    assert (await last_record(worker, HELLO | url))["final"] is True
    assert asked == ["https://example.com/a.wav"]


async def test_a_closed_worker_takes_no_more_speech(tmp_path: Path) -> None:
    worker = create_worker(settings(tmp_path), Loaded(CountingEngine()))
    assert (await last_record(worker, HELLO))["final"] is True
    late = await last_record(worker, HELLO | {"cache": "off"})
    assert late["error"].startswith("shutting_down: ")
