"""A real endpoint on this machine: localpod, RunPod's SDK, the worker; nothing in between is a fake."""

import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from tests.kits.timing import SECOND, until

__all__ = [
    "FINAL",
    "HEADERS",
    "Pod",
    "address",
    "gatewaying",
    "running",
    "started",
    "until",
]

HEADERS = {"Authorization": "Bearer any"}
FINAL = {"COMPLETED", "FAILED", "CANCELLED", "TIMED_OUT"}


def connections() -> httpx.Client:
    """Return what keeps its connections: a client for each request costs more than what is tested."""
    limits = httpx.Limits(max_connections=None, keepalive_expiry=2.0)  # sooner than localpod closes them
    return httpx.Client(headers=HEADERS, timeout=100 * SECOND, limits=limits, trust_env=False)


@dataclass
class Pod:
    """A running localpod, its worker's log, and the few calls that the tests make, from any thread."""

    url: str
    pid: int = 0
    log: list[str] = field(default_factory=list)
    http: httpx.Client = field(default_factory=connections)

    def call(self, method: str, path: str, **options: Any) -> Any:
        return self.http.request(method, self.url + path, **options).json()

    def submit(self, given: Any) -> str:
        return str(self.call("POST", "/run", json={"input": given})["id"])

    def runsync(self, given: Any) -> Any:
        return self.call("POST", "/runsync", content=json.dumps({"input": given}))

    def status(self, job: str) -> Any:
        return self.call("GET", f"/status/{job}")

    def stream(self, job: str) -> Iterator[list[dict[str, Any]]]:
        """Yield what each GET of /stream brings, as long as it brings something new."""
        while True:
            reply = self.call("GET", f"/stream/{job}")
            items = [item["output"] for item in reply["stream"]]
            if items:
                yield items
            elif reply["status"] in FINAL:
                return

    def finished(self, job: str, seconds: float = 60) -> Any:
        """Return the job when it is final; fail when it does not come to that."""

        def ended() -> Any:
            told = self.call("GET", f"/status-sync/{job}?wait={min(seconds, 20) * 1000:.0f}")
            return told["status"] in FINAL and told

        return until(ended, seconds)

    def text_of_log(self) -> str:
        return "\n".join(self.log)


@contextmanager
def running(folder: Path, *options: str, **env: str) -> Iterator[Pod]:
    """Run localpod with settings for its workers; stop it at the end."""
    settings = {"TTS_CACHE_DIR": str(folder), "PYTHONUNBUFFERED": "1"} | env
    pod = Pod("")
    with started(("-m", "localpod", "--port", "0", *options), settings, pod.log) as process:
        pod.pid = process.pid
        pod.url = until(lambda: address(pod.log)) + "/v2/local"
        try:
            yield pod
        finally:
            pod.http.close()


@contextmanager
def gatewaying(
    pod: str, *command: str, key: str = "any", endpoint: str = "local", **env: str
) -> Iterator[tuple[str, list[str]]]:
    """Run the gateway before an endpoint; yield its address, and its log, which is whole at the end.

    Args:
        pod: The address of the endpoint's platform.
        command: What runs it, if not `-m gateway`.
        key: RunPod's, as the gateway has it.
        endpoint: The endpoint's id.
        env: More settings of the gateway.
    """
    given = {"RUNPOD_ENDPOINT_ID": endpoint, "RUNPOD_API_KEY": key, "RUNPOD_ENDPOINT_BASE_URL": f"{pod}/v2"}
    log: list[str] = []
    with started((*(command or ("-m", "gateway")), "--port", "0"), given | env, log):
        yield until(lambda: address(log)), log


@contextmanager
def started(arguments: Sequence[str], env: dict[str, str], log: list[str]) -> Iterator[subprocess.Popen[str]]:
    """Run this Python; its output goes to `log`, and at the end it is stopped and has ended."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith(("TTS_", "RUNPOD_"))}
    process = subprocess.Popen(
        [sys.executable, *arguments],
        env=ours | env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    out = process.stdout
    assert out is not None
    reader = threading.Thread(target=lambda: log.extend(line.rstrip() for line in out))
    reader.start()
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(30 * SECOND)
        finally:
            process.kill()
            reader.join(30 * SECOND)
        out.close()


def address(log: list[str]) -> str | None:
    """Return the address that a server says in its log, once it has."""
    found = (re.search(r"http://127\.0\.0\.1:\d+", line) for line in list(log))
    return next((match[0] for match in found if match), None)
