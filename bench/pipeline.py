"""What the pipeline adds to the engine's own time, and to that of RunPod's SDK."""

import asyncio
import logging
import os
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psutil

from bench.endpoints import Endpoint, endpoint
from bench.inprocess import cpu_seconds, first_record_ms, run_job, worker_in
from bench.table import Guard, Row, median, p95, parser, report
from worker.handler import Worker

PROSE = (
    "The harbour was quiet that morning, and only the gulls had opinions. A ferry left for the islands at "
    "ten past nine, as it did every day of the year. Nobody waved, because nobody had risen in time to wave. "
)


def text(characters: int) -> str:
    """Return prose of this length."""
    return (PROSE * (characters // len(PROSE) + 1))[:characters]


def lock_waits(folder: Path, count: int) -> Iterator[Row]:
    """Measure how long another thread waits for the scheduler's lock while texts are planned.

    Beside it, in turns: a lock that nobody holds, for what the machine adds. The tone sleeps most of the
    time, as an engine does that waits for its GPU. The first text is planned before anything else in this
    process: the segmenter's tables are read for it.
    """
    with worker_in(folder, tone_speed=100) as worker:
        inputs = [{"text": text(600), "seed": n, "cache": "off"} for n in range(count)]
        longest = [longest_waits(worker, given) for given in inputs]
    ours, bare = zip(*longest, strict=True)
    name, beside = "another thread's wait for the scheduler's lock, longest in a job", "a free lock"
    yield Row(f"{name}, first text", ours[0], "ms", 1, beside, bare[0])
    for title, of in (("p50", median), ("p95", p95)):
        yield Row(f"  later texts, {title}", of(ours[1:]), "ms", 0.2, beside, of(bare[1:]))


def longest_waits(worker: Worker, given: dict[str, Any]) -> tuple[float, float]:
    """Return the longest ms that a thread waited for the scheduler's lock and for a free one during a job."""
    waits: list[tuple[float, float]] = []
    free, done = threading.Condition(), threading.Event()

    def ask() -> None:
        while not done.is_set():
            began = time.perf_counter()
            _ = worker.scheduler.work
            middle = time.perf_counter()
            with free:
                ended = time.perf_counter()
            waits.append(((middle - began) * 1000, (ended - middle) * 1000))
            time.sleep(0.0002)

    asking = threading.Thread(target=ask)
    asking.start()
    asyncio.run(run_job(worker, given))
    done.set()
    asking.join()
    ours, bare = zip(*waits, strict=True)
    return max(ours), max(bare)


def pipeline_alone(folder: Path, count: int) -> Iterator[Row]:
    """Measure the handler without SDK and network."""
    with worker_in(folder) as worker:
        inputs = [{"text": text(300), "seed": n, "cache": "off"} for n in range(count)]
        first_record_ms(worker, inputs[:5])
        times = first_record_ms(worker, inputs)
        yield Row("handler entry to first record, tone, p50", median(times), "ms", 10)
        yield Row("  p95", p95(times), "ms", 20, spread=f"(n={count}, max {max(times):.1f})")
        began = cpu_seconds()
        _, last = asyncio.run(run_job(worker, {"text": text(10_000), "cache": "off"}))
        share = (cpu_seconds() - began) / (last["duration_ms"] / 1000) * 100
        yield Row("CPU of pipeline, tone and encoder, of the audio's duration", share, "%", 1)
        yield from cache_in_worker(worker, count)


def cache_in_worker(worker: Any, count: int) -> Iterator[Row]:
    """Measure a minute of stored audio, in the handler."""
    given = {"text": text(850)}
    asyncio.run(run_job(worker, given))
    inside = list(worker.engine._inside)  # noqa: SLF001 - empty, or the engine was called
    lasts = [asyncio.run(run_job(worker, given))[1] for _ in range(count)]
    times = [last["generation_time_ms"] for last in lasts]
    hits = all(last["cache_hit"] for last in lasts) and not inside
    name = f"cache hit in the worker, {lasts[0]['duration_ms'] / 1000:.0f} s of audio, p50"
    yield Row(name, median(times), "ms", 5, spread=f"(p95 {p95(times):.0f}; all hits: {hits})")


def through_the_sdk(folder: Path, count: int, guard: Guard) -> Iterator[Row]:
    """Measure POST /run to the first record, beside an empty handler, interleaved."""
    env = {"TTS_ENGINE": "tone", "TTS_TONE_SPEED": "10000", "TTS_CACHE_DIR": str(folder)}
    log = {"RUNPOD_LOG_LEVEL": "INFO"}
    with endpoint(**env) as ours, endpoint("-m", "bench.empty_worker", **log) as empty:
        given = {"text": text(300), "cache": "off"}
        for warm in (ours, empty):
            warm.first_ms(given)
        mine, bare = [], []
        for _ in range(count):
            guard()
            bare.append(empty.first_ms(given))
            mine.append(ours.first_ms(given))
        for name, of, goal in (("p50", median, 90), ("p95", p95, 140)):
            title = f"POST /run to first record, tone, {name}"
            yield Row(title, of(mine), "ms", goal, "an empty handler", of(bare))
        yield from stored(ours, count)
        yield memory(ours)
        yield from beside_the_sdks_client(ours, max(3, count // 10))


def stored(ours: Endpoint, count: int) -> Iterator[Row]:
    """Measure a minute of stored audio, from POST /run to the last record."""
    given = {"text": text(850)}
    ours.arrivals(given)
    times = [ours.arrivals(given)[-1][0] for _ in range(count)]
    yield Row(
        "cache hit end to end, a minute of audio, p50",
        median(times),
        "ms",
        100,
        spread=f"(p95 {p95(times):.0f})",
    )


def memory(ours: Endpoint) -> Row:
    """Measure how much a long job raises the worker's peak."""
    process = psutil.Process(ours.workers()[0])
    before = process.memory_info().rss
    peak, done = [before], threading.Event()

    def watch() -> None:
        while not done.wait(0.005):
            peak.append(process.memory_info().rss)

    watcher = threading.Thread(target=watch)
    watcher.start()
    ours.arrivals({"text": text(10_000), "cache": "off"})
    done.set()
    watcher.join()
    return Row("memory that a 10,000-character job adds to the peak", (max(peak) - before) / 1e6, "MB", 150)


def beside_the_sdks_client(ours: Endpoint, count: int) -> Iterator[Row]:
    """Measure the same job read by our client and by RunPod's own, interleaved."""
    os.environ["RUNPOD_ENDPOINT_BASE_URL"] = f"{ours.url}/v2"
    import runpod  # noqa: PLC0415 - reads its address when it is imported
    from chatterpod import Client  # noqa: PLC0415 - beside it

    logging.getLogger("httpx").setLevel(logging.WARNING)
    runpod.api_key = "any"
    theirs, mine = [], []
    with Client("local", "any", f"{ours.url}/v2") as client:
        for _ in range(count):
            began = time.perf_counter()
            job = runpod.Endpoint("local").run({"input": {"text": text(600), "cache": "off"}})
            next(iter(job.stream()))
            theirs.append((time.perf_counter() - began) * 1000)
            began = time.perf_counter()
            with client.stream(text(600), cache="off") as chunks:
                next(chunks)
                mine.append((time.perf_counter() - began) * 1000)
    name = "first audio in chatterpod's client, p50"
    yield Row(name, median(mine), "ms", None, "RunPod's client", median(theirs))


def real_streaming(folder: Path) -> Iterator[Row]:
    """Measure when the records of a slow job arrive; then eight listeners at once."""
    env = {"TTS_ENGINE": "tone", "TTS_TONE_SPEED": "5", "TTS_CACHE_DIR": str(folder)}
    with endpoint(**env) as ours:
        ours.first_ms({"text": "Warm."})
        seen = ours.arrivals({"text": text(2_000), "cache": "off"})
        share = seen[0][0] / seen[-1][0] * 100
        arrivals = f"({len(seen)} records at {len({when for when, _ in seen})} times)"
        yield Row("first record of 2,000 characters, of the job's time", share, "%", 15, spread=arrivals)
    env["TTS_TONE_SPEED"] = "2"
    with endpoint(**env) as ours:
        ours.first_ms({"text": "Warm."})
        dry = listeners(ours.url, 8)
        name = "eight jobs at once, tone at 2x: longest a listener waits"
        yield Row(name, max(dry), "ms", 0, spread=f"(all {len(dry)} complete)")


def listeners(url: str, count: int, characters: int = 1_200) -> list[float]:
    """Return, for each of `count` listeners at once, the longest ms that playback waited for audio."""
    longest: list[float] = []

    def listen(number: int) -> None:
        mine = Endpoint(url)
        seen = mine.arrivals({"text": text(characters), "seed": number, "cache": "off"})
        mine.http.close()
        longest.append(max(when - seen[0][0] - record["start_ms"] for when, record in seen))

    threads = [threading.Thread(target=listen, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if len(longest) != count:
        raise RuntimeError(f"{count - len(longest)} of {count} jobs did not complete")
    return longest


def preview(folder: Path, count: int) -> Iterator[Row]:
    """Measure the preview voice, warm."""
    if find_spec("hibari") is None:
        print("preview: hibari-tts is not installed, not measured", file=sys.stderr)
        return
    with endpoint(TTS_ENGINE="preview", TTS_CACHE_DIR=str(folder)) as ours:
        given = {"text": text(600), "cache": "off"}
        ours.arrivals(given)
        times = [ours.first_ms(given) for _ in range(count)]
        name = "preview: POST /run to first audio, 600 characters, p50"
        yield Row(name, median(times), "ms", 200, spread=f"(p95 {p95(times):.0f})")


def main() -> int:
    """Measure and report; return 1 where a goal is missed."""
    given = parser("pipeline", "What the pipeline adds.").parse_args()
    guard, rows = Guard(), []
    count = 20 if given.quick else 100
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        parts = (
            lock_waits(folder / "e", count),
            pipeline_alone(folder / "a", 2 * count),
            through_the_sdk(folder / "b", count, guard),
            preview(folder / "c", max(10, count // 4)),
            real_streaming(folder / "d"),
        )
        for part in parts:
            for row in part:
                print(f"{row.name}: {row.value:.1f} {row.unit}", file=sys.stderr)
                rows.append(row)
    report(rows, guard, given.json)
    return int(any(row.holds is False for row in rows))


if __name__ == "__main__":
    sys.exit(main())
