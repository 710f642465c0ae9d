"""The drills by name, the longest first, each with how often it is done in the tests, and by hand."""

from tests.drills.clips import slow_clips
from tests.drills.direct import killed, scaled_away, stopped
from tests.drills.folders import damaged, engines, full, gone, readonly, shared, stuck
from tests.drills.kit import Drilled
from tests.drills.leavers import leavers
from tests.drills.pairs import pairs
from tests.drills.readers import crowd, readers
from tests.drills.soaking import soak
from tests.drills.workers import (
    cancels,
    chunks,
    clock,
    frozen,
    hangs,
    kills,
    lost_ends,
    polite_ends,
    publishing,
    unanswered,
)

__all__ = ["DRILLS"]

DRILLS: dict[str, tuple[Drilled, int, int]] = {
    "leavers": (leavers, 12, 200),
    "direct-killed": (killed, 8, 200),
    "direct-scaled": (scaled_away, 8, 200),
    "direct-stopped": (stopped, 4, 60),
    "kills": (kills, 8, 200),
    "publishing": (publishing, 4, 60),
    "sigterm": (polite_ends, 4, 40),
    "chunks": (chunks, 16, 200),
    "unanswered": (unanswered, 8, 64),
    "lost-ends": (lost_ends, 8, 200),
    "cancels": (cancels, 80, 1000),
    "readers": (readers, 16, 200),
    "pairs": (pairs, 300, 3000),
    "crowd": (crowd, 1, 20),
    "shared": (shared, 24, 400),
    "engines": (engines, 12, 200),
    "damaged": (damaged, 12, 120),
    "full": (full, 12, 100),
    "readonly": (readonly, 8, 100),
    "gone": (gone, 2, 40),
    "stuck": (stuck, 3, 50),
    "clock": (clock, 8, 200),
    "hangs": (hangs, 2, 20),
    "frozen": (frozen, 1, 20),
    "slow-clips": (slow_clips, 1, 34),
    "soak": (soak, 120, 2000),
}
