"""`voice_url` through the SDK's own guard: where it may lead, without a network."""

import io
import socket
from dataclasses import dataclass
from typing import Any

import pytest
import requests
from runpod.http_client import SyncClientSession
from runpod.serverless.utils.rp_ssrf import iter_content_capped, safe_get

from worker.errors import VoiceUnusableError
from worker.voices.fetch import fetched

PUBLIC = "93.184.215.14"


@dataclass
class Net:
    """A resolver and servers behind it, in place of the network; remembers what was dialled."""

    names: dict[str, list[list[str]]]  # host -> the addresses of each look-up, the last repeated
    redirects: dict[str, str]
    dialled: list[str]

    def resolve(self, host: str, port: int, **_: Any) -> list[Any]:
        found = self.names.get(host, [[host]])
        addresses = found.pop(0) if len(found) > 1 else found[0]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses]

    def answer(self, session: Any, url: str) -> requests.Response:
        self.dialled.append(session.get_adapter(url)._pinned_ip)
        response = requests.Response()
        response.url = url
        response.status_code = 302 if url in self.redirects else 200
        response.headers["Location"] = self.redirects.get(url, "")
        response.raw = io.BytesIO(b"RIFF")
        return response


@pytest.fixture
def net(monkeypatch: pytest.MonkeyPatch) -> Net:
    made = Net({"good.example": [[PUBLIC]]}, {}, [])
    monkeypatch.setattr(socket, "getaddrinfo", made.resolve)

    def get(session: SyncClientSession, url: str, **_: Any) -> requests.Response:
        return made.answer(session, url)

    monkeypatch.setattr(SyncClientSession, "get", get)
    for name in (
        "RUNPOD_ALLOW_PRIVATE_DOWNLOAD_URLS",
        "HTTPS_PROXY",
        "https_proxy",
        "ALL_PROXY",
        "all_proxy",
    ):
        monkeypatch.delenv(name, raising=False)
    return made


def got(url: str) -> bytes:
    return fetched(url, safe_get, iter_content_capped)


def refused(url: str) -> str:
    with pytest.raises(VoiceUnusableError) as caught:
        got(url)
    return str(caught.value)


PRIVATE = [
    *("127.0.0.1", "10.0.0.7", "172.16.3.4", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0"),
    *("224.0.0.1", "::1", "fe80::1", "fd00::1", "::ffff:169.254.169.254", "::ffff:127.0.0.1", "240.0.0.1"),
]


def test_a_public_address_is_fetched_and_dialled_as_it_was_resolved(net: Net) -> None:
    assert got("https://good.example/ann.wav") == b"RIFF"
    assert net.dialled == [PUBLIC]


@pytest.mark.parametrize("address", PRIVATE)
def test_neither_a_name_nor_a_number_leads_to_an_address_that_is_not_public(address: str, net: Net) -> None:
    net.names["evil.example"] = [[address]]
    host = f"[{address}]" if ":" in address else address
    for url in ("https://evil.example/ann.wav", f"https://{host}/ann.wav"):
        assert address not in refused(url)
    assert net.dialled == []


@pytest.mark.parametrize("address", PRIVATE)
def test_a_redirect_to_an_address_that_is_not_public_is_refused(address: str, net: Net) -> None:
    host = f"[{address}]" if ":" in address else address
    net.redirects["https://good.example/ann.wav"] = f"https://{host}/latest/meta-data"
    assert refused("https://good.example/ann.wav").startswith("voice_url was refused: ")
    assert net.dialled == [PUBLIC]


def test_a_name_with_one_private_address_among_public_ones_is_refused(net: Net) -> None:
    net.names["mixed.example"] = [[PUBLIC, "10.0.0.7"]]
    refused("https://mixed.example/ann.wav")
    assert net.dialled == []


def test_a_name_that_changes_after_the_look_up_is_dialled_where_it_was_looked_up(net: Net) -> None:
    net.names["rebinds.example"] = [[PUBLIC], ["127.0.0.1"]]
    assert got("https://rebinds.example/ann.wav") == b"RIFF"
    assert net.dialled == [PUBLIC]


@pytest.mark.parametrize("target", ["file:///etc/passwd", "gopher://good.example/", "http://good.example/x"])
def test_a_redirect_to_another_scheme_is_refused(target: str, net: Net) -> None:
    net.redirects["https://good.example/ann.wav"] = target
    refused("https://good.example/ann.wav")


def test_redirects_without_end_are_refused(net: Net) -> None:
    net.redirects["https://good.example/ann.wav"] = "https://good.example/ann.wav"
    refused("https://good.example/ann.wav")


@pytest.mark.parametrize(
    "url", ["https://", "https://[", "https://a:99999999/x", "https:// /", "https://a\0b/"]
)
def test_an_invalid_address_is_refused(url: str, net: Net) -> None:
    refused(url)
    assert net.dialled == []
