"""The options of an endpoint, queue or load balancer, and the environment of its workers."""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass

__all__ = [
    "ENDPOINT",
    "WORKER_KEY",
    "BalancerOptions",
    "EndpointOptions",
    "balanced_environment",
    "ping_path",
    "worker_environment",
]

ENDPOINT = "local"
WORKER_KEY = "worker_key"  # in the queries of a worker's addresses
PING_INTERVAL_MS = 1000  # the SDK divides by 1000 and rounds down: less would ping without a pause


@dataclass(frozen=True, kw_only=True)
class EndpointOptions:
    """How the endpoint behaves; durations in seconds."""

    workers: int = 1
    idle_timeout_s: float = 5.0
    execution_timeout_s: float = 600.0
    queue_delay_s: float = 4.0  # how long a job waits before another worker is started
    api_key: str | None = None  # None: any key is accepted
    command: tuple[str, ...] = (sys.executable, "-m", "worker")
    retries: int = 1  # how often a job whose worker was lost is handed out again
    faults: tuple[tuple[str, float], ...] = ()  # in force from the start, see `faults`
    base_url: str = "http://127.0.0.1:8008"
    worker_key: str | None = None  # in the addresses that workers are given; None: whoever asks is a worker


@dataclass(frozen=True, kw_only=True)
class BalancerOptions:
    """How the load balancer behaves; durations in seconds. RunPod's own limits are the defaults."""

    workers_min: int = 0
    workers: int = 1  # at most
    requests: int = 16  # in flight for each worker: what it scales by, and the most that one worker gets
    idle_timeout_s: float = 5.0
    api_key: str | None = None  # None: any key is accepted
    # Told where to listen, since a worker at RunPod listens on all addresses.
    command: tuple[str, ...] = (sys.executable, "-m", "gateway.direct", "--host", "127.0.0.1")
    wait_s: float = 120.0  # of a request for a worker
    strict_wait_s: float = 300.0  # of a request for the worker that it names
    request_s: float = 330.0  # of a request at its worker; also what a worker gets to finish what it does
    body_bytes: int = 30_000_000  # each way
    silent_s: float = 480.0  # of a worker that answers no ping, after which it is stopped
    ping_every_s: float = 0.5


def worker_environment(
    options: EndpointOptions, worker_id: str, own: Mapping[str, str] = os.environ
) -> dict[str, str]:
    """Return a worker's environment: `own`, with what RunPod sets for a container."""
    api = f"{options.base_url}/v2/{ENDPOINT}"
    query = "gpu=local"  # the SDK appends `&…`: every address needs a `?`
    if options.worker_key is not None:
        query += f"&{WORKER_KEY}={options.worker_key}"
    return {
        **own,
        "RUNPOD_WEBHOOK_GET_JOB": f"{api}/job-take/$ID?{query}",
        "RUNPOD_WEBHOOK_POST_OUTPUT": f"{api}/job-done/$RUNPOD_POD_ID/$ID?{query}",
        "RUNPOD_WEBHOOK_POST_STREAM": f"{api}/job-stream/$RUNPOD_POD_ID/$ID?{query}",
        "RUNPOD_WEBHOOK_PING": f"{api}/ping/$RUNPOD_POD_ID?{query}",
        "RUNPOD_PING_INTERVAL": str(PING_INTERVAL_MS),
        "RUNPOD_POD_ID": worker_id,
        "RUNPOD_ENDPOINT_ID": ENDPOINT,
        "RUNPOD_AI_API_KEY": options.api_key or "localpod",
        # These checks end the process if there is no GPU or no internet.
        "RUNPOD_SKIP_AUTO_SYSTEM_CHECKS": "true",
        "RUNPOD_SKIP_GPU_CHECK": "true",
    }


def balanced_environment(worker_id: str, port: int, own: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return a load-balancing worker's environment: `own`, with what RunPod sets for a container."""
    return {
        **own,
        "PORT": str(port),
        "PORT_HEALTH": str(port),
        "RUNPOD_POD_ID": worker_id,
        "RUNPOD_ENDPOINT_ID": ENDPOINT,
    }


def ping_path(own: Mapping[str, str] = os.environ) -> str:
    """Return the path of a worker's health."""
    return own.get("HEALTH_CHECK_PATH", "/ping")
