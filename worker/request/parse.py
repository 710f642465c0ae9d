"""From a job's `input` to a valid request or operation."""

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import ValidationError

from worker.errors import InvalidInputError
from worker.request.language import spoken_language
from worker.request.model import Capabilities, Operation, SpeechRequest, StrictModel
from worker.request.rules import (
    check_choices,
    check_operation,
    check_sampling,
    check_size,
    check_speech,
    check_text,
    check_voices,
)
from worker.request.wording import invalid_input, kind

__all__ = ["parse"]


Model = TypeVar("Model", bound=StrictModel)


def parse(
    given: Any, engine: Capabilities, max_characters: int = 10_000, *, is_result: bool = True
) -> SpeechRequest | Operation:
    """Return the request or operation of a job's `input`, valid for this engine.

    `is_result`: whether the speech has to fit into the result of a queue's job.

    Raises:
        InvalidInputError: Or one of its kinds; the message names the field, its value and what is allowed.
    """
    if not isinstance(given, dict):
        raise InvalidInputError(f"input is {kind(given)}, expected an object with a text")
    if "op" in given:
        operation = validated(Operation, given)
        check_operation(operation)
        return operation
    request = validated(SpeechRequest, renamed(given))
    check_text(request, max_characters)
    check_speech(request, engine)
    check_voices(request, engine)
    request = resolved(request, engine)
    check_choices(request)
    check_sampling(request.sampling, engine)
    if is_result:
        check_size(request)
    return request


def renamed(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the input with its text under `text`, if it came as `input`, the other name."""
    if "input" not in given:
        return dict(given)
    if "text" in given:
        raise InvalidInputError("text was given twice: input is another name of text, give one of them")
    return {("text" if name == "input" else name): value for name, value in given.items()}


def validated(model: type[Model], given: Mapping[str, Any]) -> Model:
    """Return the validated model; raises InvalidInputError about the fields that are wrong."""
    try:
        return model.model_validate(dict(given))
    except ValidationError as error:
        raise invalid_input(error, model) from None


def resolved(request: SpeechRequest, engine: Capabilities) -> SpeechRequest:
    """Return the request with the voice of each turn, and its language under the engine's name for it."""
    changed: dict[str, Any] = {"language": spoken_language(request.language, engine)}
    if request.turns is not None:
        changed["turns"] = [
            turn if "voice" in turn.model_fields_set else turn.model_copy(update={"voice": request.voice})
            for turn in request.turns
        ]
    return request.model_copy(update=changed)
