"""RunPod's queue of one endpoint, through the Python client."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import Any

from chatterpod import AsyncClient, Chunk, ConfigError, Incomplete, NotFound

from gateway.errors import GatewayStartError
from gateway.settings import GatewaySettings

__all__ = ["RunPodQueue"]


class RunPodQueue:
    """The queue of one endpoint, called with the gateway's own key.

    Raises:
        GatewayStartError: The settings' endpoint, key or base URL is missing or wrong.
    """

    def __init__(self, settings: GatewaySettings) -> None:
        try:
            self._client = AsyncClient(settings.endpoint_id, settings.api_key, settings.base_url)
        except ConfigError as error:
            raise GatewayStartError(str(error)) from error

    async def submit(self, job_input: Mapping[str, Any]) -> str:
        """Queue a job and return its id."""
        return (await self._client.submit(**job_input)).id

    async def receive(self, job: str) -> AsyncGenerator[Chunk, None]:
        """Yield a job's chunks as they come."""
        try:
            async with aclosing(self._client.receive(job)) as chunks:
                async for chunk in chunks:
                    yield chunk
        except NotFound:  # the endpoint exists, since it took the job: the job is missing
            raise Incomplete("the endpoint does not know the job any more") from None

    async def cancel(self, job: str) -> None:
        """Cancel a job, queued or running."""
        await self._client.cancel(job)

    async def operate(self, op: str, **fields: str) -> Mapping[str, Any]:
        """Run one of the worker's operations; return its record."""
        return await self._client.operate(op, **fields)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()
