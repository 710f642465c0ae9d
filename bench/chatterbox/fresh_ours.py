"""One fresh process of ours: from its start to ready, and to the first audio. Prints one line of JSON.

`python -m bench.chatterbox.fresh_ours FOLDER PRECISION STARTED TEXT`; STARTED is the parent's clock.
"""

import json
import resource
import sys
import time


def main() -> None:
    """Load the engine as the worker does and speak one text."""
    folder, precision, started, text = sys.argv[1:5]
    began = float(started)
    from segmenter import Sizes, plan  # noqa: PLC0415 - importing is what is timed

    segment = plan(text, "en", Sizes.fast())[0]
    segmented = time.time()
    from worker.engines import Utterance  # noqa: PLC0415 - likewise
    from worker.engines.choose import load  # noqa: PLC0415 - likewise
    from worker.settings import Settings  # noqa: PLC0415 - likewise

    choices = {"TTS_MODEL_DIR": folder, "TTS_PRECISION": precision, "TTS_DEVICE": "cpu"}
    engine = load("chatterbox-turbo", Settings.from_env(choices)).engine
    ready = time.time()
    loaded = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    engine.admit(Utterance(1, segment.text, opens=True))
    while not engine.advance([1]):
        pass
    found = {
        "segmenter_s": segmented - began,
        "ready_s": ready - began,
        "first_audio_s": time.time() - began,
        "loaded_mb": loaded,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main()
