"""Where the player's speech comes from: addresses, a real gateway, the examples of the docs."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.kits.browsers import Page, free_port, started, wait_for
from tests.kits.listener import text
from tests.kits.player_site import CAPTIONS, EXAMPLES, LONGER, SPEECH, serving
from tests.kits.pods import Pod

PLAYER = "document.querySelector('chatterpod-player')"
TOKEN = "a-token-of-this-gateway"
EDGE = "https://project.supabase.co/functions/v1/podcast_generate_audio"


@pytest.fixture(scope="module")
def site(gateway: str, port: int) -> Iterator[str]:
    with serving(port, {"https://gateway.example": gateway, EDGE: "/function"}) as address:
        yield address


@pytest.fixture(scope="module")
def port() -> int:
    """The site's: the gateway must know whose pages may ask it."""
    return free_port()


@pytest.fixture(scope="module")
def gateway(pod: Pod, folder: Path, port: int) -> Iterator[str]:
    """A gateway in front of the localpod."""
    own = free_port()
    env = {
        "RUNPOD_ENDPOINT_ID": "local",
        "RUNPOD_API_KEY": "any",
        "RUNPOD_ENDPOINT_BASE_URL": pod.url.removesuffix("/local"),
        "GATEWAY_TOKENS": TOKEN,
        "GATEWAY_ORIGINS": f"http://127.0.0.1:{port}",
    }
    with started([sys.executable, "-m", "gateway", "--port", str(own)], folder / "gateway", env):
        address = f"http://127.0.0.1:{own}"
        wait_for(lambda: httpx.get(f"{address}/healthz").is_success)
        yield address


def whole(page: Page) -> None:
    page.until(f"{PLAYER}.whole && {PLAYER}.firstAudioMs !== null")


def test_an_address_is_played_through_broken_connections_to_its_end(any_browser: Page, site: str) -> None:
    any_browser.open(f"{site}/example/0")
    any_browser.until("customElements.get('chatterpod-player') !== undefined")
    assert any_browser.run(f"return {PLAYER}.way") is None
    any_browser.run(f"{PLAYER}.shadowRoot.querySelector('.play').click()")
    whole(any_browser)
    way = any_browser.run(f"return {PLAYER}.way")
    assert way in ("MediaSource", "audio", "web-audio")
    length_s = any_browser.run(f"return {PLAYER}.available")
    assert length_s == pytest.approx(len(SPEECH) / 8000, abs=0.05)
    any_browser.until(f"{PLAYER}.captions.length === {len(CAPTIONS)}")
    any_browser.run(f"{PLAYER}.seek(5.5)")
    any_browser.until(f"{PLAYER}.shadowRoot.querySelector('[aria-current]')?.textContent === 'Second 5.'")
    if way == "MediaSource":
        size = f"(await (await fetch({PLAYER}.shadowRoot.querySelector('.save').href)).blob()).size"
        assert any_browser.run(f"return {size}") == len(SPEECH)


def test_the_examples_of_the_docs_play(any_browser: Page, site: str) -> None:
    assert len(EXAMPLES) == 3
    for number in range(1, 3):
        any_browser.open(f"{site}/example/{number}")
        any_browser.until("customElements.get('chatterpod-player') !== undefined")
        any_browser.run("document.querySelector('button').click()")
        whole(any_browser)
        assert any_browser.run(f"return {PLAYER}.available") > 1
        any_browser.run(f"{PLAYER}.pause()")


def test_the_gateways_own_page_plays_while_the_speech_is_made(any_browser: Page, gateway: str) -> None:
    page = any_browser
    page.open(f"{gateway}/player/")
    page.until("customElements.get('chatterpod-player') !== undefined")
    said = text(hash(page) % 1000 + 100)
    page.run(
        f"""const at = (id) => document.getElementById(id);
        at('text').value = {said!r}; at('token').value = '{TOKEN}'; at('form').requestSubmit();"""
    )
    page.until(f"{PLAYER}.firstAudioMs !== null")
    assert not page.run(f"return {PLAYER}.whole")
    whole(page)
    page.until(f"{PLAYER}.captions.length >= 3")
    page.until(f"Math.abs({PLAYER}.available - {PLAYER}.captions.at(-1).end_ms / 1000) < 0.5")


def test_a_wrong_token_is_said_plainly(with_media_source: Page, gateway: str) -> None:
    page = with_media_source
    page.open(f"{gateway}/player/")
    page.until("customElements.get('chatterpod-player') !== undefined")
    page.run(
        "document.getElementById('token').value = 'wrong'; document.getElementById('form').requestSubmit()"
    )
    page.until(f"{PLAYER}.shadowRoot.querySelector('.status.bad')")
    assert page.run(f"return {PLAYER}.shadowRoot.querySelector('.status').textContent")


def test_an_address_without_speech_is_said_plainly_and_may_be_tried_again(
    any_browser: Page, site: str
) -> None:
    page = any_browser
    page.open(f"{site}/example/0")
    page.until("customElements.get('chatterpod-player') !== undefined")
    page.run(f"{PLAYER}.setAttribute('src', '/nothing.mp3'); {PLAYER}.play()")
    page.until(f"{PLAYER}.shadowRoot.querySelector('.status.bad')")
    page.run(f"{PLAYER}.setAttribute('src', '/speech.mp3'); {PLAYER}.play()")
    whole(page)
    page.run(f"{PLAYER}.pause()")


def test_what_breaks_off_while_it_is_heard_goes_on_from_there(without_media_source: Page, site: str) -> None:
    page = without_media_source
    page.open(f"{site}/example/0")
    page.until("customElements.get('chatterpod-player') !== undefined")
    page.run(f"{PLAYER}.setAttribute('src', '/held.mp3'); {PLAYER}.play()")
    page.until(f"{PLAYER}.currentTime > 0.3")
    assert page.run(f"return {PLAYER}.way") == "audio"
    page.run("await fetch('/heard')")
    whole(page)
    assert page.run(f"return {PLAYER}.available") == pytest.approx(len(LONGER) / 8000, abs=0.05)
    page.until(f"{PLAYER}.currentTime > 0.3")
    page.run(f"{PLAYER}.pause()")


def test_the_player_never_asks_for_a_browsers_name() -> None:
    code = (Path(__file__).parents[2] / "clients/web/chatterpod-player.js").read_text()
    assert re.search(r"userAgent|navigator\.(vendor|platform|appVersion)", code) is None
