"""The ways an image is used; each returns what is worth printing, and fails by an assertion."""

import base64
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

from tests.image.containers import Image, docker, ended
from tests.kits.clips import wav
from tests.kits.edge_functions import free_port
from tests.kits.timing import until

__all__ = ["USES"]

TEXT = "The harbour was quiet that morning, and only the gulls had opinions. Nobody answered them."
START_SECONDS = 120.0
TOKEN = "a-token-of-sixteen-or-more"


def only(reply: dict[str, Any]) -> dict[str, Any]:
    """Return the one record of a job that is completed."""
    assert reply["status"] == "COMPLETED", reply
    [record] = reply["output"]
    assert isinstance(record, dict)
    return record


def speaks(image: Image, volume: Path) -> str:
    """A job speaks whole, and the next one streams; both from nothing."""
    began = time.monotonic()
    with image.serving(volume) as pod:
        record = only(pod.runsync({"text": TEXT}))
        first = time.monotonic() - began
        assert (record["engine"], record["cache_hit"]) == (image.engine, False)
        assert base64.b64decode(record["audio_base64"]).startswith(b"ID3")
        job = pod.submit({"text": TEXT, "seed": 1})
        records = [record for items in pod.stream(job) for record in items]
    assert len(records) > 1
    assert records[-1]["final"]
    return f"first job answered {first:.1f} s after nothing ran"


def remembers(image: Image, volume: Path) -> str:
    """A container that replaced another answers from the volume, byte for byte."""
    with image.serving(volume) as pod:
        before = only(pod.runsync({"text": TEXT}))
    with image.serving(volume) as pod:
        after = only(pod.runsync({"text": TEXT}))
    assert after["cache_hit"]
    assert after["audio_base64"] == before["audio_base64"]
    return ""


def learns(image: Image, volume: Path) -> str:
    """A voice is learned from a clip, and speaks."""
    clip = base64.b64encode(wav(seconds=6)).decode()
    with image.serving(volume) as pod:
        added = only(pod.runsync({"op": "voice_add", "name": "anna", "clip_base64": clip}))
        assert added["name"] == "anna"
        assert only(pod.runsync({"text": TEXT, "voice": "anna"}))["duration_ms"] > 0
    return ""


def checks(image: Image, _: Path) -> str:
    """`--check` passes on a processor."""
    status, printed = image.run("python", "-m", "worker", "--check", TTS_DEVICE="cpu")
    assert status == 0, printed
    return ""


def lacks_a_gpu(image: Image, _: Path) -> str:
    """A GPU that is demanded and not there ends the start with one line."""
    status, printed = image.run()
    last = printed.strip().splitlines()[-1]
    assert status != 0
    assert "Traceback" not in printed
    assert "TTS_DEVICE" in last or "GPU" in last or "cuda" in last, printed
    return last


def ends_politely(image: Image, volume: Path) -> str:
    """A worker that is asked to end finishes its job first."""
    with image.serving(volume) as pod:
        only(pod.runsync({"text": "Be there."}))
        job = pod.submit({"text": TEXT * 4, "cache": "off"})
        until(lambda: pod.status(job)["status"] == "IN_PROGRESS", START_SECONDS)
        [name] = docker("ps", "-q", "--filter", f"ancestor={image.tag}").split()
        docker("kill", "--signal", "TERM", name)
        assert pod.finished(job, START_SECONDS)["status"] == "COMPLETED"
    return ""


def serves_directly(image: Image, _: Path) -> str:
    """In direct mode a container answers 204 while it loads, then 200, speaks, and ends with 0."""
    port, began = free_port(), time.monotonic()
    url = f"http://127.0.0.1:{port}"
    env = {"TTS_MODE": "direct", "TTS_DEVICE": "cpu", "PORT": str(port), "GATEWAY_TOKENS": TOKEN}
    with image.container(**env) as container:
        seen: dict[int, float] = {}

        def is_ready() -> bool:
            status = pinged(url)
            if status:
                seen.setdefault(status, time.monotonic() - began)
            return status == 200

        until(is_ready, START_SECONDS)
        body = {"input": TEXT, "response_format": "mp3"}
        headers = {"Authorization": f"Bearer {TOKEN}"}
        answer = httpx.post(f"{url}/v1/audio/speech", json=body, headers=headers, timeout=START_SECONDS)
        assert answer.status_code == 200, answer.text
        assert len(answer.content) > 4_000
        status, seconds = ended(container)
    assert status == 0
    return ", ".join(f"{code} after {at:.1f} s" for code, at in seen.items()) + f"; ended in {seconds:.1f} s"


def pinged(url: str) -> int:
    """Return the status of /ping, 0 if nothing answers."""
    try:
        return httpx.get(f"{url}/ping", timeout=2).status_code
    except httpx.TransportError:
        return 0


USES: dict[str, Callable[[Image, Path], str]] = {
    "speaks and streams": speaks,
    "a replaced container's cache": remembers,
    "learns a voice": learns,
    "--check": checks,
    "a GPU that is not there": lacks_a_gpu,
    "ends its job at SIGTERM": ends_politely,
    "direct mode": serves_directly,
}
