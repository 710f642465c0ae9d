"""What a caller gave, as the worker's input. Pure."""

from collections.abc import Mapping
from typing import Any

from chatterpod.errors import ConfigError
from chatterpod.longform import Plan
from chatterpod.request import KINDS

__all__ = ["given_of", "one_job"]


def given_of(text: str | None, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the input of a speech; options that are None count as not given.

    Raises:
        ConfigError: There is neither a text nor turns, or both, or one of the wrong type.
    """
    given = {name: value for name, value in options.items() if value is not None}
    if text is not None:
        if not isinstance(text, str):
            came = KINDS.get(type(text).__name__, "something else")
            raise ConfigError(f"text is {came}, expected a string")
        given["text"] = text
    if ("text" in given) == ("turns" in given):
        raise ConfigError("text or turns is required, exactly one of them")
    turns = given.get("turns")
    if turns is not None and not (
        isinstance(turns, list) and turns and all(isinstance(turn, dict) for turn in turns)
    ):
        raise ConfigError("turns is no list of objects with a voice and a text")
    return given


def one_job(plan: Plan, store: object) -> bool:
    """Return whether the speech is one job, of which nothing is kept: then it comes as a file."""
    return len(plan.parts) == 1 and store is None
