"""What is read from outside, each with a source of inputs and the errors it may raise."""

import asyncio
import itertools
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx
import numpy as np
from hypothesis import strategies as st

from encoder import FrameSplitter, Mp3Encoder, Mp3Error, frames, id3, read_file, whole_file
from gateway import messages
from gateway.errors import BadMessage, BadRequest, TooLarge
from localpod.app import create_app
from localpod.settings import EndpointOptions
from segmenter import MarkRules, Segment, Segmenter, plan
from segmenter.atoms import PAUSES, unglued
from segmenter.marks import visible
from segmenter.words import speakable
from tests.fuzz.gateway_calls import calls, check_gateway_call
from worker.cache import cache_key
from worker.cache.entry import BadEntry, StoredSpeech, pack, unpack
from worker.chunks import Caption
from worker.engines.tone import ToneEngine
from worker.errors import InvalidInputError
from worker.request import SpeechRequest, parse

__all__ = ["TARGETS", "Target"]


@dataclass(frozen=True, slots=True)
class Target:
    """One reader: `check` returns for every input of `source`, or raises what is a finding."""

    source: st.SearchStrategy[Any]
    check: Callable[[Any], None]


# JSON as it comes from outside, with what Python's parser lets through.
WORDS = st.text("aZ0_-./\\é中\ud800\x00\x1b\n \u202e", max_size=8)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | WORDS
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=6,
)
NAMES = [*SpeechRequest.model_fields, "op", "name", "clip_base64", "input", "pause_ms"]
GOOD: dict[str, list[Any]] = {
    "text": ["Hello.", "a" * 200, "1,000 €"],
    "turns": [[{"text": "Hi."}], [{"text": "Hi.", "voice": "low", "pause_ms": 5}], [{"voice": 1}]],
    "voice": ["default", "../x"],
    "voice_url": ["https://a.b/c", "https://[", "http://a.b"],
    "language": ["en", "EN "],
    "format": ["mp3", "PCM"],
    "speed": [0.5, 1, 1e308],
    "seed": [0, 2**63],
    "op": ["info", "voice_add", "voice_remove", "warm", "voices"],
    "name": ["ann", "../ann"],
    "clip_base64": ["AAAA"],
    "pronounce": [{"a": "b"}, {"": ""}],
}


def fields(name: str) -> st.SearchStrategy[Any]:
    """Return values for a field: half of them of the right kind."""
    return st.sampled_from(GOOD[name]) | JSON if name in GOOD else JSON


def damaged(whole: bytes) -> st.SearchStrategy[bytes]:
    """Return bytes of any kind, and the file cut, changed, and followed by others."""
    places = st.lists(st.tuples(st.integers(0, len(whole) - 1), st.integers(0, 255)), max_size=8)

    def changed(flips: list[tuple[int, int]], end: int, rest: bytes) -> bytes:
        data = bytearray(whole)
        for place, byte in flips:
            data[place] = byte
        return bytes(data[:end]) + rest

    ends = st.integers(0, len(whole)) | st.just(len(whole))
    return st.binary(max_size=300) | st.builds(changed, places, ends, st.binary(max_size=20) | st.just(b""))


REQUESTS = JSON | st.fixed_dictionaries({}, optional={name: fields(name) for name in NAMES})
ENGINE = ToneEngine()


def check_request(given: Any) -> None:
    """Parse a job's input; what is taken has a key, what is not has one line of error."""
    said, request = "", None
    try:
        request = parse(given, ENGINE)
    except InvalidInputError as error:
        said = error.as_record()["error"]
    assert len(said) < 1_000, said
    assert said.isprintable(), said
    if isinstance(request, SpeechRequest):
        assert set(cache_key(request, "tone")) <= set("0123456789abcdef")


PCM = (0.2 * np.sin(np.arange(3_000) / 9)).astype(np.float32)


def encoded() -> bytes:
    """Return a few frames."""
    encoder = Mp3Encoder()
    return encoder.push(PCM) + encoder.flush()


AUDIO = encoded()
FILE = whole_file(AUDIO, len(PCM), {"note": "x"})
SPEECH = StoredSpeech(AUDIO, len(PCM), (Caption(0, 5, 0, 0, 100),), {"seed": 0})


def check_frames(data: bytes) -> None:
    """Take frames apart, whole and in two pieces: the splitter gives out only whole ones."""
    try:
        sizes = [frame.size for frame in frames(data)]
    except Mp3Error:
        sizes = []
    splitter = FrameSplitter()
    try:
        out = splitter.push(data[: len(data) // 2]) + splitter.push(data[len(data) // 2 :])
    except Mp3Error:
        assert not sizes
        return
    assert data.startswith(out)
    assert not sizes or len(out) == sum(sizes)


def check_file(data: bytes) -> None:
    """Read tags and file: what is accepted has whole frames."""
    for read in (id3.read, read_file):
        try:
            read(data)
        except Mp3Error:
            continue


def check_entry(given: tuple[str, bytes]) -> None:
    """Unpack a file of the cache: the audio that was stored, or a refusal."""
    form, data = given
    try:
        speech = unpack(data, form)
    except BadEntry:
        return
    assert speech.audio == AUDIO
    assert isinstance(speech.duration_ms, int)


ENTRIES = st.sampled_from(["mp3", "pcm"]).flatmap(
    lambda form: st.tuples(st.just(form), damaged(pack(SPEECH, form)))
)

KINDS = ["auth", "start", "speak", "text", "flush", "close", "cancel", "ping", "sing"]
PARTS = ["text", "context_id", "voice", "speed", "seed", "played_ms", "token", "pronounce", "format", "x"]
MESSAGES = st.one_of(
    st.text(max_size=60),
    st.binary(max_size=30),
    JSON.map(json.dumps),
    st.builds(
        lambda kind, rest: json.dumps({"type": kind} | rest),
        st.sampled_from(KINDS),
        st.dictionaries(st.sampled_from(PARTS), JSON, max_size=4),
    ),
    st.integers(1, 3_000).map(lambda deep: "[" * deep),
    st.integers(1, 9_999).map(lambda digits: '{"type": "cancel", "played_ms": ' + "9" * digits + "}"),
)


def check_message(data: str | bytes) -> None:
    """Parse a frame of the gateway's socket; a refusal can be sent and forges no line."""
    try:
        messages.parse(data, 65_536)
    except (BadMessage, BadRequest, TooLarge) as error:
        refusal = messages.error(error)
    else:
        return
    assert "\n" not in refusal["message"], refusal


def check_text(given: tuple[str, list[int], str]) -> None:
    """Segment a text in pieces: the segments are those of the whole, and all that is seen is in them."""
    text, cuts, language = given
    made = in_pieces(text, cuts, language, MarkRules())
    assert made == plan(text, language)
    ends = [0, *(segment.char_end for segment in made)]
    starts = [*(segment.char_start for segment in made), len(text)]
    assert all(end <= start for end, start in zip(ends, starts, strict=True))
    seen = PAUSES.sub("", unglued(visible(text)))
    assert "".join(seen.split()) == "".join("".join(segment.text for segment in made).split())


def in_pieces(text: str, cuts: list[int], language: str, rules: MarkRules) -> list[Segment]:
    """Return the segments of a text that comes in pieces."""
    segmenter = Segmenter(language, marks=rules)
    made = []
    places = sorted({0, len(text), *(cut % (len(text) + 1) for cut in cuts)})
    for start, end in itertools.pairwise(places):
        made += segmenter.push(text[start:end])
    return made + segmenter.finish()


def check_marks(given: tuple[str, list[int], str, MarkRules]) -> None:
    """Segment a text rich in marks: pieces give the whole, and the segments' words are those of the whole."""
    text, cuts, language, rules = given
    whole = plan(text, language, marks=rules)
    assert in_pieces(text, cuts, language, rules) == whole
    seen = unglued(PAUSES.sub(" ", visible(text, rules)))
    if not rules.has_markup:  # an address that is not looked for may be cut, but nothing of it is lost
        assert letters("".join(segment.text for segment in whole)) == letters(seen)
        return
    said = "".join(speakable(segment.text, language, numbers=False, is_seen=True) for segment in whole)
    assert letters(said) == letters(speakable(seen, language, numbers=False, is_seen=True))


def letters(said: str) -> str:
    """Return the letters and digits of what is said."""
    return "".join(letter for letter in said if letter.isalnum())


TEXTS = st.tuples(
    st.text(max_size=200) | st.text("aB1.!?…,;:()[]\"'\n 。」-", max_size=200),
    st.lists(st.integers(0, 200), max_size=4),
    st.sampled_from(["en", "de", "ja", "ar", "xx"]),
)

MARKS = """[ ] ( ) ![ ](http://a.b/c) ]( < </ <b> </b> <p> <think> </think> `` ` $ $$ $x^2$ \\ \\( \\) &amp; &
&#65; http://a.b/c/d https:// www.a.com/ data:image/png;base64,AAAA ! <!-- --> "> <x =' ' [1] [^1] :
[voice:bob] [pause:1s] [laugh] <script> </script> </details> <s> </s> <speak> - [x] | ** _ /
* 【4†source】 [a]: <foo>
</foo> " = class= 你好。
「はい。」 と言った。 ? . ... I e.g. 3. $3.50 5 km 10:30 Dr. word and so, it early.12 Most"""
SPACED = [
    *(
        "\n",
        "\n\n",
        "```\n",
        "\n```\n",
        "~~~\n",
        "---\n",
        "a: b\n",
        " ",
        " ",
        "Hello there. ",
        "<div\n",
        "\x00",
    ),
    *(
        "\ud800",
        "\u202e",
        "\ue001",
        "x" * 90,
        "a.com/" + "b" * 70,
        '<sub alias="Q R">',
        "</sub>",
        "w yo",
        "New York ",
    ),
    *('<details type="reasoning">', "<break time='1s'/>", '<a href="', ", and then it went on for a while "),
]
RULES = st.sampled_from(
    [MarkRules(), MarkRules.of(["code", "reasoning"]), MarkRules.of(markup="none", pronounce=["New York"])]
)
RICH = st.tuples(
    st.lists(st.sampled_from([*MARKS.split(), *SPACED]), max_size=20).map("".join),
    st.lists(st.integers(0, 400), max_size=6),
    st.sampled_from(["en", "de", "ja", "ar", "xx"]),
    RULES,
)

METHODS = st.sampled_from(["GET", "POST", "DELETE", "PUT", "OPTIONS"])
PLACES = ["run", "status/x", "stream/x?wait=0", "cancel/x", "retry/x", "purge-queue",
          "health", "job-stream/w/x", "job-done/w/x", "ping/w", "../../localpod/faults",
          "../../localpod/state", "../../player/..%2f..%2fREADME.md", "%2e%2e/", "status-sync/x?wait=1e9",
          "stream/x?wait=\u0663", "job-take-batch/w?batch_size=-1"]  # fmt: skip
FIELDS = st.sampled_from(["input", "policy", "webhook", "output", "error", "status"])
BODIES = st.one_of(
    st.binary(max_size=40),
    (JSON | st.dictionaries(FIELDS, JSON, max_size=4)).map(lambda value: json.dumps(value).encode()),
    st.integers(1, 3_000).map(lambda deep: b"[" * deep),
)
HEADERS = st.dictionaries(
    st.sampled_from(["Authorization", "Content-Type", "Origin", "Host"]),
    st.sampled_from(["Bearer x", "x", "application/json", "null", "127.0.0.1", "evil.example", ""]),
    max_size=3,
)
CALLS = st.tuples(METHODS, st.sampled_from(PLACES), BODIES, HEADERS)


APP = create_app(EndpointOptions(workers=0))


def check_call(given: tuple[str, str, bytes, dict[str, str]]) -> None:
    """Call localpod: it answers, in time, with no failure of its own and no traceback."""
    method, place, body, headers = given

    async def call() -> httpx.Response:
        transport = httpx.ASGITransport(APP)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1/v2/local/") as client:
            return await asyncio.wait_for(client.request(method, place, content=body, headers=headers), 20)

    answer = asyncio.run(call())
    assert answer.status_code < 500, answer.text
    assert "Traceback" not in answer.text


TARGETS: dict[str, Target] = {
    "request": Target(REQUESTS, check_request),
    "frames": Target(damaged(AUDIO), check_frames),
    "file": Target(damaged(FILE), check_file),
    "cache entry": Target(ENTRIES, check_entry),
    "gateway message": Target(MESSAGES, check_message),
    "gateway": Target(calls(JSON), check_gateway_call),
    "segmenter": Target(TEXTS, check_text),
    "marks": Target(RICH, check_marks),
    "localpod": Target(CALLS, check_call),
}
