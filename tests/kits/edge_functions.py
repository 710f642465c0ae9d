"""Supabase's Edge Functions of this project, served by the real Deno."""

import os
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from tests.kits.javascript import ROOT, deno
from tests.kits.timing import until

__all__ = ["FUNCTIONS", "free_port", "function"]

FUNCTIONS = ROOT / "clients" / "supabase" / "functions"


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


@contextmanager
def function(name: str, port: int, env: dict[str, str], log: list[str]) -> Iterator[str]:
    """Serve one function as Supabase does: its index, with the configuration beside it."""
    allowed = ["--allow-net", "--allow-env", "--no-lock", "--config", str(FUNCTIONS / "deno.json")]
    surroundings = {**os.environ, **env, "DENO_SERVE_ADDRESS": f"tcp:127.0.0.1:{port}", "NO_COLOR": "1"}
    with subprocess.Popen(
        [deno(), "run", *allowed, str(FUNCTIONS / name / "index.ts")],
        env=surroundings,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        out = process.stdout
        assert out is not None
        reader = threading.Thread(target=lambda: log.extend(line.rstrip() for line in out))
        reader.start()
        try:
            until(lambda: any("Listening" in line for line in log))
            yield f"http://127.0.0.1:{port}/{name}"
        finally:
            process.terminate()
            process.wait(20)
            reader.join(20)
