"""Text to audio: an utterance of 100 tokens when warm, and a job of four segments through the worker."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from bench.chatterbox.theirs import Theirs
from bench.endpoints import Endpoint, endpoint
from bench.table import Guard, Row, Timer, median
from segmenter import sentences
from worker.engines import Utterance
from worker.engines.chatterbox.turbo.checkpoint import load
from worker.engines.chatterbox.turbo.engine import TurboEngine
from worker.engines.chatterbox.watermark import Watermark

__all__ = ["HUNDRED", "PACE", "STORY", "by_sentence", "jobs", "through_worker", "warm", "warm_worker"]

HUNDRED = "A ferry left for the islands at ten, as it did on every day of"  # 62 characters, 99 tokens
Arrivals = list[tuple[float, dict[str, Any]]]
PACE = 1.6  # tokens a character, as the random checkpoints say
STORY = (
    "The keeper had not spoken aloud in eleven days. On the twelfth a small boat came round the point, and "
    "its skipper shouted up that the war was over, that bread was cheaper, and that somebody in the village "
    "had taught a parrot to sing. The keeper thought about all three for a while, as the boat went up and "
    "down. Then he put on his good coat, locked the door for the first time in years, and walked down the "
    "steps, because he did not believe it about the parrot. Nobody met him on the way. The village slept, "
    "the harbour lay still, and the parrot, when he found it, sang rather well."
)
# precision, seconds of the voice's prompt, limit of the real-time factor, four at once against in turn
WAYS = (("bf16", None, None, 0.70), ("int8", None, 0.9, 0.75), ("int8", "3", 0.65, None))
IDLE_S = 3.0  # the vocoder is planned when nobody waits: a moment as between any two requests
WARM_GOALS = {"fp32": 1.0, "bf16": 1.8, "int8": 3.0}


def speaking(folder: Path, precision: str) -> Callable[[], object]:
    """Return what is timed of ours: one utterance, watermark included."""
    engine = TurboEngine(load(folder, torch.device("cpu"), precision))
    mark = Watermark.load().apply

    def run() -> None:
        engine.admit(Utterance(1, HUNDRED))
        while not (done := engine.advance([1])):
            pass
        mark(done[0].pcm)  # type: ignore[union-attr]  # it never faults

    return run


def warm(folders: Mapping[str, Path], model: Theirs, guard: Guard, wanted: int) -> list[Row]:
    """Return the rows of one warm utterance."""
    tokens = round(PACE * len(HUNDRED))
    things: dict[str, Callable[[], object]] = {"upstream": lambda: model.speak(HUNDRED, tokens)}
    things |= {precision: speaking(folder, precision) for precision, folder in folders.items()}
    timer = Timer(guard)
    timer.rounds(things, wanted)
    name = f"warm, {tokens} tokens to audio"
    return [timer.row(f"{name}, {way}", way, "upstream", WARM_GOALS[way]) for way in folders]


def jobs(folders: Mapping[str, Path], model: Theirs, guard: Guard, wanted: int) -> list[Row]:
    """Return the rows of whole jobs: upstream by sentence, then ours through the worker; all warm.

    Each of ours is heard beside upstream's first sentence, one after the other, `wanted` times.
    """
    model.speak(HUNDRED, round(PACE * len(HUNDRED)))
    guard()
    first, whole = by_sentence(model)
    table = [Row("600 characters, upstream by sentence: first audio", first, "s")]
    table.append(Row("600 characters, upstream by sentence: real-time factor", whole, ""))
    guard()
    began = time.perf_counter()
    model.speak(STORY, round(PACE * len(STORY)))
    table.append(Row("600 characters, upstream whole: first audio", time.perf_counter() - began, "s"))
    for precision, prompt, limit, ratio in WAYS:
        guard()
        with warm_worker(folders[precision], prompt) as pod:
            named = precision if prompt is None else f"{precision}, prompt of {prompt} s"
            table += through_worker(pod, named, lambda: by_first_sentence(model, guard), limit, wanted)
            if ratio is not None:
                table += beside(pod, named, ratio)
    return table


@contextmanager
def warm_worker(folder: Path, prompt: str | None = None) -> Iterator[Endpoint]:
    """Start a worker with a checkpoint on the CPU, and let it speak and rest once."""
    env = {"TTS_ENGINE": "chatterbox-turbo", "TTS_DEVICE": "cpu", "TTS_MODEL_DIR": str(folder)}
    with endpoint(**env | ({} if prompt is None else {"TTS_PROMPT_SECONDS": prompt})) as pod:
        pod.arrivals({"text": HUNDRED})
        time.sleep(IDLE_S)
        yield pod


def by_sentence(model: Theirs) -> tuple[float, float]:
    """Return upstream's seconds to the first sentence, and its real-time factor over all."""
    took: list[float] = []
    samples = 0
    for sentence in sentences(STORY):
        began = time.perf_counter()
        samples += model.speak(sentence, round(PACE * len(sentence)))
        took.append(time.perf_counter() - began)
    return took[0], sum(took) * 24_000 / samples


def by_first_sentence(model: Theirs, guard: Guard) -> float:
    """Return upstream's seconds to the first sentence."""
    guard()
    sentence = sentences(STORY)[0]
    began = time.perf_counter()
    model.speak(sentence, round(PACE * len(sentence)))
    return time.perf_counter() - began


def through_worker(
    pod: Endpoint, precision: str, theirs: Callable[[], float], limit: float | None, wanted: int
) -> list[Row]:
    """Return our first audio and real-time factor for the same text, over HTTP, MP3 included.

    Before each time `theirs` gives upstream's first audio; what is compared are the pairs.
    """
    pairs = [(theirs(), pod.arrivals({"text": STORY, "cache": "off"})) for _ in range(wanted)]
    firsts = [seen[0][0] / 1000 for _, seen in pairs]
    factors = [seen[-1][0] / seen[-1][1]["duration_ms"] for _, seen in pairs]
    ratio = median([other / ours for (other, _), ours in zip(pairs, firsts, strict=True)])
    name, first = f"600 characters through the worker, {precision}", median(firsts)
    return [
        Row(
            f"{name}: first audio", first, "s", first * ratio / 3, "upstream by sentence", first * ratio,
            f"{ratio:.2f} times {spread(firsts)}",
        ),
        Row(f"{name}: real-time factor", median(factors), "", limit, spread=spread(factors)),
        Row(f"{name}: longest wait of the listener", median([longest_wait(seen) for _, seen in pairs]), "s"),
    ]  # fmt: skip


def spread(values: Sequence[float]) -> str:
    """Return what values range over, and how many there are."""
    return f"({min(values):.2f}-{max(values):.2f}, n={len(values)})"


def longest_wait(seen: Arrivals) -> float:
    """Return how long a listener who plays from the first record on runs dry, at worst, in seconds."""
    began = seen[0][0]
    waits: list[float] = [now - began - record["start_ms"] for now, record in seen if record["audio_base64"]]
    return max(0.0, *waits) / 1000


def beside(pod: Endpoint, precision: str, ratio: float) -> list[Row]:
    """Return the time of four jobs at once beside that of the same four in turn, and who starved."""
    texts = [f"{STORY[:280]} Part {number}." for number in range(4)]
    alone = [pod.arrivals({"text": text, "cache": "off", "seed": 1}) for text in texts]
    in_turn = sum(seen[-1][0] for seen in alone) / 1000
    three, four = (at_once(pod, texts[:count]) for count in (3, 4))
    took = max(seen[-1][0] for seen in four) / 1000
    name = f"four jobs of 300 characters at once, {precision}"
    spread = f"({took / in_turn:.3f} of it)"
    firsts = {"alone": alone, "beside two": three, "beside three": four}
    return [
        Row(name, took, "s", in_turn * ratio, "in turn", in_turn, spread),
        Row(f"{name}: the last one's first audio", max(seen[0][0] for seen in four) / 1000, "s"),
        *(
            Row(
                f"300 characters, {precision}, {place}: longest wait of the listener",
                longest_wait(seen[0]),
                "s",
            )
            for place, seen in firsts.items()
        ),
    ]


def at_once(pod: Endpoint, texts: Sequence[str]) -> list[Arrivals]:
    """Return what came of each text, all sent in one moment."""
    with ThreadPoolExecutor(len(texts)) as listeners:
        return list(
            listeners.map(lambda text: Endpoint(pod.url).arrivals({"text": text, "cache": "off"}), texts)
        )
