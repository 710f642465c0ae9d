"""Settings: the `TTS_*` variables, read once. This module alone reads the worker's environment."""

import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, TypeAdapter, ValidationError

from worker.errors import StartError

__all__ = [
    "HUB",
    "NAMES",
    "Settings",
    "model_hub",
    "prepare_environment",
    "private_clips_allowed",
    "takes_jobs",
]

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


def private_clips_allowed() -> bool:
    """Return whether `voice_url` may lead to private addresses: RunPod's variable for downloads says so."""
    return os.environ.get("RUNPOD_ALLOW_PRIVATE_DOWNLOAD_URLS", "").strip().lower() in {"1", "true", "yes"}


Bytes = Annotated[int, Field(ge=0, le=2**50)]


@dataclass(frozen=True, slots=True)
class Settings:
    """The operator's choices; the variable of a field is `TTS_` and its name in capitals.

    The annotations hold for `from_env` alone: the constructor checks nothing.
    """

    engine: str = "auto"  # one of `worker.engines.choose.ENGINES`, which refuses others
    device: Literal["auto", "cuda", "cpu"] = "auto"  # cuda if there is a GPU
    # auto: the checkpoint's own if it was baked in one, else bf16 if the device computes in it
    precision: Literal["auto", "fp32", "bf16", "int8"] = "auto"
    # Seconds of a voice's clip that S3Gen is given; unset: all, 10 s.
    prompt_seconds: Annotated[float, Field(ge=1, le=10)] | None = None
    # Of S3Gen's flow matching; unset: upstream's number, 2 or 10.
    flow_steps: Annotated[int, Field(ge=1, le=10)] | None = None
    # Of what turns a mel spectrogram into a waveform; auto: fp32 on a GPU, on a CPU as the rest.
    vocoder: Literal["auto", "fp32", "bf16"] = "auto"
    graphs: Literal["on", "off"] = "on"  # off: decode steps on a GPU are not captured as CUDA graphs
    # Separates this worker's entries in a shared cache.
    cache_tag: Annotated[
        str, Field(pattern=r"^[\w.-]{0,64}$", description="up to 64 letters, digits, '.', '_' or '-'")
    ] = ""
    cache_case: Literal["fold", "keep"] = "fold"  # keep: "US" and "us" are two entries
    model_dir: Path | None = None  # unset: the image's folder for the engine
    cache_dir: Path | None = None  # unset: the volume if one is mounted, else a temporary folder
    cache_max_bytes: Bytes = 20_000_000_000
    voices_dir: Path | None = None  # unset: as cache_dir
    image_voices_dir: Path = Path("/opt/voices")  # of the voices in the image
    voices_memory_bytes: Bytes = 1_000_000_000  # for learned voices in memory, 37 to 74 MB each
    # Utterances that the engine speaks at once; unset: the engine's own number.
    slots: Annotated[int, Field(ge=1, le=64)] | None = None
    max_characters: Annotated[int, Field(ge=1, le=10_000)] = 10_000
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    # How it is reached: from a queue, or itself an HTTP server; the image's entry reads it.
    mode: Literal["queue", "direct"] = "queue"
    # Of the `tone` engine: seconds of audio per second and slot.
    tone_speed: Annotated[float, Field(ge=0.1, le=100_000)] = 1_000.0
    endpoint_id: str = ""  # RUNPOD_ENDPOINT_ID

    @classmethod
    def from_env(cls, env: Mapping[str, str] | None = None) -> Self:
        """Read the settings from `env`, by default from the process's environment.

        Raises:
            StartError: A `TTS_*` name is unknown, or a value is not allowed.
        """
        env = os.environ if env is None else env
        chosen = {name.removeprefix("TTS_").lower(): name for name in sorted(env) if name.startswith("TTS_")}
        for field, name in chosen.items():
            if field not in NAMES:
                known = ", ".join(f"TTS_{known.upper()}" for known in NAMES)
                raise StartError(f"{name} is not a setting of this worker; the settings are {known}")
        checks = TypeAdapter(cls)
        values = {field: env[name] for field, name in chosen.items()}
        try:
            return checks.validate_python(values | {"endpoint_id": env.get("RUNPOD_ENDPOINT_ID", "")})
        except ValidationError as problem:
            field = str(problem.errors()[0]["loc"][0])
            allowed = expected(checks.json_schema()["properties"][field])
            raise StartError(f"{chosen[field]}={values[field]!r}: expected {allowed}") from None

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


NAMES = tuple(each.name for each in fields(Settings) if each.name != "endpoint_id")
"""The settings that a variable `TTS_` + name in capitals sets."""


def expected(rule: Mapping[str, Any]) -> str:
    """Return what the JSON Schema of a setting allows, in words."""
    rule = rule.get("anyOf", [rule])[0]
    if "enum" in rule:
        return f"one of {', '.join(rule['enum'])}"
    if "minimum" in rule:
        kind = "a whole number" if rule["type"] == "integer" else "a number"
        return f"{kind} from {rule['minimum']} to {rule['maximum']}"
    return str(rule["description"])
