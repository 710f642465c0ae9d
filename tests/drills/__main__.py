"""The command: python -m tests.drills [NAME ...] [--short] [--times N]."""

import argparse
import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[1] / "e2e")]

from tests.drills.kit import Outcome, table  # noqa: E402 - after the path to what it imports
from tests.drills.roll import DRILLS  # noqa: E402


def main() -> int:
    """Run the drills; print the table; return 1 if anything was lost or left over."""
    parser = argparse.ArgumentParser("python -m tests.drills", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(DRILLS))
    parser.add_argument("--short", action="store_true", help="as few times as in the tests")
    parser.add_argument("--times", type=int, help="how often")
    given = parser.parse_args()
    for name in given.names:
        if name not in DRILLS:
            parser.error(f"there is no drill {name!r}, expected any of {', '.join(DRILLS)}")
    outcomes: list[Outcome] = []
    for name in given.names or DRILLS:
        drill, few, many = DRILLS[name]
        outcomes.append(drill(given.times or (few if given.short else many)))
        sys.stdout.write(table(outcomes[-1:]).splitlines()[1] + "\n")
        sys.stdout.flush()
    sys.stdout.write("\n" + table(outcomes) + "\n")
    return int(any(outcome.lost or outcome.left for outcome in outcomes))


if __name__ == "__main__":
    sys.exit(main())
