"""Texts of any length: parallel jobs, joined in order as their audio comes. Flows, without I/O."""

import base64
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from chatterpod.errors import ConfigError
from chatterpod.flow import Begin, Flow, LoadPart, NextDone, Send, Session, StorePart, Wait, map_chunks
from chatterpod.joining import FileHead, Joiner
from chatterpod.operations import OpenJobs, spoken
from chatterpod.parts import Part, cut, cut_turns
from chatterpod.protocol import Chunk
from chatterpod.request import identity
from chatterpod.speech import Speech

__all__ = [
    "MAX_WIDTH",
    "Plan",
    "Retake",
    "joined_speech",
    "long_speech",
    "one_job",
    "packed",
    "plan_of",
    "produce",
    "unpacked",
]

MAX_WIDTH = 100  # jobs at once: RunPod allows 200 submissions and 400 reads at a time


@dataclass(frozen=True, slots=True)
class Retake:
    """A request to speak one part again, with another seed."""

    part: int  # its number, from 1
    seed: int | None = None  # None: the speech's own seed plus 1

    @classmethod
    def parse(cls, text: str) -> "Retake":
        """Return the retake that `N` or `N:SEED` describes.

        Raises:
            ConfigError: The text is neither.
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
    names: Sequence[str]  # of each part in a store
    audio_format: str = "mp3"


def plan_of(endpoint: str, job_input: Mapping[str, Any], retakes: Sequence[Retake] = ()) -> Plan:
    """Return the jobs that speak an input's text or turns; a long one is cut into parts.

    Args:
        endpoint: Its URL, which is part of the names in a store.
        job_input: As `input_of` returns it.
        retakes: Parts to speak with another seed.

    Raises:
        ConfigError: A retake names a part that does not exist.
    """
    rest = {name: value for name, value in job_input.items() if name not in {"text", "turns"}}
    turns = job_input.get("turns")
    parts = cut_turns(turns, rest) if isinstance(turns, list) else cut(job_input.get("text", ""), rest)
    seeds = {retake.part: retake.seed for retake in retakes}
    for number in seeds:
        if number > len(parts):
            raise ConfigError(f"retake names part {number}, and the speech has {len(parts)}")
    inputs = []
    for number, part in enumerate(parts, 1):
        made = {**rest, **part.input_fields, "stream": True}
        if number > 1:
            made.setdefault("opening", "even")
        if number in seeds:
            seed = seeds[number]
            made["seed"] = (int(job_input.get("seed") or 0) + 1) if seed is None else seed
        inputs.append(made)
    names = [identity(endpoint, one) for one in inputs]
    return Plan(parts, inputs, names, str(job_input.get("format") or "mp3"))


def one_job(plan: Plan, store: object) -> bool:
    """Return whether the speech is one job and nothing is stored: the worker's file is then the result."""
    return len(plan.parts) == 1 and store is None


def produce(session: Session, plan: Plan, jobs: OpenJobs, width: int) -> Flow[Joiner]:
    """Yield the chunks of the whole speech in order while its jobs run in parallel.

    Raises:
        ConfigError: The width is not 1 to 100.
        ChatterpodError: One of its kinds, from the first job that fails after its retries.
    """
    if not 1 <= width <= MAX_WIDTH:
        raise ConfigError(f"width is {width}, expected 1 to {MAX_WIDTH}")
    joiner, order = Joiner(plan.parts, plan.audio_format), Order()
    flows = [partial(one_part, session, plan, number, jobs) for number in range(len(plan.inputs))]

    def join(chunk: Chunk) -> Iterator[Chunk]:
        for next_chunk in order.push(chunk):
            joined = joiner.push(next_chunk)
            if joined is not None:
                yield joined

    yield from map_chunks(in_parallel(flows, width), join)
    return joiner


def one_part(session: Session, plan: Plan, number: int, jobs: OpenJobs) -> Flow[None]:
    """Yield the chunks of one part: from the store, or from a job."""
    stored = unpacked((yield LoadPart(plan.names[number])), number)
    if stored:
        yield from stored
        return
    chunks: list[Chunk] = []

    def numbered(chunk: Chunk) -> tuple[Chunk, ...]:
        chunks.append(replace(chunk, part=number))
        return (chunks[-1],)

    yield from map_chunks(spoken(session, plan.inputs[number], jobs), numbered)
    yield StorePart(plan.names[number], packed(chunks))


def packed(chunks: Sequence[Chunk]) -> bytes:
    """Return the chunks of a part as bytes for a store."""
    rows = [
        [base64.b64encode(c.audio).decode(), c.start_ms, c.end_ms, list(c.segments), c.summary]
        for c in chunks
    ]
    return json.dumps(rows).encode()


def unpacked(data: bytes | None, part: int) -> list[Chunk]:
    """Return the chunks in data that `packed` made; an empty list if the data is anything else."""
    try:
        rows = json.loads(data or b"[]")
        chunks = [Chunk(base64.b64decode(a), s, e, tuple(g), m, part) for a, s, e, g, m in rows]
    except (ValueError, TypeError):
        return []
    return chunks if chunks and chunks[-1].summary is not None else []


class Order:
    """Puts the chunks of parallel parts in order: chunks of later parts wait for the part before them."""

    def __init__(self) -> None:
        self._part = 0  # the first that is not complete
        self._waiting: dict[int, list[Chunk]] = {}

    def push(self, chunk: Chunk) -> Iterator[Chunk]:
        """Take a chunk; yield all that are now in order."""
        self._waiting.setdefault(chunk.part, []).append(chunk)
        while self._part in self._waiting:
            chunks = self._waiting.pop(self._part)
            yield from chunks
            if chunks[-1].summary is None:
                return
            self._part += 1


@dataclass(slots=True)
class RunningFlows:
    """Flows that run in parallel: each effect that takes time is started with `Begin`."""

    flows: dict[int, Flow[None]] = field(default_factory=dict)

    def step(self, tag: int, reply: Any) -> Flow[None]:
        """Send a reply to one flow; run it until its next effect that takes time, or its end."""
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


def in_parallel(flows: Sequence[Callable[[], Flow[None]]], width: int) -> Flow[None]:
    """Run flows in parallel, `width` at a time, started in their order.

    The second starts after the first one's first answer, so that the first job is ahead in the queue.
    """
    running, waiting = RunningFlows(), iter(enumerate(flows))

    def start(count: int) -> Flow[None]:
        while len(running.flows) < count:
            entry = next(waiting, None)
            if entry is None:
                return
            running.flows[entry[0]] = entry[1]()
            yield from running.step(entry[0], None)

    yield from start(1)
    while running.flows:
        tag, reply = yield NextDone()
        yield from running.step(tag, reply)
        yield from start(width)


def long_speech(session: Session, plan: Plan, jobs: OpenJobs, width: int) -> Flow[Speech]:
    """Speak a text of any length; return the whole file, with its headings as chapters.

    Raises:
        ChatterpodError: One of its kinds.
    """
    chunks: list[Chunk] = []
    file = FileHead(plan.audio_format)

    def keep(chunk: Chunk) -> tuple[Chunk, ...]:
        chunks.append(chunk)
        file.add(chunk.audio)
        return ()

    joiner = yield from map_chunks(produce(session, plan, jobs, width), keep)
    return joined_speech(chunks, file, joiner)


def joined_speech(chunks: Sequence[Chunk], file: FileHead, joiner: Joiner) -> Speech:
    """Return joined chunks as a whole speech."""
    summary = dict(chunks[-1].summary or {})
    segments = tuple(segment for chunk in chunks for segment in chunk.segments)
    duration = int(summary["duration_ms"])
    head = file.build(duration, joiner.chapters)
    audio = head + b"".join(chunk.audio for chunk in chunks)
    return Speech(audio, duration, segments, summary | {"size_bytes": len(audio)}, tuple(joiner.chapters))
