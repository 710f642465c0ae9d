"""Where the endpoint is and who asks: from arguments, else from RunPod's own variables."""

import os
from dataclasses import dataclass, field

from chatterpod.errors import AuthError

__all__ = ["Config", "configured"]

BASE_URL = "https://api.runpod.ai/v2"


@dataclass(frozen=True, slots=True)
class Config:
    """One endpoint; the key is left out of the repr."""

    endpoint_id: str
    base_url: str
    api_key: str = field(repr=False)

    @property
    def url(self) -> str:
        """The address that the operations' names are appended to."""
        return f"{self.base_url.rstrip('/')}/{self.endpoint_id}"


def configured(endpoint_id: str | None, api_key: str | None, base_url: str | None) -> Config:
    """Return the configuration: arguments first, then RUNPOD_ENDPOINT_ID and the others.

    Raises:
        AuthError: There is no endpoint or no key.
    """
    endpoint_id = endpoint_id or os.environ.get("RUNPOD_ENDPOINT_ID")
    api_key = api_key or os.environ.get("RUNPOD_API_KEY")
    base_url = base_url or os.environ.get("RUNPOD_ENDPOINT_BASE_URL") or BASE_URL
    if not endpoint_id:
        raise AuthError("no endpoint: pass endpoint_id, or set RUNPOD_ENDPOINT_ID")
    if not api_key:
        raise AuthError("no API key: pass api_key, or set RUNPOD_API_KEY")
    return Config(endpoint_id, base_url, api_key)
