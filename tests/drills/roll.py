"""The drills by name, each with how often it is done in the tests, and by hand."""

from tests.drills.folders import damaged, full, gone, shared
from tests.drills.kit import Drilled
from tests.drills.soaking import soak
from tests.drills.workers import cancels, chunks, kills, lost_ends, polite_ends

__all__ = ["DRILLS"]

DRILLS: dict[str, tuple[Drilled, int, int]] = {
    "kills": (kills, 20, 200),
    "sigterm": (polite_ends, 4, 40),
    "chunks": (chunks, 32, 200),
    "lost-ends": (lost_ends, 16, 200),
    "cancels": (cancels, 200, 1000),
    "shared": (shared, 48, 400),
    "damaged": (damaged, 12, 120),
    "full": (full, 12, 100),
    "gone": (gone, 4, 40),
    "soak": (soak, 300, 2000),
}
