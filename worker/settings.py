"""Settings: the `TTS_*` variables, read once. This module alone reads the worker's environment."""

import os
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Self

from worker.errors import StartError

__all__ = ["HUB", "Settings", "model_hub", "prepare_environment", "takes_jobs"]

VOLUME = Path("/runpod-volume")
HUB = "https://huggingface.co"
WEIGHTS = Path("/opt/torch_cache")  # a folder for each model


def prepare_environment() -> None:
    """Set RunPod's log level to INFO if it is unset; call this before `import runpod`.

    The SDK's default, DEBUG, prints every record twice, text and audio included.
    """
    os.environ.setdefault("RUNPOD_LOG_LEVEL", "INFO")


def model_hub(env: Mapping[str, str] | None = None) -> str:
    """Return the URL of the hub with the released weights: `HF_ENDPOINT`, or the public one."""
    env = os.environ if env is None else env
    return env.get("HF_ENDPOINT") or HUB


def takes_jobs() -> bool:
    """Return whether RunPod's SDK will take jobs from a queue or its realtime API, rather than run one."""
    return "RUNPOD_WEBHOOK_GET_JOB" in os.environ or os.environ.get("RUNPOD_REALTIME_PORT", "0") != "0"


def one_of(*allowed: str) -> Callable[[str], str]:
    """Return a parser that accepts only these words."""

    def parse(value: str) -> str:
        if value not in allowed:
            raise ValueError(f"expected one of {', '.join(allowed)}")
        return value

    return parse


def whole_number(low: int, high: int) -> Callable[[str], int]:
    """Return a parser of a whole number from `low` to `high`."""

    def parse(value: str) -> int:
        if not value.isascii() or not value.isdigit() or not low <= int(value) <= high:
            raise ValueError(f"expected a whole number from {low} to {high}")
        return int(value)

    return parse


def number(low: float, high: float) -> Callable[[str], float]:
    """Return a parser of a number from `low` to `high`."""

    def parse(value: str) -> float:
        try:
            parsed = float(value)
        except ValueError:
            parsed = float("nan")
        if not low <= parsed <= high:
            raise ValueError(f"expected a number from {low:g} to {high:g}")
        return parsed

    return parse


def short_tag(value: str) -> str:
    """Accept up to 64 letters, digits, dots, dashes and underscores."""
    if len(value) > 64 or not all(letter.isalnum() or letter in "._-" for letter in value):
        raise ValueError("expected up to 64 letters, digits, '.', '_' or '-'")
    return value


PARSERS: dict[str, Callable[[str], Any]] = {
    "engine": str,  # one of `worker.engines.choose.ENGINES`, which says so
    "device": one_of("auto", "cuda", "cpu"),
    "precision": one_of("auto", "fp32", "bf16", "int8"),
    "prompt_seconds": number(1, 10),
    "flow_steps": whole_number(1, 10),
    "graphs": one_of("on", "off"),
    "cache_tag": short_tag,
    "cache_case": one_of("fold", "keep"),
    "model_dir": Path,
    "cache_dir": Path,
    "cache_max_bytes": whole_number(0, 2**50),
    "voices_dir": Path,
    "image_voices_dir": Path,
    "voices_memory_bytes": whole_number(0, 2**50),
    "slots": whole_number(1, 64),
    "max_characters": whole_number(1, 10_000),
    "log_level": one_of("DEBUG", "INFO", "WARNING", "ERROR"),
    "tone_speed": number(0.1, 100_000),
}


@dataclass(frozen=True, slots=True)
class Settings:
    """The operator's choices; the variable of a field is `TTS_` and its name in capitals."""

    engine: str = "auto"
    device: str = "auto"  # cuda if there is a GPU
    precision: str = (
        "auto"  # auto: the checkpoint's own if it was baked in one, else bf16 if the device has it
    )
    prompt_seconds: float | None = None  # of a voice's clip that condition S3Gen; unset: all, 10 s
    flow_steps: int | None = None  # of S3Gen's flow matching; unset: upstream's number, 2 or 10
    graphs: str = "on"  # "off": decode steps on a GPU are not captured as CUDA graphs
    cache_tag: str = ""  # separates this worker's entries in a shared cache
    cache_case: str = "fold"  # "keep": "US" and "us" are two entries
    model_dir: Path | None = None  # unset: the image's folder for the engine
    cache_dir: Path | None = None  # unset: the volume if one is mounted, else a temporary folder
    cache_max_bytes: int = 20_000_000_000
    voices_dir: Path | None = None  # unset: as cache_dir
    image_voices_dir: Path = Path("/opt/voices")  # of the voices in the image
    voices_memory_bytes: int = 1_000_000_000  # for learned voices in memory, 37 to 74 MB each
    slots: int | None = None  # utterances that the engine speaks at once; unset: the engine's own number
    max_characters: int = 10_000
    log_level: str = "INFO"
    tone_speed: float = 1_000.0  # of the `tone` engine: seconds of audio per second and slot
    endpoint_id: str = ""  # RUNPOD_ENDPOINT_ID

    @classmethod
    def from_env(cls, env: Mapping[str, str] | None = None) -> Self:
        """Read the settings from `env`, by default from the process's environment.

        Raises:
            StartError: A `TTS_*` name is unknown, or a value is not allowed.
        """
        env = os.environ if env is None else env
        values: dict[str, Any] = {}
        for name in sorted(name for name in env if name.startswith("TTS_")):
            field = name.removeprefix("TTS_").lower()
            if field not in PARSERS:
                known = ", ".join(f"TTS_{known.upper()}" for known in PARSERS)
                raise StartError(f"{name} is not a setting of this worker; the settings are {known}")
            try:
                values[field] = PARSERS[field](env[name])
            except ValueError as error:
                raise StartError(f"{name}={env[name]!r}: {error}") from error
        return cls(**values, endpoint_id=env.get("RUNPOD_ENDPOINT_ID", ""))

    @property
    def deployed(self) -> bool:
        """Whether this is a RunPod endpoint rather than a machine of one's own."""
        return self.endpoint_id not in {"", "local"}

    def weights_folder(self, engine: str) -> Path:
        """Return the folder with the weights of an engine."""
        return self.model_dir or WEIGHTS / engine

    def cache_folder(self) -> tuple[Path, str | None]:
        """Return the cache's folder, and a warning if it will not outlive the worker."""
        if self.cache_dir is not None:
            return self.cache_dir, None
        if VOLUME.is_dir():
            return VOLUME / "tts_cache", None
        local = Path(tempfile.gettempdir()) / "tts_cache"
        return local, "no network volume is mounted: the cache ends with this worker"

    def voices_folder(self) -> tuple[Path, str | None]:
        """Return the folder of the voices, and a warning if it will not outlive the worker."""
        if self.voices_dir is not None:
            return self.voices_dir, None
        if VOLUME.is_dir():
            return VOLUME / "voices", None
        local = Path(tempfile.gettempdir()) / "tts_voices"
        return local, "no network volume is mounted: voices that are added end with this worker"

    def changed(self) -> dict[str, Any]:
        """Return the fields that are not at their defaults."""
        return {
            field.name: getattr(self, field.name)
            for field in fields(self)
            if getattr(self, field.name) != field.default
        }
