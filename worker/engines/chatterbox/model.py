"""What is entered once for each of Chatterbox's models; torch is not imported for it."""

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from worker.errors import StartError

__all__ = ["Model", "not_installed"]


@dataclass(frozen=True, slots=True)
class Model:
    """One of Chatterbox's models: its names, its files, and where its code is.

    Attributes:
        name: the engine's (`TTS_ENGINE`), and that of the folder with its weights in an image.
        short: the image's (`MODEL=`).
        title: as people call it.
        repository: of the released files, on the hub.
        lock: the file that pins them.
        released: the files that are fetched.
        baked_from: those of them that are read when a checkpoint is baked; what reads text names its own.
        speaking: the files that are read to speak, if they are there.
        flow_steps: of S3Gen's flow, as upstream takes them.
        is_checkpoint: whether a folder holds the model's weights.
        check_whole: raise StartError if what speaking reads is not there in full.
        code: the module that needs torch. `load(folder, place, options, flow_steps)` returns an engine and
            its models; `write_weights(source, part, precision)` and `write_voice(part)` bake a checkpoint.
    """

    name: str
    short: str
    title: str
    repository: str
    lock: str
    released: tuple[str, ...]
    baked_from: tuple[str, ...]
    speaking: tuple[str, ...]
    flow_steps: int
    is_checkpoint: Callable[[Path], bool]
    check_whole: Callable[[Path], None]
    code: str

    def imported(self) -> ModuleType:
        """Return the module `code`.

        Raises:
            StartError: A package that it needs is not installed.
        """
        try:
            return importlib.import_module(self.code)
        except ImportError as error:
            raise not_installed(error) from error


def not_installed(error: ImportError) -> StartError:
    """Return the error of a start that lacks a package."""
    return StartError(f"a Chatterbox engine needs {error.name}: install requirements/chatterbox.txt")
