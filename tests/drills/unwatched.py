"""A gateway that does not notice when a client leaves: python -m tests.drills.unwatched, as `gateway`."""

import sys

from starlette.types import ASGIApp, Receive, Scope, Send

from gateway import __main__ as entry
from gateway import app


class Unwatched:
    """Stands where `ClientWatch` does, and watches nobody."""

    def __init__(self, app: ASGIApp, **_: object) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app(scope, receive, send)


if __name__ == "__main__":
    setattr(app, "ClientWatch", Unwatched)  # noqa: B010 - a name that the module only imports
    sys.exit(entry.main())
