"""The command: python -m tests.fuzz [NAME ...] [--inputs N], N inputs over all the named together."""

import argparse
import sys
import time

from tests.fuzz.inputs import TARGETS
from tests.fuzz.running import fuzz


def main() -> int:
    """Fuzz; print a line for each reader; a finding ends it with the input that shows it."""
    parser = argparse.ArgumentParser("python -m tests.fuzz", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(TARGETS))
    parser.add_argument("--inputs", type=int, default=100_000)
    given = parser.parse_args()
    names = given.names or list(TARGETS)
    for name in names:
        begun = time.monotonic()
        count = -(-given.inputs // len(names))
        fuzz(TARGETS[name], count)
        sys.stdout.write(f"{name:16} {count:8} inputs  {time.monotonic() - begun:6.0f} s\n")
        sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
