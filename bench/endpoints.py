"""Endpoints on this machine, and a client that notes when records arrive."""

import shlex
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from bench.running import running

__all__ = ["Endpoint", "endpoint"]

FINAL = {"COMPLETED", "FAILED", "CANCELLED", "TIMED_OUT"}


class Endpoint:
    """One local endpoint, spoken to over one connection."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.http = httpx.Client(
            base_url=f"{url}/v2/local", headers={"Authorization": "Bearer any"}, timeout=120
        )

    def arrivals(self, given: dict[str, Any]) -> list[tuple[float, dict[str, Any]]]:
        """Run a job; return its records, each with the ms from POST /run to its arrival."""
        began = time.perf_counter()
        job = self.http.post("/run", json={"input": given}).json()["id"]
        seen: list[tuple[float, dict[str, Any]]] = []
        while True:
            reply = self.http.get(f"/stream/{job}").json()
            now = (time.perf_counter() - began) * 1000
            seen += [(now, item["output"]) for item in reply["stream"]]
            if seen and seen[-1][1].get("final"):
                return seen
            if reply["status"] in FINAL and not reply["stream"]:
                raise RuntimeError(f"the job ended without its last record: {reply}")

    def first_ms(self, given: dict[str, Any]) -> float:
        """Return the ms from POST /run to the first record."""
        return self.arrivals(given)[0][0]

    def workers(self) -> list[int]:
        """Return the process ids of the endpoint's workers."""
        state = self.http.get(f"{self.url}/localpod/state").json()
        return [worker["pid"] for worker in state["workers"] if worker.get("pid")]


@contextmanager
def endpoint(*command: str, **env: str) -> Iterator[Endpoint]:
    """Run localpod with workers of this command, by default ours, with these settings."""
    settings = ["env", *(f"{name}={value}" for name, value in env.items())]
    started = shlex.join([*settings, sys.executable, *(command or ("-m", "worker"))])
    with running("--idle-timeout", "300", "--command", started) as url:
        made = Endpoint(url)
        try:
            yield made
        finally:
            made.http.close()
