"""What a request that breaks a rule is answered: the field, what came and what is allowed. No I/O."""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from gateway.errors import BadMessage, BadRequest, GatewayError

__all__ = ["explained", "shown_name"]

NUMBER = "a number"
KINDS = {dict: "an object", list: "a list", str: "a string", bool: "a boolean", int: NUMBER, float: NUMBER}
REPEATED = frozenset({"voice", "language", "format", "response_format", "stream_format", "speed", "bit_rate"})
MESSAGE_TYPES = frozenset({"auth", "start", "speak", "text", "flush", "close", "cancel", "ping"})
# What is allowed, by the type of pydantic's error; its own words are never repeated.
EXPECTED: Mapping[str, str] = {
    "string_type": "a string",
    "string_unicode": "valid Unicode",
    "string_too_long": "at most {max_length} characters",
    "string_pattern_mismatch": "1 to 64 ASCII letters, digits, '_' and '-'",
    "literal_error": "{expected}",
    "bool_type": "true or false",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "int_parsing_size": "a smaller number",
    "float_type": NUMBER,
    "finite_number": "a finite number",
    "greater_than_equal": "{ge} or more",
    "greater_than": "more than {gt}",
    "less_than_equal": "{le} or less",
    "less_than": "less than {lt}",
    "dict_type": "an object",
    "model_type": "an object",
    "model_attributes_type": "an object",
    "list_type": "a list",
    "too_long": "at most {max_length} entries",
}


def explained(problem: ValidationError) -> GatewayError:
    """Return pydantic's first error as a GatewayError; only values of `REPEATED` fields are in it."""
    first = problem.errors(include_url=False, include_context=True)[0]
    if first["type"] == "union_tag_invalid":
        known = first["ctx"]["expected_tags"]
        return BadMessage(f"the message's type is not known, expected one of {known}")
    if first["type"] == "union_tag_not_found":
        return BadMessage("the message has no type")
    path = [str(part) for part in first["loc"] if part != "[key]"]
    if len(path) > 1 and path[0] in MESSAGE_TYPES:
        path = path[1:]
    name = shown_name(".".join(path)) or "the body"
    refusal = BadRequest(f"{name} {what_is_wrong(dict(first), path)}")
    refusal.field = path[0] if path and path[0].isidentifier() else None
    return refusal


def what_is_wrong(error: Mapping[str, Any], path: list[str]) -> str:
    """Return the sentence after the field's name."""
    if error["type"] == "missing":
        return "is missing"
    if error["type"] == "extra_forbidden":
        return "is not a field of this request"
    value = error["input"]
    is_repeated = path and path[-1] in REPEATED and isinstance(value, str | int | float)
    came = repr(value)[:40] if is_repeated else KINDS.get(type(value), "null")
    wanted = EXPECTED.get(error["type"], "another value").format(**error.get("ctx", {}))
    return f"is {came}, expected {wanted}"


def shown_name(name: str) -> str:
    """Return a field's name for a message: at most 60 printable ASCII characters."""
    return "".join(letter if " " <= letter <= "~" else "?" for letter in name[:60])
