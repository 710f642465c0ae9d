"""The table of what is for the eye: a text and what is spoken of it, the same by every way."""

import json
from pathlib import Path
from typing import Any

from gateway.context import Context
from gateway.context_jobs import ContextJobs
from worker.request import SpeechRequest
from worker.speech.planning import plan_segments

__all__ = ["cases", "spoken_by_gateway", "spoken_by_worker"]

FILE = Path(__file__).parent.parent / "segmenter" / "cases" / "marks.txt"


def cases() -> list[dict[str, Any]]:
    """Read the table."""
    return [json.loads(line) for line in FILE.read_text(encoding="utf-8").splitlines()]


def spoken_by_worker(text: str, **fields: Any) -> str:
    """Return the words that a worker gives its engine for a text, without commas, which a cut may take."""
    planned = plan_segments(SpeechRequest(text=text, **fields))
    return " ".join(" ".join(segment.utterance.text for segment in planned).replace(",", "").split())


def spoken_by_gateway(text: str, size: int) -> str:
    """Return the words that a worker is given through the gateway, for a text in pieces of a size."""
    context = Context({}, limit=1_000_000)
    for at in range(0, len(text), size):
        context.push(text[at : at + size])
    context.close()
    jobs, said = ContextJobs(context), []
    jobs.take()
    while (job := jobs.next_job()) is not None:
        said.append(spoken_by_worker(job.input["text"]))
        jobs.job_ended()
    return " ".join(said)
