"""Hypothesis as a fuzzer: as many inputs as asked for, and the smallest one that breaks."""

from typing import Any

from hypothesis import HealthCheck, given, settings

from tests.fuzz.inputs import Target

__all__ = ["fuzz"]


def fuzz(target: Target, inputs: int) -> None:
    """Try `inputs` inputs; raise the finding with the smallest input that shows it."""

    @settings(max_examples=inputs, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(target.source)
    def tried(value: Any) -> None:
        target.check(value)

    tried()
