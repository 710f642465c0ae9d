"""Whether this worker could work, said before the first job: `--check`, fitness, one spoken word.

`python -m worker.check` speaks the word: an image that cannot speak does not build.
"""

import contextlib
import ctypes
import errno
import logging
import shutil
import sys
import uuid
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np

from encoder import Mp3Encoder, read_file, whole_file
from worker.engines import Engine, Fault, Pcm, Take, Utterance
from worker.engines.chatterbox.files import Manifest
from worker.engines.chatterbox.models import MODELS
from worker.engines.choose import choose, load, usable_device
from worker.errors import StartError
from worker.settings import Settings
from worker.voices import VoiceStore

__all__ = ["cache_trouble", "check", "fitness", "spoken_word", "unwritable"]

log = logging.getLogger("worker")

WORD = "Hello."
# Of a worker that starts: the judge is wrong now and then, and of short texts most, but not thrice.
SENTENCES = (WORD, "The ferry left the harbour at noon.", "Nobody had expected it to be on time.")
SEEDS_APART = 100  # more than a segment is tried with
FULL = {errno.ENOSPC, errno.EDQUOT}
STEPS = 10_000  # of an engine, for one sentence: more than any needs


def spoken_word(engine: Engine) -> bytes:
    """Return one word as a whole MP3 file, read back; call it while nobody else drives the engine.

    Raises:
        StartError: The engine fails, or what it says is not speech or may sound wrong.
    """
    made = said(engine, WORD)
    if made.warnings:
        raise StartError(f"the engine speaks, but {WORD!r}: {'; '.join(made.warnings)}")
    return encoded(made.pcm, engine.sample_rate)


def speak_well(engine: Engine) -> None:
    """Speak until a sentence sounds as it should, three at most, each with a seed of its own.

    Raises:
        StartError: The engine fails, or each of the three may sound wrong.
    """
    found: list[str] = []
    for number, text in enumerate(SENTENCES):
        made = said(engine, text, seed=SEEDS_APART * number)
        encoded(made.pcm, engine.sample_rate)
        if not made.warnings:
            return
        found.append(f"{text!r}: {'; '.join(made.warnings)}")
        log.warning("spoken to see whether it sounds right: %s", found[-1])
    raise StartError(f"the engine speaks, but {'; '.join(found)}")


def said(engine: Engine, text: str, seed: int = 0) -> Take:
    """Return what the engine says.

    Raises:
        StartError: It fails, or says nothing that can be heard.
    """
    engine.admit(Utterance(0, text, seed=seed, opens=True))
    made = next((made for _ in range(STEPS) for made in engine.advance([0])), None)
    if made is None or isinstance(made, Fault):
        raise StartError(f"the engine does not speak: {made.error if made else 'no answer'}")
    if not len(made.pcm) or not np.isfinite(made.pcm).all() or not made.pcm.any():
        raise StartError("the engine speaks only silence or noise that no speaker can play")
    return made


def encoded(pcm: Pcm, sample_rate: int) -> bytes:
    """Return speech as a whole MP3 file, read back.

    Raises:
        StartError: It does not hold all of the speech.
    """
    encoder = Mp3Encoder(sample_rate)
    audio = encoder.push(pcm) + encoder.flush()
    file = whole_file(audio, len(pcm), {})
    if read_file(file).samples != len(pcm):
        raise StartError("the encoder loses samples")
    return file


def unwritable(folder: Path) -> str | None:
    """Return why a folder cannot be written to; None where it can, or is only full for now."""
    error = written(folder)
    if error is None or error.errno in FULL:
        return None
    return error.strerror or str(error)


def cache_trouble(settings: Settings) -> str | None:
    """Return the line that says why speech will be delivered and not be kept; None where it will be."""
    folder = settings.cache_folder()[0]
    error = written(folder)
    if error is None:
        return None
    why = "is full" if error.errno in FULL else f"cannot be written to: {error.strerror or error}"
    return f"the cache's folder {folder} {why}; speech is delivered and not kept"


def written(folder: Path) -> OSError | None:
    """Write a byte into a folder and remove it; return what stood in the way."""
    probe = folder / f"{uuid.uuid4().hex}.part"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe.write_bytes(b"?")
        probe.unlink()
    except OSError as error:
        with contextlib.suppress(OSError):
            probe.unlink()
        return error
    return None


def fitness(settings: Settings, engine: Engine) -> list[Callable[[], None]]:
    """Return the checks that RunPod's SDK runs before the first job; none where there is no GPU by choice.

    A check that raises ends the worker, and the platform starts it elsewhere.
    """
    if engine.device != "cuda":
        return []

    def weights() -> None:
        MODELS[engine.name].check_whole(settings.weights_folder(engine.name))

    def speech_and_encoder() -> None:
        speak_well(engine)

    def cache_folder() -> None:
        if why := unwritable(settings.cache_folder()[0]):
            raise StartError(f"the cache's folder cannot be written to: {why}")

    return [weights, speech_and_encoder, cache_folder]


def check(say: Callable[[str], None]) -> int:
    """Say what this worker would do; return 1 where it could not work."""
    try:
        settings = Settings.from_env()
    except StartError as error:
        say(f"problem    {error}")
        return 1
    problems: list[str] = []
    for title, part in PARTS.items():
        try:
            say(f"{title:<10} {part(settings)}")
        except (StartError, OSError, PackageNotFoundError) as error:
            problems.append(f"{title}: {error}")
    for problem in problems:
        say(f"problem    {problem}")
    return 1 if problems else 0


def engine_line(settings: Settings) -> str:
    """Return the engine's name."""
    name = choose(settings)
    return name + (" (a small English voice, not Chatterbox)" if name == "preview" else "")


def weights_line(settings: Settings) -> str:
    """Return where the weights are and what they are."""
    name = choose(settings)
    if name not in MODELS:
        return "none needed"
    folder = settings.weights_folder(name)
    MODELS[name].check_whole(folder)
    told = Manifest.read(folder)
    what = "random" if told.is_random else f"revision {(told.revision or 'unknown')[:12]}"
    return f"{folder} ({told.precision or 'as released'}, {what})"


def gpus() -> int:
    """Return how many GPUs the driver sees; torch would take seconds to say so."""
    try:
        driver = ctypes.CDLL("libcuda.so.1")
    except OSError:
        return 0
    count = ctypes.c_int(0)
    if driver.cuInit(0) or driver.cuDeviceGetCount(ctypes.byref(count)):
        return 0
    return count.value


def device_line(
    settings: Settings, gpus: Callable[[], int] = gpus, device: Callable[[str], str] = usable_device
) -> str:
    """Return what the engine would compute on; `gpus` counts what the driver sees, `device` asks torch."""
    count = gpus()
    if settings.device == "cuda" and not count:
        raise StartError("TTS_DEVICE=cuda, and there is no GPU: choose a GPU worker, or TTS_DEVICE=cpu")
    name = choose(settings)
    if name not in MODELS or settings.device == "cpu" or not count:
        return "cpu"
    found = device(settings.device)
    return f"{found} ({count} GPU)" if found == "cuda" else found


def cache_line(settings: Settings) -> str:
    """Return the cache's folder with its free space."""
    folder, warning = settings.cache_folder()
    if why := unwritable(folder):
        raise StartError(f"{folder} cannot be written to: {why}")
    free = shutil.disk_usage(folder).free / 1e9
    told = [note for note in (warning, cache_trouble(settings)) if note]
    return f"{folder} ({free:.1f} GB free)" + "".join(f": {note}" for note in told)


def voices_line(settings: Settings) -> str:
    """Return the voices' names."""
    folder = settings.voices_folder()[0]
    return f"{', '.join(VoiceStore(folder, image=settings.image_voices_dir).names())} ({folder})"


def versions_line(_: Settings) -> str:
    """Return the versions that matter."""
    return ", ".join(f"{name} {version(name)}" for name in ("runpod", "lameenc", "numpy"))


def settings_line(settings: Settings) -> str:
    """Return the settings that are not at their defaults."""
    changed = settings.changed()
    return ", ".join(f"{name}={value}" for name, value in changed.items()) or "all at their defaults"


PARTS: dict[str, Callable[[Settings], str]] = {
    "engine": engine_line,
    "weights": weights_line,
    "device": device_line,
    "cache": cache_line,
    "voices": voices_line,
    "versions": versions_line,
    "settings": settings_line,
}


def main() -> int:
    """Speak a word with the engine of the settings; return 1 with one line where that cannot be."""
    try:
        settings = Settings.from_env()
        file = spoken_word(load(choose(settings), settings).engine)
    except StartError as error:
        print(f"readiness: {error}", file=sys.stderr)
        return 1
    print(f"spoke {WORD!r}: an MP3 of {len(file):,} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
