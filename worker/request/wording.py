"""Errors about an invalid input: the field, its value and what is allowed, in the terms of JSON."""

import difflib
import json
import math
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from pydantic import BaseModel, ValidationError

from worker.errors import InvalidInputError

__all__ = ["invalid_input", "kind", "printable", "shown"]

MOST_FAULTS = 3  # in one message
MOST_CHARACTERS = 40  # of a string in a message
MOST_DIGITS = 20  # of a whole number in a message
# The fields whose values are repeated in messages: they cannot hold anything private.
ECHOED = frozenset({
    "voice", "language", "format", "opening", "cache", "op", "bit_rate", "speed", "seed", "pause_ms",
    "last_pause_ms", "stream", "normalize_numbers", "markup", "temperature", "top_p", "top_k", "min_p",
    "repetition_penalty", "exaggeration", "cfg_weight",
})  # fmt: skip

Path = Sequence[str | int]
Schema = Mapping[str, Any]


def invalid_input(error: ValidationError, model: type[BaseModel]) -> InvalidInputError:
    """Return an error with a sentence about each of the first few fields that pydantic refused."""
    found = error.errors(include_url=False, include_context=False)
    sentences, hints = [], []
    for fault in found[:MOST_FAULTS]:
        sentence, hint = sentences_of(fault, model)
        sentences.append(sentence)
        hints.append(hint)
    if len(found) > MOST_FAULTS:
        sentences.append(f"and {len(found) - MOST_FAULTS} more")
    # Two unknown fields have the same hint: it appears once, at the end.
    return InvalidInputError("; ".join([*sentences, *dict.fromkeys(filter(None, hints))]))


def sentences_of(fault: Mapping[str, Any], model: type[BaseModel]) -> tuple[str, str]:
    """Return a sentence about one field, and a hint for the end of the message, which may be empty."""
    path: Path = fault["loc"]
    if not path:  # the one fault of an object itself
        return "input has a field whose name is not valid Unicode", ""
    steps = (f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    field = printable("".join(steps).removeprefix("."))
    if fault["type"] == "extra_forbidden":
        return unknown_field(field, path, model)
    if fault["type"] == "missing":
        return f"{field} is missing", ""
    came = fault["input"]
    is_counted = fault["type"] in {"too_long", "too_short"}
    what = counted(came) if is_counted else shown(came) if path[-1] in ECHOED else kind(came)
    return f"{field} is {what}, expected {allowed(schema_at(model, path))}", ""


def unknown_field(field: str, path: Path, model: type[BaseModel]) -> tuple[str, str]:
    """Return a sentence and a hint about an unknown field: the name that was meant, or all names."""
    names = list(schema_at(model, path[:-1])["properties"])
    near = difflib.get_close_matches(str(path[-1]), names, n=1)
    sentence = f"{field} is not a field of the input"
    if near:
        return f"{sentence}; did you mean {near[0]}?", ""
    return sentence, f"the fields are {', '.join(names)}"


def schema_at(model: type[BaseModel], path: Path) -> Schema:
    """Return the JSON schema of the field at a path, with the limits that the model checks."""
    root = schema_of(model)
    found = root
    for step in path:
        if step == "[key]":  # the name of an entry is wrong: describe the object
            break
        if isinstance(step, int):
            found = found["items"]
        else:
            found = found.get("properties", {}).get(step) or found["additionalProperties"]
        found = next((one for one in found.get("anyOf", ()) if one.get("type") != "null"), found)
        if "$ref" in found:
            found = root["$defs"][found["$ref"].rpartition("/")[2]]
    return found


@cache
def schema_of(model: type[BaseModel]) -> dict[str, Any]:
    """Return a model's JSON schema."""
    return model.model_json_schema()


def allowed(schema: Schema) -> str:
    """Return what a JSON schema allows, in words; the field's own description if it has one."""
    if "description" in schema and "properties" not in schema:
        return str(schema["description"])
    if "enum" in schema:
        *others, last = map(repr, schema["enum"])
        return f"{', '.join(others)} or {last}"
    if "properties" in schema:
        return "an object with " + " and ".join(f"a {name}" for name in schema["required"])
    names = {"integer": "a whole number", "number": "a number", "boolean": "true or false"}
    name = names.get(schema["type"], f"a {schema['type']}")
    if "minimum" not in schema:
        return name
    return f"{name} from {shown(schema['minimum'])} to {shown(schema['maximum'])}"


def shown(value: Any) -> str:
    """Return a value as JSON writes it, shortened; only the kind of a list or an object."""
    if isinstance(value, str):
        return repr(value if len(value) <= MOST_CHARACTERS else value[:MOST_CHARACTERS] + "…")
    if isinstance(value, int) and abs(value) >= 10**MOST_DIGITS:
        return f"a number of more than {MOST_DIGITS} digits"
    if isinstance(value, float) and value.is_integer() and abs(value) < 10**MOST_DIGITS:
        return str(int(value))  # 2 rather than 2.0
    return json.dumps(value) if value is None or isinstance(value, int | float) else kind(value)


def counted(value: list[Any] | dict[str, Any]) -> str:
    """Return the kind of a list or object with its number of entries."""
    return f"{kind(value)} of {len(value)}"


def kind(value: Any) -> str:
    """Return the kind of a value, without its contents."""
    names = {dict: "an object", list: "a list", str: "a string", bool: "a boolean", int: "a number"}
    if value is None:
        return "null"
    if isinstance(value, float):
        return "a number" if math.isfinite(value) else "not a finite number"
    return names.get(type(value), type(value).__name__)


def printable(name: str) -> str:
    """Return a client's field name, shortened, without characters that could forge a log line."""
    return "".join(letter if letter.isprintable() else "?" for letter in name[:64])
