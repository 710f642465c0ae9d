"""Images and containers, by Docker's own command."""

import json
import shutil
import subprocess
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.kits.pods import Pod, running

__all__ = ["Image", "NoDockerError", "docker", "ended", "require_docker"]

ROOT = Path(__file__).resolve().parents[2]
# What RunPod, or localpod instead, sets for a container.
PASSED = (
    "RUNPOD_WEBHOOK_GET_JOB", "RUNPOD_WEBHOOK_POST_OUTPUT", "RUNPOD_WEBHOOK_POST_STREAM",
    "RUNPOD_WEBHOOK_PING", "RUNPOD_PING_INTERVAL", "RUNPOD_POD_ID", "RUNPOD_ENDPOINT_ID", "RUNPOD_AI_API_KEY",
    "RUNPOD_SKIP_AUTO_SYSTEM_CHECKS", "RUNPOD_SKIP_GPU_CHECK", "PORT", "PORT_HEALTH",
)  # fmt: skip


class NoDockerError(Exception):
    """There is no Docker that answers; the message is one line."""


def require_docker() -> None:
    """Do nothing if Docker is here and answers.

    Raises:
        NoDockerError: It is not, or does not.
    """
    if shutil.which("docker") is None:
        raise NoDockerError("docker is missing: the image is built with it (docs/start/deploy.md)")
    done = subprocess.run(["docker", "info"], capture_output=True, text=True, check=False)
    if done.returncode:
        problem = done.stderr.strip().splitlines()[-1:] or ["no answer"]
        raise NoDockerError(f"docker does not answer: {problem[0]}")


def docker(*arguments: str) -> str:
    """Run one of Docker's commands in the repository; return what it prints.

    Raises:
        RuntimeError: It failed; the message ends with its last lines.
    """
    done = subprocess.run(["docker", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        last = "\n".join((done.stdout + done.stderr).strip().splitlines()[-12:])
        raise RuntimeError(f"docker {arguments[0]} failed:\n{last}")
    return done.stdout


@dataclass(frozen=True, slots=True)
class Image:
    """An image that was built, and the engine that it names."""

    tag: str
    engine: str

    def unpacked(self) -> int:
        """Return its size in bytes."""
        return int(docker("image", "inspect", "-f", "{{.Size}}", self.tag))

    def layers(self) -> list[tuple[int, str]]:
        """Return the bytes of each layer that has any and the step that made it, the lowest first."""
        printed = docker("history", "--no-trunc", "--human=false", "--format", "{{json .}}", self.tag)
        rows = [json.loads(row) for row in reversed(printed.splitlines())]
        steps = [(int(row["Size"]), row["CreatedBy"]) for row in rows]
        return [(size, " ".join(step.split())[:90]) for size, step in steps if size]

    def run(self, *command: str, **env: str) -> tuple[int, str]:
        """Run a command in a container; return its exit status and what it printed."""
        options = [word for name, value in env.items() for word in ("-e", f"{name}={value}")]
        done = subprocess.run(
            ["docker", "run", "--rm", "--network", "host", *options, self.tag, *command],
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout + done.stderr

    @contextmanager
    def serving(self, volume: Path, *options: str, **env: str) -> Iterator[Pod]:
        """Run localpod with containers of this image as its workers and a folder as their volume."""
        label = f"chatterpod-check={uuid.uuid4().hex[:8]}"
        given = {"TTS_DEVICE": "cpu", "TTS_CACHE_DIR": "/runpod-volume/tts_cache", **env}
        words = ["docker", "run", "--rm", "--network", "host", "--label", label]
        words += ["-v", f"{volume}:/runpod-volume"]
        words += [word for name in PASSED for word in ("-e", name)]
        words += [word for name, value in given.items() for word in ("-e", f"{name}={value}")]
        try:
            with running(volume, "--command", " ".join([*words, self.tag]), *options) as pod:
                yield pod
        finally:
            for name in docker("ps", "-aq", "--filter", f"label={label}").split():
                docker("rm", "-f", name)

    @contextmanager
    def container(self, **env: str) -> Iterator[str]:
        """Run a container in the background, and remove it at the end; yield its id."""
        options = [word for name, value in env.items() for word in ("-e", f"{name}={value}")]
        name = docker("run", "-d", "--network", "host", *options, self.tag).strip()
        try:
            yield name
        finally:
            docker("rm", "-f", name)


def ended(container: str) -> tuple[int, float]:
    """Ask a container to end as RunPod does; return its exit status and the seconds that took."""
    began = time.monotonic()
    docker("kill", "--signal", "TERM", container)
    status = int(docker("wait", container))
    return status, time.monotonic() - began
