"""One fresh process of upstream's package, timed as `fresh_ours` times ours.

`python -m bench.chatterbox.fresh_upstream FOLDER STARTED TEXT TOKENS`
"""

import json
import resource
import sys
import time


def main() -> None:
    """Load as upstream's README does and speak one text, for as many tokens as ours."""
    folder, started, text, tokens = sys.argv[1:5]
    began = float(started)
    from bench.chatterbox.theirs import Theirs  # noqa: PLC0415 - importing is what is timed

    model = Theirs(folder)
    ready = time.time()
    loaded = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    model.speak(text, int(tokens))
    found = {
        "ready_s": ready - began,
        "first_audio_s": time.time() - began,
        "loaded_mb": loaded,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main()
