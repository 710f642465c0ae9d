"""One text spoken twice by an engine that is not exact, as the worker gives it out."""

from dataclasses import replace
from pathlib import Path

from tests.kits.workers import CountingEngine, Record, run_job, working
from worker.engines import Utterance

__all__ = ["takes"]

TEXT = (
    "The harbour was quiet that morning. Only the gulls had opinions, and they were loud about them.\n\n"
    "Nobody answered. The boats lay as they had been left, one beside the other, and the water kept still. "
    "Later the wind came, from the north at first, and then from everywhere at once, as it does in March. "
    "Who had a rope held on to it; who had none held on to who had one, and that was most of the village. "
    "By the evening it was over, as if it had never been.\n\nThe gulls came back, and said so."
)


class DriftingEngine(CountingEngine):
    """Says the same a little faster and higher in each take."""

    def __init__(self, drift: int) -> None:
        super().__init__()
        self.drift = drift

    def admit(self, utterance: Utterance) -> None:
        super().admit(replace(utterance, speed=1 + self.drift / 10, seed=utterance.seed + 40 * self.drift))


async def takes(folder: Path, form: str) -> dict[str, list[Record]]:
    """Return the records of two takes of a text, and those of the second as the cache gives it."""
    given = {"text": TEXT, "stream": True, "format": form}
    made = {}
    for drift, name in enumerate(("first", "second")):
        with working(folder / name, DriftingEngine(drift)) as kit:
            made[name] = await run_job(kit, given)
            made["stored"] = await run_job(kit, given)
    return made
