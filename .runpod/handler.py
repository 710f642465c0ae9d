"""RunPod's Hub looks for a handler here. The real one is `worker/__main__.py`, which this starts."""

import runpy
import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    runpy.run_module("worker", run_name="__main__", alter_sys=True)
