"""What is entered once for each of Chatterbox's models; torch is not imported for it."""

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType

from worker.engines.chatterbox.files import RELEASED_VOICE, VOICE_FILE, check_files, first_there
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
        t3_file: T3's weights.
        t3_size: the released T3's blocks, and how wide it is.
        s3_files: S3Gen's weights as baked and as released, which may be one name.
        voice_encoder: the speaker encoder's weights, as released.
        tokenizer_files: what text is read with, as released.
        needed: those of them without which nothing can be spoken, in a baked checkpoint too.
        flow_steps: of S3Gen's flow, as upstream takes them.
        code: the module that needs torch. `load(model, folder, device, options, flow_steps)` returns an
            engine and its models; `write_weights(model, source, part, precision)` and
            `write_voice(model, part)` bake a checkpoint.
        sha256: of released files that another model has others of under the same name.
        light: whether it is made for machines without a GPU.
    """

    name: str
    short: str
    title: str
    repository: str
    lock: str
    t3_file: str
    t3_size: tuple[int, int]
    s3_files: tuple[str, ...]
    voice_encoder: str
    tokenizer_files: tuple[str, ...]
    needed: tuple[str, ...]
    flow_steps: int
    code: str
    sha256: Mapping[str, str] = field(default_factory=dict, hash=False)
    light: bool = False

    @property
    def baked_from(self) -> tuple[str, ...]:
        """The released files without which no checkpoint can be baked."""
        return (self.t3_file, self.s3_files[-1], self.voice_encoder, RELEASED_VOICE, *self.needed)

    @property
    def released(self) -> tuple[str, ...]:
        """The files that are fetched."""
        return tuple(dict.fromkeys((*self.baked_from, *self.tokenizer_files)))

    def is_checkpoint(self, folder: Path) -> bool:
        """Return whether a folder holds the model's weights."""
        return (folder / self.t3_file).is_file() and (folder / first_there(folder, self.s3_files)).is_file()

    def speaking(self, folder: Path) -> list[str]:
        """Return the files of a folder that are read to speak, as baked or as released."""
        s3gen = first_there(folder, self.s3_files)
        return [self.t3_file, s3gen, first_there(folder, (VOICE_FILE, RELEASED_VOICE)), *self.needed]

    def check_whole(self, folder: Path) -> None:
        """Check that what speaking reads is there in full; fast, since only headers are read.

        Raises:
            StartError: A file is missing or cut short.
        """
        check_files(folder, self.speaking(folder))

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
