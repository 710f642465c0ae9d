"""Which tests are slow, and where the minutes went: all by folder."""

from collections.abc import Iterable
from functools import cache
from pathlib import Path

import pytest

__all__ = ["SLOW", "TESTS", "minutes", "rank", "within"]

TESTS = Path(__file__).parent

# They start programs or compute for long: `make quick` leaves them out. `make test` runs them in this order,
# the longest first and before all others, so that its processes end at about the same time.
SLOW = (
    "e2e",
    "drills",
    "web",
    "localpod/test_end_to_end.py",
    "localpod/test_balancer.py",
    "clients/test_longform.py",
    "engines/chatterbox",
    "gateway/test_real.py",
    "gateway/test_same_speech.py",
    "gateway/test_direct.py",
    "gateway/test_endpoints.py",
    "js",
    "ship",
    "docs/test_client_pages.py",
    "clients/test_bash_attempts.py",
    "fuzz",
    "worker/test_command_lines.py",
    "supabase",
    "localpod/test_command.py",
    "localpod/test_balancer_sockets.py",
    "localpod/test_demo.py",
    "clients/test_bash_trouble.py",
    "clients/test_stopping.py",
    "gateway/test_open_requests.py",
    "gateway/test_websocket_route.py",
    "segmenter/words/test_laws.py",
    "docs/test_contracts.py",
)


@cache
def within(file: Path, parts: tuple[str, ...]) -> bool:
    """Whether a file is one of these or lies in one of them."""
    return any(file.is_relative_to(TESTS / part) for part in parts)


@cache
def rank(file: Path) -> int:
    """Return a file's place in the order of `SLOW`; the others come last."""
    return next((place for place, part in enumerate(SLOW) if within(file, (part,))), len(SLOW))


def minutes(reports: Iterable[pytest.TestReport]) -> list[str]:
    """Return a line for each folder of tests with the minutes that they took, added up over all processes."""
    seconds: dict[str, float] = {}
    for report in reports:
        part = report.nodeid.split("/")[1]
        seconds[part] = seconds.get(part, 0) + report.duration
    slowest = sorted(seconds.items(), key=lambda each: -each[1])
    return [f"{took / 60:5.1f} min  {part}" for part, took in slowest]
