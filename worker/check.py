"""Checks before the first job: `--check`, the SDK's fitness checks, and one spoken word.

`python -m worker.check` speaks the word; it is a step of the image's build, which fails with it.
"""

import contextlib
import ctypes
import errno
import logging
import os
import shutil
import sys
import uuid
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np

from encoder import Mp3Encoder, read_file, whole_file
from worker.engines import Engine, Fault, Pcm, Take, Utterance
from worker.engines.chatterbox.catalogue import MODELS, check_model
from worker.engines.chatterbox.files import Manifest
from worker.engines.choose import choose, load, usable_device
from worker.errors import StartError
from worker.settings import Settings
from worker.threads import DaemonThreads
from worker.voices import VoiceStore
from worker.volume import PATIENCE_SECONDS

__all__ = ["cache_trouble", "check", "fitness", "spoken_word", "unwritable"]

log = logging.getLogger("worker")

WORD = "Hello."
# Spoken when a worker starts. The judge may refuse good speech, above all of a short text, but hardly thrice.
SENTENCES = (WORD, "The ferry left the harbour at noon.", "Nobody had expected it to be on time.")
SEEDS_APART = 100  # more than the number of takes of one segment
PASSING = {errno.ENOSPC: "is full", errno.EDQUOT: "is full", errno.ETIMEDOUT: "does not answer"}
MOST_STEPS = 10_000  # of an engine, for one sentence: more than any engine needs


def spoken_word(engine: Engine) -> bytes:
    """Return one word as an MP3 file that was read back; nothing else may use the engine meanwhile.

    Raises:
        StartError: The engine fails, or its audio is not speech or may sound wrong.
    """
    take = spoken(engine, WORD)
    if take.warnings:
        raise StartError(f"the engine speaks, but {WORD!r}: {'; '.join(take.warnings)}")
    return encoded(take.pcm, engine.sample_rate)


def check_speech(engine: Engine) -> None:
    """Speak up to three sentences, each with its own seed, until one sounds as it should.

    Raises:
        StartError: The engine fails, or each of the sentences may sound wrong.
    """
    found: list[str] = []
    for number, text in enumerate(SENTENCES):
        take = spoken(engine, text, seed=SEEDS_APART * number)
        encoded(take.pcm, engine.sample_rate)
        if not take.warnings:
            return
        found.append(f"{text!r}: {'; '.join(take.warnings)}")
        log.warning("fitness check: a sentence may sound wrong: %s", found[-1])
    raise StartError(f"the engine speaks, but {'; '.join(found)}")


def spoken(engine: Engine, text: str, seed: int = 0) -> Take:
    """Return the engine's take of a text.

    Raises:
        StartError: The engine fails, or its take is silent or not finite.
    """
    engine.admit(Utterance(0, text, seed=seed, opens=True))
    result = next((result for _ in range(MOST_STEPS) for result in engine.advance([0])), None)
    if result is None or isinstance(result, Fault):
        raise StartError(f"the engine does not speak: {result.error if result else 'no take came'}")
    if not len(result.pcm) or not np.isfinite(result.pcm).all() or not result.pcm.any():
        raise StartError("the engine's audio is silent or has samples that are not finite numbers")
    return result


def encoded(pcm: Pcm, sample_rate: int) -> bytes:
    """Return PCM as an MP3 file that was read back.

    Raises:
        StartError: The file does not hold all samples.
    """
    encoder = Mp3Encoder(sample_rate)
    audio = encoder.push(pcm) + encoder.flush()
    file = whole_file(audio, len(pcm), {})
    if read_file(file).samples != len(pcm):
        raise StartError("the encoder loses samples")
    return file


def unwritable(folder: Path) -> str | None:
    """Return why a folder cannot be written to; None if it can, is only full, or does not answer now."""
    error = write_error(folder)
    if error is None or error.errno in PASSING:
        return None
    return error.strerror or str(error)


def cache_trouble(settings: Settings) -> str | None:
    """Return a warning that the cache's folder cannot be written to now; None if it can."""
    folder = settings.cache_folder()[0]
    error = write_error(folder)
    if error is None:
        return None
    why = PASSING.get(error.errno or 0, f"cannot be written to: {error.strerror or error}")
    return f"the cache's folder {folder} {why}; speech is delivered and not kept"


def write_error(folder: Path) -> OSError | None:
    """Write a byte into a file of a folder and remove it; return the error, or None.

    A folder that takes longer than the volume is given is the error ETIMEDOUT.
    """
    try:
        return DaemonThreads(1, "check").submit(probe_error, folder).result(PATIENCE_SECONDS)
    except TimeoutError:
        return OSError(errno.ETIMEDOUT, os.strerror(errno.ETIMEDOUT))


def probe_error(folder: Path) -> OSError | None:
    """Do what `write_error` does, for as long as it takes."""
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
    """Return the checks that RunPod's SDK runs before the first job; none unless the engine is on a GPU.

    A check that raises ends the worker, and the platform starts another one elsewhere.
    """
    if engine.device != "cuda":
        return []

    def weights() -> None:
        MODELS[engine.name].check_whole(settings.weights_folder(engine.name))

    def speech_and_encoder() -> None:
        check_speech(engine)

    def cache_folder() -> None:
        if why := unwritable(settings.cache_folder()[0]):
            raise StartError(f"the cache's folder cannot be written to: {why}")

    return [weights, speech_and_encoder, cache_folder]


def check(report: Callable[[str], None]) -> int:
    """Report, line by line, what this worker would do; return 1 if it could not work, else 0."""
    try:
        settings = Settings.from_env()
    except StartError as error:
        report(f"problem    {error}")
        return 1
    problems: dict[str, str] = {}  # by message: one fault may stop several lines
    for title, line in LINES.items():
        try:
            report(f"{title:<10} {line(settings)}")
        except (StartError, OSError, PackageNotFoundError) as error:
            problems.setdefault(str(error), title)
    for problem, title in problems.items():
        report(f"problem    {title}: {problem}")
    return 1 if problems else 0


def engine_line(settings: Settings) -> str:
    """Return the engine's name."""
    name = choose(settings)
    return name + (" (a small English voice, not Chatterbox)" if name == "preview" else "")


def weights_line(settings: Settings) -> str:
    """Return the weights' folder, their precision and their revision."""
    name = choose(settings)
    if name not in MODELS:
        return "none needed"
    folder = settings.weights_folder(name)
    check_model(folder, MODELS[name])
    MODELS[name].check_whole(folder)
    manifest = Manifest.read(folder)
    origin = "random" if manifest.is_random else f"revision {(manifest.revision or 'unknown')[:12]}"
    return f"{folder} ({manifest.precision or 'as released'}, {origin})"


def gpus() -> int:
    """Return how many GPUs the driver sees; torch would take seconds to import."""
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
    """Return the engine's device; `gpus` counts the driver's GPUs, `device` asks torch for one."""
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
    notes = [note for note in (warning, cache_trouble(settings)) if note]
    return f"{folder} ({free:.1f} GB free)" + "".join(f": {note}" for note in notes)


def voices_line(settings: Settings) -> str:
    """Return the voices' names and their folder."""
    folder = settings.voices_folder()[0]
    return f"{', '.join(VoiceStore(folder, image=settings.image_voices_dir).names())} ({folder})"


def versions_line(_: Settings) -> str:
    """Return the versions of the packages that matter most."""
    return ", ".join(f"{name} {version(name)}" for name in ("runpod", "lameenc", "numpy"))


def settings_line(settings: Settings) -> str:
    """Return the settings that are not at their defaults."""
    changed = settings.changed()
    return ", ".join(f"{name}={value}" for name, value in changed.items()) or "all at their defaults"


LINES: dict[str, Callable[[Settings], str]] = {
    "engine": engine_line,
    "weights": weights_line,
    "device": device_line,
    "cache": cache_line,
    "voices": voices_line,
    "versions": versions_line,
    "settings": settings_line,
}


def main() -> int:
    """Speak a word with the settings' engine; return 1, with one line on stderr, if that fails."""
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
