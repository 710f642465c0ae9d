"""`voice_url` and where it may lead: by name, by number and by redirect, without a network."""

from dataclasses import dataclass, field
from typing import Any

import httpcore
import pytest

from worker.errors import VoiceUnusableError
from worker.voices.addresses import GuardedNetwork
from worker.voices.fetch import MOST_REDIRECTS, ClipFetcher

PUBLIC = "93.184.215.14"
URL = "https://good.example/ann.wav?token=hush"
CLIP = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nRIFF"


def redirect(target: str) -> bytes:
    return f"HTTP/1.1 302 Found\r\nLocation: {target}\r\nContent-Length: 0\r\n\r\n".encode()


@dataclass
class Net(httpcore.AsyncNetworkBackend):
    """A resolver, and servers that answer one connection after the other; remembers what was dialled."""

    names: dict[str, list[list[str]]] = field(default_factory=lambda: {"good.example": [[PUBLIC]]})
    answers: list[bytes] = field(default_factory=lambda: [CLIP])
    closed: tuple[str, ...] = ()  # addresses that take no connection
    dialled: list[str] = field(default_factory=list)

    def resolve(self, host: str, _: int) -> list[str]:
        found = self.names.get(host, [[host]])
        return found.pop(0) if len(found) > 1 else found[0]

    async def connect_tcp(self, host: str, *_: Any, **__: Any) -> httpcore.AsyncNetworkStream:
        self.dialled.append(host)
        if host in self.closed:
            raise httpcore.ConnectError
        return httpcore.AsyncMockStream([self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]])

    async def got(self, url: str) -> bytes:
        return await ClipFetcher(GuardedNetwork(resolve=self.resolve, network=self))(url)

    async def refusal(self, url: str) -> str:
        with pytest.raises(VoiceUnusableError) as caught:
            await self.got(url)
        assert not any(word in str(caught.value) for word in ("example", "hush", "10.0.0.7", PUBLIC))
        return str(caught.value)


PRIVATE = [
    *("127.0.0.1", "10.0.0.7", "172.16.3.4", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0"),
    *("224.0.0.1", "::1", "fe80::1", "fd00::1", "::ffff:169.254.169.254", "::ffff:127.0.0.1", "240.0.0.1"),
    # What the standard library takes for public, or did once: what they lead to may be private.
    *(
        "192.0.0.8",
        "192.88.99.1",
        "2002:7f00:1::",
        "2001:0:7f00:1::",
        "64:ff9b::7f00:1",
        "::7f00:1",
        "fec0::1",
    ),
]


async def test_a_public_address_is_fetched_and_dialled_as_it_was_resolved() -> None:
    net = Net()
    assert await net.got(URL) == b"RIFF"
    assert net.dialled == [PUBLIC]


async def test_a_name_is_dialled_at_its_next_address_if_one_takes_no_connection() -> None:
    net = Net({"good.example": [["2606:2800:21f::1", PUBLIC]]}, closed=("2606:2800:21f::1",))
    assert await net.got(URL) == b"RIFF"
    assert net.dialled == ["2606:2800:21f::1", PUBLIC]
    closed = Net(closed=(PUBLIC,))
    assert (await closed.refusal(URL)).startswith("voice_url could not be fetched: ")


@pytest.mark.parametrize("address", PRIVATE)
async def test_neither_a_name_nor_a_number_leads_to_an_address_that_is_not_public(address: str) -> None:
    net = Net({"evil.example": [[address]]})
    host = f"[{address}]" if ":" in address else address
    for url in ("https://evil.example/ann.wav", f"https://{host}/ann.wav"):
        assert (await net.refusal(url)).startswith("voice_url was refused: ")
    assert net.dialled == []


@pytest.mark.parametrize("address", PRIVATE)
async def test_a_redirect_to_an_address_that_is_not_public_is_refused(address: str) -> None:
    host = f"[{address}]" if ":" in address else address
    net = Net(answers=[redirect(f"https://{host}/latest/meta-data")])
    assert (await net.refusal(URL)).startswith("voice_url was refused: ")
    assert net.dialled == [PUBLIC]


async def test_a_redirect_is_followed_and_its_name_looked_up_too() -> None:
    net = Net(answers=[redirect("/bob.wav"), redirect("https://other.example/"), CLIP])
    net.names["other.example"] = [["8.8.8.8"]]
    assert await net.got(URL) == b"RIFF"
    assert net.dialled == [PUBLIC, PUBLIC, "8.8.8.8"]


async def test_a_name_with_one_private_address_among_public_ones_is_refused() -> None:
    net = Net({"good.example": [[PUBLIC, "10.0.0.7"]]})
    await net.refusal(URL)
    assert net.dialled == []


async def test_a_name_that_changes_after_the_look_up_is_dialled_where_it_was_looked_up() -> None:
    net = Net({"good.example": [[PUBLIC], ["127.0.0.1"]]})
    assert await net.got(URL) == b"RIFF"
    assert net.dialled == [PUBLIC]


@pytest.mark.parametrize("target", ["file:///etc/passwd", "gopher://good.example/", "http://good.example/x"])
async def test_a_redirect_to_another_scheme_is_refused(target: str) -> None:
    net = Net(answers=[redirect(target)])
    assert await net.refusal(URL) == "voice_url redirects to an address that is not https"
    assert net.dialled == [PUBLIC]


@pytest.mark.parametrize("target", [URL, ""])
async def test_redirects_without_end_are_refused(target: str) -> None:
    net = Net(answers=[redirect(target)])
    assert (await net.refusal(URL)).startswith("voice_url was refused: ")
    assert len(net.dialled) == MOST_REDIRECTS + 1


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nX: " + b"a" * 200_000,
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nRIFF",
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"",
    ],
    ids=["endless head", "cut body", "no HTTP", "nothing"],
)
async def test_an_answer_that_is_not_one_is_an_error_without_its_words(answer: bytes) -> None:
    assert await Net(answers=[answer]).refusal(URL) == (
        "voice_url could not be fetched: its server cannot be reached"
    )


@pytest.mark.parametrize(
    "head", ["Content-Length: 10000001", "Content-Length: 99999999999999999999", "Transfer-Encoding: chunked"]
)
async def test_a_body_over_the_limit_is_refused(head: str) -> None:
    body = b"989681\r\n" + bytes(0x989681) if "chunked" in head else bytes(10_000_001)
    net = Net(answers=[f"HTTP/1.1 200 OK\r\n{head}\r\n\r\n".encode() + body])
    assert (await net.refusal(URL)).startswith("voice_url was refused: ")


@pytest.mark.parametrize(
    "url",
    [
        *("https://", "https://[", "https://a:99999999/x", "https:// /", "https://a\0b/", "https://\ud800/"),
        *("https://2130706433/", "https://0x7f.1/", "https://user@127.0.0.1/", "https://" + "a" * 300),
    ],
)
async def test_an_invalid_address_is_refused(url: str) -> None:
    fetch = ClipFetcher(GuardedNetwork(network=Net()))
    with pytest.raises(VoiceUnusableError, match="voice_url was refused: "):
        await fetch(url)
