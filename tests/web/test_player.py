"""The player in real browsers: Chromium with and without MediaSource, Firefox."""

import io
import re
from itertools import count, pairwise
from pathlib import Path
from typing import Any

import av
import pytest

from tests.kits.browsers import Page, chromium
from tests.kits.listener import EAVESDROP, INSIDE, SITE, Listener, text
from tests.kits.pods import Pod

NUMBERS = count(1)
FRAME_S = 576 / 24_000
PICTURES = Path("out/web")
TAB, RIGHT, LEFT, ENTER = "\ue004", "\ue014", "\ue012", "\ue006"  # as WebDriver writes them


def samples_in(mp3: bytes) -> int:
    """Return how many samples an independent decoder finds."""
    with av.open(io.BytesIO(mp3), format="mp3") as opened:
        return sum(frame.samples for frame in opened.decode(audio=0))


def said(listener: Listener, sentences: int = 6) -> None:
    """Have something new spoken."""
    listener.speak(text(next(NUMBERS), sentences))


def repeated(listener: Listener) -> None:
    """Have something spoken that is in the cache from the second time on, and wait for all of it."""
    listener.speak(text(0))
    listener.until("player.whole")


def test_each_browser_plays_in_the_way_it_can(
    with_media_source: Page, without_media_source: Page, in_firefox: Page, pod: Pod
) -> None:
    ways = []
    for page in (with_media_source, without_media_source, in_firefox):
        listener = Listener(page, pod)
        listener.open()
        said(listener, 1)
        listener.until("player.whole")
        ways.append(listener.ask("player.way"))
    assert ways == ["MediaSource", "web-audio", "web-audio"]


def test_sound_begins_before_the_job_ends_and_its_time_is_shown(listener: Listener) -> None:
    said(listener, 20)
    listener.until("player.firstAudioMs !== null")
    assert listener.job()["status"] == "IN_PROGRESS"
    assert "Still being made; first audio after" in listener.status_line()
    listener.until("player.currentTime > 0.5")
    listener.until("player.whole")
    assert listener.status_line() == f"All there; first audio after {seconds(listener)} s"


def seconds(listener: Listener) -> str:
    return f"{listener.ask('player.firstAudioMs') / 1000:.2f}"


def test_all_that_was_made_can_be_heard_and_saved_to_the_sample(listener: Listener) -> None:
    said(listener)
    listener.until("player.whole")
    made = listener.made()
    assert listener.downloaded() == made
    samples = samples_in(made)
    assert listener.ask("Math.round(player.available * 24000)") == samples
    assert listener.page.run(DECODE) == samples


DECODE = f"""
const bytes = await (await fetch({INSIDE}('.save').href)).arrayBuffer();
return (await new OfflineAudioContext(1, 1, 24000).decodeAudioData(bytes)).length;
"""


def test_media_source_gets_one_range_without_a_gap(chromium_listener: Listener) -> None:
    said(chromium_listener)
    chromium_listener.until("player.whole")
    ranges = chromium_listener.page.run(
        f"const {{ buffered }} = {INSIDE}('audio');"
        "return [buffered.length, buffered.start(0), buffered.end(0)];"
    )
    frames = samples_in(chromium_listener.made()) / 576
    assert ranges == [1, 0, pytest.approx(frames * FRAME_S, abs=1e-5)]


@pytest.mark.parametrize("browser", ["without_media_source", "in_firefox"])
def test_pieces_follow_each_other_to_the_sample_and_sound_as_the_whole_decoded_at_once(
    request: pytest.FixtureRequest, browser: str, pod: Pod
) -> None:
    page = request.getfixturevalue(browser)
    listener = Listener(page, pod)
    listener.open()
    page.run(EAVESDROP)
    said(listener)
    listener.until("player.whole")
    samples = samples_in(listener.made())
    listener.until(f"heard.reduce((sum, {{ buffer }}) => sum + buffer.length, 0) >= {samples}")
    compared: dict[str, Any] = page.run(COMPARE)
    starts, lengths = compared["starts"], compared["lengths"]
    assert len(starts) >= 3
    for (start, length), (following, _) in pairwise(zip(starts, lengths, strict=True)):
        assert following - start == pytest.approx(length, abs=0.01)  # of a sample
    assert compared["total"] == samples
    assert compared["difference"] < 1e-3
    listener.leave()


COMPARE = f"""
const whole = await new OfflineAudioContext(1, 1, 24000).decodeAudioData(
  await (await fetch({INSIDE}('.save').href)).arrayBuffer());
const expected = whole.getChannelData(0);
let at = 0, difference = 0;
for (const {{ buffer }} of heard) {{
  buffer.getChannelData(0).forEach((sample, index) => {{
    difference = Math.max(difference, Math.abs(sample - expected[at + index]));
  }});
  at += buffer.length;
}}
return {{
  starts: heard.map(({{ when, into }}) => (when - into) * 24000),
  lengths: heard.map(({{ buffer }}) => buffer.length),
  total: at,
  difference,
}};
"""


def test_captions_follow_what_is_heard(listener: Listener) -> None:
    repeated(listener)
    captions = listener.ask("player.captions")
    assert len(captions) >= 3
    assert [caption["text"] for caption in captions] == listener.ask(
        "[...player.shadowRoot.querySelectorAll('.words button')].map((word) => word.textContent)"
    )
    for caption in (captions[2], captions[0], captions[-1]):
        middle = (caption["start_ms"] + caption["end_ms"]) / 2000
        listener.ask(f"player.seek({middle})")
        marked = "player.shadowRoot.querySelector('.words [aria-current]')?.textContent"
        listener.until(f"{marked} === {caption['text']!r}")


def test_play_pause_and_seek_work_by_keyboard_and_are_named(listener: Listener) -> None:
    repeated(listener)
    listener.until("player.currentTime > 0.2")
    page = listener.page
    page.run(f"{INSIDE}('.play').focus()")
    assert page.run(f"return {INSIDE}('.play').getAttribute('aria-label')") == "Pause"
    page.press(" ")
    listener.until("player.paused")
    assert page.run(f"return {INSIDE}('.play').getAttribute('aria-label')") == "Play"
    listener.ask("player.seek(1)")
    page.press(TAB)  # Tab: to the slider
    page.press(RIGHT)  # right
    listener.until("Math.abs(player.currentTime - 6) < 0.1")
    spoken = page.run(f"return {INSIDE}('.seek').getAttribute('aria-valuetext')")
    assert re.fullmatch(r"0 minutes [56] seconds of 0 minutes 2\d seconds", spoken)
    page.press(LEFT)  # left
    listener.until("Math.abs(player.currentTime - 1) < 0.1")


def test_captions_are_one_stop_of_the_tab_key_and_lead_to_their_place(listener: Listener) -> None:
    repeated(listener)
    listener.ask("player.pause()")
    page = listener.page
    page.run(f"{INSIDE}('.save').focus()")
    page.press(TAB)
    page.press(RIGHT, ENTER)
    start_s = listener.ask("player.captions[1].start_ms") / 1000
    listener.until(f"Math.abs(player.currentTime - {start_s}) < 0.1")
    tab_indexes = listener.ask(
        "[...player.shadowRoot.querySelectorAll('.words button')].map((word) => word.tabIndex)"
    )
    assert tab_indexes.count(0) == 1


def test_a_job_that_fails_says_why_and_the_next_one_works(listener: Listener) -> None:
    listener.speak("   ")
    listener.until("player.shadowRoot.querySelector('.status.bad')")
    assert listener.status_line().startswith("invalid_input: ")
    said(listener, 1)
    listener.until("player.whole")
    assert listener.ask("player.shadowRoot.querySelector('.status.bad')") is None


def test_stopping_cancels_the_job(listener: Listener) -> None:
    said(listener, 30)
    listener.until("player.firstAudioMs !== null")
    listener.page.run(f"{SITE}('stop').click()")
    listener.page.until("(await (await fetch('/localpod/state')).json()).jobs[0].status === 'CANCELLED'")
    assert (listener.status_line(), listener.ask("player.paused")) == ("Stopped", True)


@pytest.mark.parametrize(
    "faults",
    [
        {"drop.stream": 3, "drop.status": 3},
        {"cut.stream": 3},
        {"close.api": 5},
        {"429.api": 5},
        {"500.api": 5},
        {"400.chunk": 3},
        {"kill.records": 2},
    ],
    ids=str,
)
def test_what_goes_wrong_on_the_way_costs_no_byte(
    chromium_listener: Listener, faults: dict[str, float]
) -> None:
    chromium_listener.faults(faults)
    said(chromium_listener, 8)
    chromium_listener.until("player.whole")
    struck = chromium_listener.struck()
    chromium_listener.faults(dict.fromkeys(faults, 0))
    assert struck
    assert chromium_listener.downloaded() == chromium_listener.made()


@pytest.mark.parametrize(("scheme", "number"), [("dark", 0), ("light", 1)])
def test_pictures_of_the_page_are_made_in_light_and_dark(
    folder: Path, pod: Pod, scheme: str, number: int
) -> None:
    with chromium(folder / scheme, f"--blink-settings=preferredColorScheme={number}") as page:
        page.size(900, 820)
        listener = Listener(page, pod)
        listener.open()
        assert page.run("return matchMedia('(prefers-color-scheme: dark)').matches") == (scheme == "dark")
        listener.speak(PROSE)
        listener.until("player.whole && player.firstAudioMs !== null")
        listener.ask("player.pause()")
        listener.ask("player.seek(12)")
        listener.until("player.shadowRoot.querySelector('[aria-current]')")
        page.picture(PICTURES / f"localpod-{scheme}.png")
    assert (PICTURES / f"localpod-{scheme}.png").read_bytes().startswith(b"\x89PNG")


PROSE = (
    "The lighthouse keeper had not spoken aloud in eleven days. On the twelfth, a small boat came round the"
    " point, and he found that his voice had gone rusty. He tried a few words on the gulls. They were not"
    " impressed, so he tried them again, a little louder. By the time the boat had tied up, he could say"
    " good morning as if he had said it every day of his life."
)
