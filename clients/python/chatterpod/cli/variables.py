"""The environment variables of workers: which `--env` accepts, and whose values may be shown."""

import difflib
import re

from chatterpod.errors import ConfigError

__all__ = ["SETTINGS", "TAKEN_AWAY", "hidden", "variable"]

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
SHOWN = re.compile(r"TTS_\w+|RUNPOD_LOG_LEVEL")  # other variables may hold secrets
TAKEN_AWAY = "(removed)"
# The worker's settings; with another TTS_ variable it would not start. Copied, since this package is
# installed without the worker; a test compares the two.
SETTINGS = (
    "TTS_CACHE_CASE",
    "TTS_CACHE_DIR",
    "TTS_CACHE_MAX_BYTES",
    "TTS_CACHE_TAG",
    "TTS_DEVICE",
    "TTS_ENGINE",
    "TTS_FLOW_STEPS",
    "TTS_GRAPHS",
    "TTS_IMAGE_VOICES_DIR",
    "TTS_LOG_LEVEL",
    "TTS_MAX_CHARACTERS",
    "TTS_MODE",
    "TTS_MODEL_DIR",
    "TTS_PRECISION",
    "TTS_PROMPT_SECONDS",
    "TTS_SLOTS",
    "TTS_TONE_SPEED",
    "TTS_VOCODER",
    "TTS_VOICES_DIR",
    "TTS_VOICES_MEMORY_BYTES",
)


def variable(text: str) -> tuple[str, str]:
    """Parse NAME=VALUE; return both. Errors do not contain the value.

    Raises:
        ConfigError: The text is malformed, or a TTS_ variable is not a setting of the worker.
    """
    name, equals, value = text.partition("=")
    if not equals or not NAME.fullmatch(name):
        raise ConfigError("--env takes NAME=VALUE, with letters, digits and _ in the name")
    if name.upper().startswith("TTS_") and name not in SETTINGS:
        near = difflib.get_close_matches(name.upper(), SETTINGS, 1)
        hint = f"did you mean {near[0]}?" if near else f"the settings are {', '.join(SETTINGS)}"
        raise ConfigError(f"--env {name} is not a setting of the worker: {hint}")
    return name, value


def hidden(name: str, value: str | None) -> str | None:
    """Return a variable's value, or "(not shown)" if it may be a secret."""
    return value if value in {None, TAKEN_AWAY} or SHOWN.fullmatch(name) else "(not shown)"
