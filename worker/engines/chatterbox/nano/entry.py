"""Chatterbox-Nano, as `worker.engines.chatterbox.catalogue` lists it."""

from dataclasses import replace

from worker.engines.chatterbox.turbo.entry import TURBO

__all__ = ["NANO"]

NANO = replace(
    TURBO,
    name="chatterbox-nano",
    short="nano",
    title="Chatterbox-Nano",
    repository="ResembleAI/chatterbox-nano",
    lock="weights-nano.lock",
    t3_file="t3_nano_v1.safetensors",
    t3_size=(12, 768),
    light=True,
)
