"""Any length of text: jobs side by side, joined in order while they come. A flow, without I/O."""

import base64
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from chatterpod.errors import ConfigError
from chatterpod.flow import Begin, Flow, LoadPart, NextDone, Send, Session, StorePart, Wait, tapped
from chatterpod.joining import FileParts, Joiner
from chatterpod.operations import OpenJobs, spoken
from chatterpod.parts import Part, cut, cut_turns
from chatterpod.protocol import Chunk
from chatterpod.request import identity
from chatterpod.speech import Speech

__all__ = ["MOST_WIDTH", "Plan", "Retake", "long_speech", "one_job", "plan_of", "produce"]

MOST_WIDTH = 100  # jobs at once: RunPod allows 200 submissions, and 400 reads, at a time


@dataclass(frozen=True, slots=True)
class Retake:
    """One part spoken anew with another seed."""

    part: int  # from 1
    seed: int | None = None  # None: the one after the speech's own

    @classmethod
    def parse(cls, text: str) -> "Retake":
        """Return what `N` or `N:SEED` says.

        Raises:
            ConfigError: It says something else.
        """
        part, _, seed = text.partition(":")
        if not (part.isascii() and part.isdigit() and int(part) > 0) or (seed and not seed.isdigit()):
            raise ConfigError(f"retake is {text!r}, expected N or N:SEED, such as 3 or 3:7")
        return cls(int(part), int(seed) if seed else None)


@dataclass(frozen=True, slots=True)
class Plan:
    """The jobs of a speech, in order."""

    parts: Sequence[Part]
    inputs: Sequence[Mapping[str, Any]]  # one a part
    names: Sequence[str]  # what each is kept under
    form: str = "mp3"


def plan_of(endpoint: str, given: Mapping[str, Any], retakes: Sequence[Retake] = ()) -> Plan:
    """Return the jobs that speak `given`: its text or turns, cut where it is long.

    Raises:
        ConfigError: A retake names a part that there is not.
    """
    rest = {name: value for name, value in given.items() if name not in {"text", "turns"}}
    turns = given.get("turns")
    parts = cut_turns(turns, rest) if isinstance(turns, list) else cut(given.get("text", ""), rest)
    seeds = {retake.part: retake.seed for retake in retakes}
    for number in seeds:
        if number > len(parts):
            raise ConfigError(f"retake names part {number}, and the speech has {len(parts)}")
    inputs = []
    for number, part in enumerate(parts, 1):
        made = {**rest, **part.given, "stream": True}
        if number > 1:
            made.setdefault("opening", "even")
        if number in seeds:
            seed = seeds[number]
            made["seed"] = (int(given.get("seed") or 0) + 1) if seed is None else seed
        inputs.append(made)
    names = [identity(endpoint, one) for one in inputs]
    return Plan(parts, inputs, names, str(given.get("format") or "mp3"))


def one_job(plan: Plan, store: object) -> bool:
    """Return whether the speech is one job and no part is stored: the worker's file is then the result."""
    return len(plan.parts) == 1 and store is None


def produce(session: Session, plan: Plan, jobs: OpenJobs, width: int) -> Flow[Joiner]:
    """Yield the chunks of the whole speech, in order, while its jobs run side by side.

    Raises:
        ConfigError: The width is not 1 to 100.
        ChatterpodError: One of its kinds, of the first job that fails for good.
    """
    if not 1 <= width <= MOST_WIDTH:
        raise ConfigError(f"width is {width}, expected 1 to {MOST_WIDTH}")
    joiner, order = Joiner(plan.parts, plan.form), Order()
    flows = [partial(one_part, session, plan, number, jobs) for number in range(len(plan.inputs))]

    def take(chunk: Chunk) -> Iterator[Chunk]:
        for due in order.push(chunk):
            joined = joiner.push(due)
            if joined is not None:
                yield joined

    yield from tapped(side_by_side(flows, width), take)
    return joiner


def one_part(session: Session, plan: Plan, number: int, jobs: OpenJobs) -> Flow[None]:
    """Yield the chunks of one part: those that were kept, or of a job."""
    kept = unpacked((yield LoadPart(plan.names[number])), number)
    if kept:
        yield from kept
        return
    chunks: list[Chunk] = []

    def take(chunk: Chunk) -> tuple[Chunk, ...]:
        chunks.append(replace(chunk, part=number))
        return (chunks[-1],)

    yield from tapped(spoken(session, plan.inputs[number], jobs), take)
    yield StorePart(plan.names[number], packed(chunks))


def packed(chunks: Sequence[Chunk]) -> bytes:
    """Return the chunks as bytes to keep."""
    rows = [
        [base64.b64encode(c.audio).decode(), c.start_ms, c.end_ms, list(c.segments), c.summary]
        for c in chunks
    ]
    return json.dumps(rows).encode()


def unpacked(data: bytes | None, part: int) -> list[Chunk]:
    """Return the chunks that `packed` made; none where the data is no such thing."""
    try:
        rows = json.loads(data or b"[]")
        chunks = [Chunk(base64.b64decode(a), s, e, tuple(g), m, part) for a, s, e, g, m in rows]
    except (ValueError, TypeError):
        return []
    return chunks if chunks and chunks[-1].summary is not None else []


class Order:
    """Lets the chunks of the first unfinished part pass, and holds those of later ones back."""

    def __init__(self) -> None:
        self._part = 0
        self._held: dict[int, list[Chunk]] = {}

    def push(self, chunk: Chunk) -> Iterator[Chunk]:
        """Take a chunk; yield those whose turn it is now."""
        self._held.setdefault(chunk.part, []).append(chunk)
        while self._part in self._held:
            due = self._held.pop(self._part)
            yield from due
            if due[-1].summary is None:
                return
            self._part += 1


@dataclass(slots=True)
class Lanes:
    """Flows that run beside each other; the effects that they wait for are begun, not carried out."""

    flows: dict[int, Flow[None]] = field(default_factory=dict)

    def step(self, tag: int, reply: Any) -> Flow[None]:
        """Go on with one flow until it waits for the world again, or ends."""
        flow = self.flows[tag]
        while True:
            try:
                effect = flow.send(reply)
            except StopIteration:
                del self.flows[tag]
                return
            if isinstance(effect, Send) or (isinstance(effect, Wait) and effect.seconds > 0):
                yield Begin(tag, effect)
                return
            reply = yield effect


def side_by_side(flows: Sequence[Callable[[], Flow[None]]], width: int) -> Flow[None]:
    """Run flows beside each other, `width` at a time, started in their order.

    The others wait for the first one's first answer: its job is to be ahead of theirs in the queue.
    """
    lanes, waiting = Lanes(), iter(enumerate(flows))

    def start(most: int) -> Flow[None]:
        while len(lanes.flows) < most:
            entry = next(waiting, None)
            if entry is None:
                return
            lanes.flows[entry[0]] = entry[1]()
            yield from lanes.step(entry[0], None)

    yield from start(1)
    while lanes.flows:
        tag, reply = yield NextDone()
        yield from lanes.step(tag, reply)
        yield from start(width)


def long_speech(session: Session, plan: Plan, jobs: OpenJobs, width: int) -> Flow[Speech]:
    """Speak a text of any length; return the whole file, with chapters from its headings.

    Raises:
        ChatterpodError: One of its kinds.
    """
    chunks: list[Chunk] = []
    file = FileParts(plan.form)

    def take(chunk: Chunk) -> tuple[Chunk, ...]:
        chunks.append(chunk)
        file.push(chunk.audio)
        return ()

    joiner = yield from tapped(produce(session, plan, jobs, width), take)
    return joined_speech(chunks, file, joiner)


def joined_speech(chunks: Sequence[Chunk], file: FileParts, joiner: Joiner) -> Speech:
    """Return joined chunks as a file."""
    summary = dict(chunks[-1].summary or {})
    segments = tuple(segment for chunk in chunks for segment in chunk.segments)
    duration = int(summary["duration_ms"])
    head = file.head(duration, joiner.chapters)
    audio = head + b"".join(chunk.audio for chunk in chunks)
    return Speech(audio, duration, segments, summary | {"size_bytes": len(audio)}, tuple(joiner.chapters))
