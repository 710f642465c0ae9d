"""`/v1/audio/voices`: lists the voices, adds one from a recording, removes one."""

import re
from collections.abc import AsyncGenerator

from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from gateway.errors import BadRequest, TooLarge
from gateway.gateway import Gateway
from gateway.http_common import authorized, bytes_of, listing

__all__ = ["add", "list_all", "remove"]

CLIP_BYTES = 7_000_000  # what a worker takes: as base64 below RunPod's limit of 10 MB
FORM_BYTES = 20_000  # of a form around its file
FILES = ("audio_sample", "file")  # OpenAI's name, and that of other servers
NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")


async def list_all(request: Request) -> Response:
    """Answer with the worker's voices; without a token, if that is allowed, with those listed last."""
    gateway, is_known = listing(request)
    voices = await gateway.voices.current() if is_known else gateway.voices.last()
    return JSONResponse({"object": "list", "voices": voices, "data": voices})


async def add(request: Request) -> Response:
    """Learn a voice from a recording, sent as OpenAI's form with `name` and `audio_sample`."""
    gateway = may_change(request)
    name, clip = await clip_of(request)
    record = await gateway.endpoint.add_voice(name, clip)
    gateway.voices.expire()
    facts = {key: record[key] for key in ("seconds", "replaced") if key in record}
    return JSONResponse({"object": "audio.voice", "id": name, "name": name, **facts}, 201)


async def remove(request: Request) -> Response:
    """Remove a voice that was added."""
    gateway = may_change(request)
    name = checked(request.path_params["name"])
    await gateway.endpoint.remove_voice(name)
    gateway.voices.expire()
    return JSONResponse({"object": "audio.voice.deleted", "id": name, "deleted": True})


def may_change(request: Request) -> Gateway:
    """Return the gateway, to a token that may change voices; count the request.

    Raises:
        GatewayError: The token may not, or a limit is reached.
    """
    gateway, usage = authorized(request)
    gateway.door.check()
    gateway.check_voice_token(request.headers.get("authorization"))
    gateway.count_request(usage, "voice")
    return gateway


async def clip_of(request: Request) -> tuple[str, bytes]:
    """Return the name and the recording in a form.

    Raises:
        BadRequest: It is not such a form, or one of the two is missing or wrong.
        TooLarge: The recording is longer than a worker takes.
    """
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        raise BadRequest("the body is not multipart/form-data, expected a form with name and audio_sample")
    body = await bytes_of(request, CLIP_BYTES + FORM_BYTES)

    async def stream() -> AsyncGenerator[bytes, None]:
        yield body

    try:
        form = await MultiPartParser(request.headers, stream(), max_files=1, max_fields=10).parse()
    except (MultiPartException, KeyError, ValueError):
        raise BadRequest("the body is not valid multipart/form-data") from None
    name, file = form.get("name"), next(filter(None, map(form.get, FILES)), None)
    clip = await file.read() if isinstance(file, UploadFile) else None
    await form.close()
    if clip is None:
        raise BadRequest("audio_sample is missing, expected the file of a recording")
    if len(clip) > CLIP_BYTES:
        raise TooLarge(f"audio_sample has {len(clip)} bytes, expected at most {CLIP_BYTES}")
    if not clip:
        raise BadRequest("audio_sample is empty, expected the file of a recording")
    return checked(name), clip


def checked(name: object) -> str:
    """Return a voice's name.

    Raises:
        BadRequest: It is not one.
    """
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise BadRequest(
            "name is missing or not allowed, expected 1 to 64 ASCII letters, digits, '_' and '-'"
        )
    return name
