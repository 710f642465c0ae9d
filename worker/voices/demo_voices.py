"""Two clips that are free to use, spoken by the preview engine, so that cloning can be tried at once."""

import io
from importlib.metadata import version

import numpy as np
from python_stretch.Signalsmith import Stretch

from worker.engines import CLIP_RATE, Pcm
from worker.engines.preview import load_voice
from worker.engines.takes.finish import finish
from worker.engines.takes.trim import trimmed

__all__ = ["demo_clips"]

TEXT = (
    "The ferry leaves at ten past nine, and it never waits for anyone. "
    "I have missed it twice this year, and both times the morning was better for it. "
    "You can sit on the sea wall with a paper cup of coffee, and watch it grow small."
)
SEED = 11
VOICES = {"harbour": (1.0, 0.0), "islander": (0.92, -4.5)}  # speed and transposition in semitones, by name


def demo_clips() -> dict[str, bytes]:
    """Return the WAV files by the voices' names; their comments say how they were made.

    Raises:
        StartError: hibari-tts is not installed.
    """
    voice = load_voice()
    plain = np.asarray(voice(TEXT, seed=SEED), np.float32)
    return {name: packed(changed(plain, *how), name, *how) for name, how in VOICES.items()}


def changed(pcm: Pcm, speed: float, semitones: float) -> Pcm:
    """Return the speech at another speed and pitch, at the loudness of all speech here."""
    stretch = Stretch(0)
    stretch.preset(1, float(CLIP_RATE))
    stretch.setTimeFactor(speed)
    stretch.setTransposeSemitones(semitones)
    made = np.asarray(stretch.process(np.ascontiguousarray(pcm[np.newaxis])), np.float32)[0]
    return finish(trimmed(made, CLIP_RATE), sample_rate=CLIP_RATE).pcm


def packed(pcm: Pcm, name: str, speed: float, semitones: float) -> bytes:
    """Return a WAV file with its provenance in its INFO chunk."""
    import soundfile  # noqa: PLC0415 - a quarter of a second that only clips need

    file = io.BytesIO()
    with soundfile.SoundFile(file, "w", CLIP_RATE, 1, "PCM_16", format="WAV") as out:
        out.title = name
        out.copyright = "Apache-2.0, as the voice it was read by"
        out.comment = (
            f"Synthetic speech of hibari-tts {version('hibari-tts')} (Apache-2.0), built-in voice, "
            f"seed {SEED}, speed {speed}, transposed by {semitones} semitones. Nobody's recording."
        )
        out.write(pcm)
    return file.getvalue()
