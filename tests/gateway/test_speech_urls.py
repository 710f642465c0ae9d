"""`/v1/speech`: an MP3 with its own URL, which grows while it is played."""

import asyncio

import httpx
import pytest

from gateway import speech_urls
from tests.kits.gateway import TOKEN, MemoryQueue, RunningGateway, audio_of, running_gateway
from tests.kits.timing import MS, SECOND

PROSE = (
    "The harbour was quiet that morning, and only the gulls had opinions. A ferry left for the islands at "
    "ten past nine, as it did every day of the year. Nobody waved, because nobody had risen in time to wave."
)
WHOLE = b"".join(audio for audio, _, _ in audio_of(PROSE))
FIRST = len(audio_of(PROSE)[0][0])
DUE = len(PROSE) * 1_000  # what it may become at 64 kbit/s


async def begun(gateway: RunningGateway, text: str = PROSE, **options: object) -> str:
    answer = await gateway.http.post("/v1/speech", json={"text": text, **options})
    assert answer.status_code == 201
    return str(answer.json()["url"])


async def test_a_listener_gets_the_file_as_it_grows_to_its_last_byte() -> None:
    async with running_gateway() as gateway:
        gateway.queue.gate.clear()
        gateway.queue.hold_after = 1
        url = await begun(gateway)
        async with gateway.http.stream("GET", url, headers={"Authorization": ""}) as answer:
            assert answer.status_code == 200
            assert "content-length" not in answer.headers
            blocks = answer.aiter_raw()
            got = await anext(blocks)
            assert len(got) <= FIRST
            gateway.queue.gate.set()
            async for block in blocks:
                got += block
    assert got == WHOLE


@pytest.mark.timing
async def test_a_player_that_probes_two_bytes_and_resumes_anywhere_gets_the_same_file() -> None:
    async with running_gateway() as gateway:
        gateway.queue.gate.clear()
        gateway.queue.hold_after = 1
        url = await begun(gateway)
        probe = await gateway.http.get(url, headers={"Range": "bytes=0-1"})
        resumed = await gateway.http.get(url, headers={"Range": f"bytes={FIRST - 100}-"})
        waiting = asyncio.create_task(gateway.http.get(url, headers={"Range": f"bytes={FIRST}-"}))
        await asyncio.sleep(50 * MS)
        assert not waiting.done()
        gateway.queue.gate.set()
        later = await waiting
        async with asyncio.timeout(10 * SECOND):
            while (await gateway.http.get(url.removesuffix(".mp3"))).json()["state"] != "done":
                await asyncio.sleep(0.01)
        rest = await gateway.http.get(url, headers={"Range": f"bytes={FIRST}-"})
        beyond = await gateway.http.get(url, headers={"Range": f"bytes={len(WHOLE)}-"})
    assert (probe.status_code, probe.content) == (206, WHOLE[:2])
    assert probe.headers["content-range"] == "bytes 0-1/*"
    assert resumed.content == WHOLE[FIRST - 100 : FIRST]
    assert WHOLE[FIRST:].startswith(later.content)
    assert rest.content == WHOLE[FIRST:]
    assert rest.headers["content-range"] == f"bytes {FIRST}-{len(WHOLE) - 1}/{len(WHOLE)}"
    assert (beyond.status_code, beyond.headers["content-range"]) == (416, f"bytes */{len(WHOLE)}")
    assert beyond.json()["error"]["code"] == "range_refused"


async def test_a_speech_shows_its_captions_and_can_be_removed() -> None:
    async with running_gateway() as gateway:
        gateway.queue.gate.clear()
        gateway.queue.hold_after = 1
        url = (await begun(gateway)).removesuffix(".mp3")
        async with asyncio.timeout(10 * SECOND):
            while not (output := (await gateway.http.get(url)).json())["captions"]:
                await asyncio.sleep(0.01)
        assert output["state"] == "closed"
        assert (await gateway.http.delete(url)).status_code == 204
        assert (await gateway.http.get(url)).status_code == 404
        async with asyncio.timeout(10 * SECOND):
            while gateway.queue.cancelled != ["job-0"]:
                await asyncio.sleep(0.01)
    assert PROSE.startswith(output["captions"][0]["text"])


async def test_a_speech_that_fails_answers_with_the_reason() -> None:
    async with running_gateway() as gateway:
        url = await begun(gateway, voice="ghost")
        answer = await gateway.http.get(url)
        nothing = await gateway.http.post("/v1/speech", json={"text": "..."})
        wrong = await gateway.http.post("/v1/speech", json={"text": "a", "format": "pcm"})
        unknown = await gateway.http.get("/v1/speech/nobody.mp3")
        stranger = await gateway.http.post("/v1/speech", json={"text": "a"}, headers={"Authorization": "x"})
    codes = [reply.json()["error"]["code"] for reply in (answer, nothing, wrong, unknown, stranger)]
    assert codes == ["unknown_voice", "invalid_input", "invalid_input", "not_found", "unauthorized"]


async def test_the_oldest_speech_is_removed_for_a_new_one_once_it_was_kept_for_a_while(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with running_gateway(speech_bytes=DUE + 2 * len(WHOLE), tokens=()) as gateway:
        urls = []
        for _ in range(3):
            urls.append(await begun(gateway))
            await gateway.http.get(urls[-1])
        early = await gateway.http.post("/v1/speech", json={"text": PROSE})
        monkeypatch.setattr(speech_urls, "LEAST_S", 0.0)
        urls.append(await begun(gateway))
        found = [(await gateway.http.get(url)).status_code for url in urls]
    assert (early.status_code, early.json()["error"]["code"]) == (429, "rate_limited")
    assert found == [404, 200, 200, 200]


async def test_who_keeps_too_much_is_refused_and_everybody_else_still_listens_posts_and_removes() -> None:
    other = "another-token-of-sixteen"
    queue = MemoryQueue()
    queue.gate.clear()
    queue.hold_after = 1
    async with running_gateway(queue, speech_bytes=4 * DUE, tokens=(TOKEN, other)) as gateway:

        async def posted(token: str) -> httpx.Response:
            headers = {"Authorization": f"Bearer {token}"}
            return await gateway.http.post("/v1/speech", json={"text": PROSE}, headers=headers)

        mine = [await posted(TOKEN) for _ in range(4)]
        theirs = await posted(other)
        described = await gateway.http.get(theirs.json()["url"].removesuffix(".mp3"))
        removed = await gateway.http.delete(mine[0].json()["url"].removesuffix(".mp3"))
        again = await posted(TOKEN)
        queue.gate.set()
        heard = await gateway.http.get(theirs.json()["url"])
    assert [answer.status_code for answer in mine] == [201, 201, 429, 429]
    assert mine[2].json()["error"]["code"] == "rate_limited"
    found = (theirs, described, removed, again, heard)
    assert [answer.status_code for answer in found] == [201, 200, 204, 201, 200]
