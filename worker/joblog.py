"""Figures for operators: a log line for each job, and totals. They hold neither text nor audio."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from worker.engines import Engine, ReportingEngine
from worker.engines.memory import peak_memory_mb
from worker.request import SpeechRequest

__all__ = ["Totals", "engine_status", "job_line"]

FIELDS = ("engine", "cache_hit", "queue_ms", "first_audio_ms", "generation_time_ms", "duration_ms")


def engine_status(engine: Engine) -> dict[str, int | str]:
    """Return what an engine reports of its state; an empty dictionary if it reports nothing."""
    return dict(engine.status()) if isinstance(engine, ReportingEngine) else {}


def job_line(
    name: str, request: SpeechRequest, summary: Mapping[str, Any], status: Mapping[str, int | str]
) -> dict[str, Any]:
    """Return the fields of a finished job's log line.

    `real_time_factor` is the time of the work, without the wait for a slot, over the audio's duration;
    `status` is what `engine_status` returned.
    """
    work_ms = max(0, summary["generation_time_ms"] - (summary["queue_ms"] or 0))
    return {
        "job": name,
        "characters": sum(len(turn.text) for turn in request.spoken),
        "segments": summary["chunks_processed"],
        **{field: summary[field] for field in FIELDS},
        "real_time_factor": round(work_ms / max(1, summary["duration_ms"]), 4),
        "peak_memory_mb": peak_memory_mb(),
        **({"engine_status": dict(status)} if status else {}),
    }


class Totals:
    """Counts of what this worker has done since its start."""

    def __init__(self) -> None:
        self._done = Counter[str]()
        self._failed = Counter[str]()

    def note(self, line: Mapping[str, Any]) -> None:
        """Count a finished job."""
        self._done["jobs"] += 1
        self._done["cache_hits"] += bool(line["cache_hit"])
        for field in ("characters", "duration_ms", "generation_time_ms"):
            self._done[field] += line[field]

    def note_failed(self, code: str) -> None:
        """Count a job that failed."""
        self._failed[code] += 1

    def as_json(self) -> dict[str, Any]:
        """Return the counts."""
        names = ("jobs", "cache_hits", "characters", "duration_ms", "generation_time_ms")
        return {**{name: self._done[name] for name in names}, "failed": dict(self._failed)}
