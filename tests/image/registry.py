"""A registry on this machine, for what an image weighs when it is pulled."""

import json
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from tests.image.containers import Image, docker
from tests.kits.edge_functions import free_port
from tests.kits.timing import until

__all__ = ["pulled_bytes"]

PROGRAM = "docker-registry"  # Debian's package and its command
MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"


@contextmanager
def registry() -> Iterator[str]:
    """Run a registry that keeps its files until the end; yield its host and port."""
    host = f"127.0.0.1:{free_port()}"
    with tempfile.TemporaryDirectory(prefix="registry-") as folder:
        config = Path(folder) / "config.json"  # JSON is YAML
        storage = {"filesystem": {"rootdirectory": f"{folder}/files"}}
        config.write_text(json.dumps({"version": 0.1, "storage": storage, "http": {"addr": host}}))
        with subprocess.Popen(
            [PROGRAM, "serve", str(config)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ) as process:
            try:
                until(lambda: answers(host))
                yield host
            finally:
                process.terminate()


def answers(host: str) -> bool:
    """Whether the registry is there."""
    try:
        return httpx.get(f"http://{host}/v2/").status_code == 200
    except httpx.TransportError:
        return False


def pulled_bytes(image: Image) -> list[int] | None:
    """Push an image to a registry here; return the bytes of its layers as they are pulled, the lowest first.

    None where Debian's docker-registry is not installed.
    """
    if shutil.which(PROGRAM) is None:
        return None
    with registry() as host:
        name = f"{host}/{image.tag}"
        docker("tag", image.tag, name)
        try:
            docker("push", name)
        finally:
            docker("rmi", name)
        repository, tag = image.tag.split(":")
        answer = httpx.get(f"http://{host}/v2/{repository}/manifests/{tag}", headers={"Accept": MANIFEST})
    return [layer["size"] for layer in answer.raise_for_status().json()["layers"]]
