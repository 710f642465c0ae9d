"""The two kinds of endpoints, and what a new one of each is like; as `deploying` has settings. Pure."""

from collections.abc import Mapping
from typing import Any

from chatterpod.errors import ConfigError

__all__ = ["DEFAULTS", "IDLE_S", "check_kind", "defaults_of"]

IDLE_S = 15  # how long a worker waits for more jobs, which is paid; `chatterpod cost` uses it too
DEFAULTS: Mapping[str, Any] = {
    "type": "QUEUE",
    "disk": 20,  # GB, beside the image
    "env": {"RUNPOD_LOG_LEVEL": "INFO"},  # the SDK's own default writes texts into the log
    "gpu.pools": ["AMPERE_16", "AMPERE_24"],
    "gpu.count": 1,
    "gpu.minCudaVersion": "12.4",  # of requirements/chatterbox.txt's torch
    "workers.min": 0,
    "workers.max": 3,
    "workers.idleTimeout": IDLE_S,
    "scaling": {"type": "QUEUE_DELAY", "queueDelay": 4},  # s
    "timeout": 600_000,  # ms
    "flashboot": "FLASHBOOT",
}
BALANCED: Mapping[
    str, Any
] = {  # what a load balancer has instead; RunPod ends its requests after 5.5 minutes
    **{name: value for name, value in DEFAULTS.items() if name != "timeout"},
    "type": "LOAD_BALANCER",
    "env": {**DEFAULTS["env"], "TTS_MODE": "direct", "PORT": "80", "PORT_HEALTH": "80"},
    "ports": ["80/http"],
    "scaling": {"type": "REQUEST_COUNT", "requestCount": 16},  # an engine's slots on a GPU
}
KINDS = {"QUEUE": "a queue", "LOAD_BALANCER": "a load balancer"}


def defaults_of(kind: str) -> Mapping[str, Any]:
    """Return the settings of a new endpoint of this kind."""
    return BALANCED if kind == "LOAD_BALANCER" else DEFAULTS


def check_kind(name: str, settings: Mapping[str, Any], there: Mapping[str, Any] | None) -> None:
    """Check that the settings are for the kind of endpoint that it is or will be.

    Raises:
        ConfigError: The endpoint is of another kind, or a setting is only for the other kind.
    """
    kind = (there or {}).get("type") or settings.get("type") or "QUEUE"
    if settings.get("type", kind) != kind:
        raise ConfigError(f"the endpoint {name!r} is {KINDS.get(kind, kind)}: choose another --name")
    if kind != "LOAD_BALANCER":
        return
    if settings.get("scaling", {}).get("type") == "QUEUE_DELAY":
        raise ConfigError("a load balancer has no queue: choose --requests instead of --queue-delay")
    for option, setting in (("--idle", "workers.idleTimeout"), ("--timeout", "timeout")):
        if setting in settings:
            raise ConfigError(f"{option} is for a queue: RunPod has its own for a load balancer")
