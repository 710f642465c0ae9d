"""What is said of an input that breaks a rule: the field, what came, what is allowed, in JSON's words."""

import difflib
import json
import math
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from pydantic import BaseModel, ValidationError

from worker.errors import InvalidInputError

__all__ = ["explained", "kind", "printable", "shown"]

SAID = 3  # faults told at once
SHOWN = 40  # characters of a string said back
DIGITS = 20  # of a whole number said back
# Said back in an error only where nothing private can stand in the field.
ECHOED = frozenset({
    "voice", "language", "format", "opening", "cache", "op", "bit_rate", "speed", "seed", "pause_ms",
    "stream", "normalize_numbers", "temperature", "top_p", "top_k", "min_p", "repetition_penalty",
    "exaggeration", "cfg_weight",
})  # fmt: skip

Path = Sequence[str | int]
Schema = Mapping[str, Any]


def explained(error: ValidationError, model: type[BaseModel]) -> InvalidInputError:
    """Put pydantic's errors into sentences about the fields, the first few of them."""
    found = error.errors(include_url=False, include_context=False)
    sentences, hints = [], []
    for fault in found[:SAID]:
        sentence, hint = sentences_of(fault, model)
        sentences.append(sentence)
        hints.append(hint)
    if len(found) > SAID:
        sentences.append(f"and {len(found) - SAID} more")
    # Two unknown fields have the same hint: it is told once, at the end.
    return InvalidInputError("; ".join([*sentences, *dict.fromkeys(filter(None, hints))]))


def sentences_of(fault: Mapping[str, Any], model: type[BaseModel]) -> tuple[str, str]:
    """Return what is wrong with a field, and a hint at which fields there are or nothing."""
    path: Path = fault["loc"]
    if not path:  # the only thing wrong with an object as such
        return "input has a field whose name is not valid Unicode", ""
    steps = (f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
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
    """Return the sentence about a field that there is not, with the name that may have been meant."""
    names = list(schema_at(model, path[:-1])["properties"])
    near = difflib.get_close_matches(str(path[-1]), names, n=1)
    said = f"{field} is not a field of the input"
    return (f"{said}; did you mean {near[0]}?", "") if near else (said, f"the fields are {', '.join(names)}")


def schema_at(model: type[BaseModel], path: Path) -> Schema:
    """Return the JSON schema of the field at a path; its limits are those that the model checks."""
    root = schema_of(model)
    found = root
    for part in path:
        if part == "[key]":  # a name in an object: its entry is what is wrong
            break
        if isinstance(part, int):
            found = found["items"]
        else:
            found = found.get("properties", {}).get(part) or found["additionalProperties"]
        found = next((one for one in found.get("anyOf", ()) if one.get("type") != "null"), found)
        if "$ref" in found:
            found = root["$defs"][found["$ref"].rpartition("/")[2]]
    return found


@cache
def schema_of(model: type[BaseModel]) -> dict[str, Any]:
    """Return a model's JSON schema."""
    return model.model_json_schema()


def allowed(schema: Schema) -> str:
    """Say what a JSON schema allows; a field's own description goes before."""
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
    """Return a value as JSON has it, short; of lists and objects only what they are."""
    if isinstance(value, str):
        return repr(value if len(value) <= SHOWN else value[:SHOWN] + "…")
    if isinstance(value, int) and abs(value) >= 10**DIGITS:
        return f"a number of more than {DIGITS} digits"
    if isinstance(value, float) and value.is_integer() and abs(value) < 10**DIGITS:
        return str(int(value))  # 2 rather than 2.0
    return json.dumps(value) if value is None or isinstance(value, int | float) else kind(value)


def counted(value: list[Any] | dict[str, Any]) -> str:
    """Say how many entries came."""
    return f"{kind(value)} of {len(value)}"


def kind(value: Any) -> str:
    """Name what came without saying what was in it."""
    names = {dict: "an object", list: "a list", str: "a string", bool: "a boolean", int: "a number"}
    if value is None:
        return "null"
    if isinstance(value, float):
        return "a number" if math.isfinite(value) else "not a finite number"
    return names.get(type(value), type(value).__name__)


def printable(name: str) -> str:
    """Return a name from outside, short and without characters that could forge a log line."""
    return "".join(letter if letter.isprintable() else "?" for letter in name[:64])
