"""A context in any pieces is one POST: equal samples, with a voice that speaks and with Chatterbox."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from gateway.local_endpoint import LoadedWorker, LocalEndpoint
from tests.kits.gateway import RunningGateway, connected, served
from worker.assembly import create_worker
from worker.engines.choose import load
from worker.settings import Settings

TEXT = "The harbour was quiet at 9, and so were we. A ferry left."


@asynccontextmanager
async def speaking(name: str, folder: Path, weights: Path) -> AsyncIterator[RunningGateway]:
    settings = Settings(
        engine=name, model_dir=weights, device="cpu", cache_dir=folder, voices_dir=folder / "voices"
    )
    worker = create_worker(settings, load(name, settings), direct=True)
    worker.start()
    loaded = LoadedWorker()
    loaded.set(worker)
    try:
        async with served(lambda metrics, _: LocalEndpoint(loaded, metrics)) as gateway:
            yield gateway
    finally:
        worker.close()


async def written(gateway: RunningGateway, pieces: Sequence[str], audio_format: str) -> bytes:
    async with connected(gateway) as client:
        await client.send(type="start", format=audio_format, cache="off")
        for piece in pieces:
            await client.send(type="text", text=piece)
            await asyncio.sleep(0.002)
        await client.send(type="close")
        await client.until("done")
    return client.audio["main"]


@pytest.mark.parametrize("name", ["preview", "chatterbox-turbo"])
async def test_a_context_in_any_pieces_is_one_post(name: str, tmp_path: Path, tiny_checkpoint: Path) -> None:
    async with speaking(name, tmp_path, tiny_checkpoint) as gateway:
        for audio_format in ("pcm", "mp3") if name == "preview" else ("pcm",):
            body = {"input": TEXT, "response_format": audio_format, "cache": "off"}
            posted = (await gateway.http.post("/v1/audio/speech", json=body)).content
            for size in (1, 11):
                pieces = [TEXT[at : at + size] for at in range(0, len(TEXT), size)]
                assert await written(gateway, pieces, audio_format) == posted
            assert len(posted) > 5_000
