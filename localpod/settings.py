"""The endpoint's options, and the environment of its workers."""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["ENDPOINT", "EndpointOptions", "worker_environment"]

ENDPOINT = "local"
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


def worker_environment(
    options: EndpointOptions, worker_id: str, own: Mapping[str, str] = os.environ
) -> dict[str, str]:
    """Return a worker's environment: `own`, with what RunPod sets for a container."""
    api = f"{options.base_url}/v2/{ENDPOINT}"
    query = "gpu=local"  # the SDK appends `&…`: every address needs a `?`
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
