"""What may be chosen of a Chatterbox engine; torch is not imported for it."""

from dataclasses import dataclass

__all__ = ["Options"]


@dataclass(frozen=True, slots=True)
class Options:
    """What may be chosen of an engine, as in `worker.settings`; None for the engine's own number."""

    precision: str = "auto"
    slots: int | None = None
    prompt_seconds: float | None = None
    flow_steps: int | None = None
    vocoder: str = "auto"
    graphs: bool = True
