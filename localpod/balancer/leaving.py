"""Ends what is done for a client when the client leaves."""

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any, TypeVar

from starlette.types import Receive

__all__ = ["ClientLeft", "unless_left"]

T = TypeVar("T")


class ClientLeft(Exception):
    """The client has closed its connection."""


async def unless_left(receive: Receive, work: Coroutine[Any, Any, T]) -> T:
    """Do the work and return its result; cancel it when the client leaves.

    Raises:
        ClientLeft: Likewise.
    """
    working, leaving = asyncio.create_task(work), asyncio.create_task(_left(receive))
    try:
        await asyncio.wait({working, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            return working.result()
        raise ClientLeft
    finally:
        leaving.cancel()
        working.cancel()
        with suppress(
            Exception, asyncio.CancelledError
        ):  # what it raised has been raised above, if it was done
            await working


async def _left(receive: Receive) -> None:
    while not (await receive())["type"].endswith(".disconnect"):
        continue
