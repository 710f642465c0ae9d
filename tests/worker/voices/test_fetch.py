"""A clip from the web: bounded in size and time, and silent about what it found."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Self

import pytest
import requests
from runpod.serverless.utils.rp_ssrf import SSRFError

from worker.errors import VoiceUnusableError
from worker.voices.clips import MOST_BYTES
from worker.voices.fetch import fetched

URL = "https://secret-host.example/ann.wav?token=hush"


@dataclass
class Web:
    """Answers as runpod's `safe_get` and `iter_content_capped` do."""

    pieces: list[bytes] = field(default_factory=lambda: [b"RIFF", b"data"])
    url: str = URL
    status_code: int = 200
    raises: Exception | None = None
    breaks: Exception | None = None
    asked: dict[str, Any] = field(default_factory=dict)
    closed: bool = False
    now: float = 0.0
    pace: float = 0.0  # seconds a piece

    def get(self, url: str, **options: Any) -> Self:
        if self.raises:
            raise self.raises
        self.asked = {"url": url} | options
        return self

    def read(self, response: Any, size: int, most: int) -> Iterator[bytes]:
        assert response is self
        assert size < most == MOST_BYTES
        for piece in self.pieces:
            self.now += self.pace
            yield piece
        if self.breaks:
            raise self.breaks

    def clock(self) -> float:
        return self.now

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.closed = True


def test_a_clip_within_the_limits_is_fetched_whole() -> None:
    web = Web()
    assert fetched(URL, web.get, web.read, web.clock) == b"RIFFdata"
    assert web.asked["url"] == URL
    assert web.asked["max_bytes"] == MOST_BYTES
    assert web.asked["timeout"] <= 30
    assert web.closed


@pytest.mark.parametrize(
    ("web", "message"),
    [
        (Web(raises=SSRFError("host resolves to non-public address 10.0.0.7")), "voice_url was refused: "),
        (Web(breaks=SSRFError("download exceeds size cap: >10000000 bytes")), "voice_url was refused: "),
        (Web(raises=requests.ConnectTimeout("10.0.0.7")), "voice_url could not be fetched: "),
        (Web(breaks=requests.exceptions.ChunkedEncodingError("10.0.0.7")), "voice_url could not be fetched"),
        (Web(status_code=404), "voice_url answered with status 404"),
        (
            Web(url="http://secret-host.example/ann.wav"),
            "voice_url redirects to an address that is not https",
        ),
        (Web(pieces=[b"a"] * 100, pace=1.0), "voice_url did not deliver the clip within 30 s"),
    ],
)
def test_an_error_of_fetching_holds_neither_address_nor_answer(web: Web, message: str) -> None:
    with pytest.raises(VoiceUnusableError) as caught:
        fetched(URL, web.get, web.read, web.clock)
    assert str(caught.value).startswith(message)
    assert not any(word in str(caught.value) for word in ("secret", "hush", "10.0.0.7"))
