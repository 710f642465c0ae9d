"""A worker in this process that prints the ms to a job's first record, a job a line, for `bench.turns`."""

import json
import sys
import tempfile
from pathlib import Path

from bench.inprocess import first_record_ms, worker_in

if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name, worker_in(Path(name)) as worker:
        for line in sys.stdin:
            print(first_record_ms(worker, [json.loads(line)])[0], flush=True)
