"""The command: python -m tests.programs. Programs that people run, unmodified, through gateway and worker.

Each speaks a text whole, and leaves a long one in the middle: its job has to be cancelled. The voice is
the preview engine's. `make clients` installs the programs in .clients/ and runs this.
"""

import base64
import functools
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import httpx

from bench.endpoints import Endpoint, endpoint
from tests.kits.browsers import chromium
from tests.kits.edge_functions import free_port, function
from tests.kits.openai_bodies import BODIES
from tests.kits.pods import gatewaying
from tests.kits.supabase import ANON_KEY, SERVICE_KEY, USER_TOKEN, supabase

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / ".clients"
TOKEN = "a-token-of-sixteen-or-more"
TEXT = "The harbour was quiet that morning, and only the gulls had opinions."
LONG = " ".join(
    f"A ferry left for the islands at {n} minutes past nine, as it did every day." for n in range(90)
)
LEAVES_S = 20  # until a job that nobody reads has to be cancelled

PAGE = """
const { default: OpenAI } = await import("/node_modules/openai/index.mjs");
const options = { baseURL: "$URL/v1", apiKey: "$TOKEN", dangerouslyAllowBrowser: true, maxRetries: 0 };
const client = new OpenAI(options);
const ask = { model: "tts-1", voice: "alloy", response_format: "pcm" };
const answer = await client.audio.speech.create({ ...ask, input: $TEXT, user: "page" });
const whole = (await answer.arrayBuffer()).byteLength;
const leaving = new AbortController();
const long = await client.audio.speech.create({ ...ask, input: $LONG }, { signal: leaving.signal });
const { value } = await long.body.getReader().read();
leaving.abort();
const models = [];
for await (const model of client.models.list()) models.push(model.id);
return { whole, cut: value.length, models, ignored: answer.headers.get("X-Gateway-Ignored") };
"""


class QuietHandler(SimpleHTTPRequestHandler):
    """Serves files, modules with the type that browsers want."""

    extensions_map = {**SimpleHTTPRequestHandler.extensions_map, ".mjs": "text/javascript"}  # noqa: RUF012

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Log nothing."""


@contextmanager
def site(folder: Path) -> Iterator[str]:
    """Serve a folder on an origin of its own."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(QuietHandler, directory=str(folder)))
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def by_script(name: str, url: str) -> dict[str, Any]:
    """Run a program's script in the programs' own environment; return what it prints last."""
    script = Path(__file__).parent / name
    command = [str(FOLDER / "venv/bin/python"), str(script), url, TOKEN, TEXT, LONG]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    if done.returncode:
        raise RuntimeError(f"{name} failed:\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}")
    found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


def by_browser(url: str) -> dict[str, Any]:
    """Run OpenAI's JavaScript package in Chromium, in a page of another origin."""
    values = {"URL": url, "TOKEN": TOKEN, "TEXT": json.dumps(TEXT), "LONG": json.dumps(LONG)}
    body = PAGE
    for name, value in values.items():
        body = body.replace(f"${name}", value)
    with tempfile.TemporaryDirectory() as profile, site(FOLDER) as origin, chromium(Path(profile)) as page:
        page.open(f"{origin}/node_modules/openai/package.json")
        found: dict[str, Any] = page.run(body)
    return found


PROGRAMS: dict[str, Callable[[str], dict[str, Any]]] = {
    "openai (Python)": functools.partial(by_script, "openai_speaks.py"),
    "openai (JavaScript, Chromium)": by_browser,
    "pipecat-ai": functools.partial(by_script, "pipecat_speaks.py"),
    "livekit-agents": functools.partial(by_script, "livekit_speaks.py"),
}


def main() -> int:
    """Run all programs; print a line each; return 1 if one fails."""
    failed = 0
    with (
        tempfile.TemporaryDirectory() as folder,
        endpoint(TTS_CACHE_DIR=folder, TTS_ENGINE="preview") as pod,
        gatewaying(pod.url, GATEWAY_TOKENS=TOKEN, GATEWAY_ORIGINS="*") as (url, _),
    ):
        expected = samples(url, TEXT)
        for name, run in PROGRAMS.items():
            began = time.monotonic()
            problem = check(run, url, pod, expected)
            failed += bool(problem)
            sys.stdout.write(
                f"{name:32} {problem or 'whole, cancelled'} ({time.monotonic() - began:.1f} s)\n"
            )
            sys.stdout.flush()
        began = time.monotonic()
        problem = by_supabase(pod, Path(folder))
        failed += bool(problem)
        sys.stdout.write(f"{'supabase-js':32} {problem or 'whole'} ({time.monotonic() - began:.1f} s)\n")
        refused = [name for name in BODIES if not is_spoken(url, BODIES[name])]
        sys.stdout.write(f"{'bodies of other programs':32} {len(BODIES) - len(refused)} of {len(BODIES)}\n")
    return int(bool(failed or refused))


def check(run: Callable[[str], dict[str, Any]], url: str, pod: Endpoint, expected: int) -> str:
    """Run a program; return what is wrong, if anything is."""
    before = cancelled(pod)
    try:
        found = run(url)
    except (RuntimeError, AssertionError, OSError) as error:
        return str(error)
    problems = [
        f"{name}: {found[name]} bytes, expected {expected}"
        for name in ("whole", "wav", "events")
        if name in found and not is_whole(found[name], expected)
    ]
    end = time.monotonic() + LEAVES_S
    while cancelled(pod) == before and time.monotonic() < end:
        time.sleep(0.1)
    if cancelled(pod) == before:
        problems.append("the speech that it left was not cancelled")
    return "; ".join(problems)


def by_supabase(pod: Endpoint, folder: Path) -> str:
    """Have supabase-js call the Edge Function, in Deno, with a stand-in for Auth; return what is wrong."""
    port, log = free_port(), list[str]()
    with supabase() as base:
        env = {
            "RUNPOD_ENDPOINT_ID": "local",
            "RUNPOD_API_KEY": "any",
            "RUNPOD_ENDPOINT_BASE_URL": f"{pod.url}/v2",
            "SUPABASE_URL": base.url,
            "SUPABASE_ANON_KEY": ANON_KEY,
            "SUPABASE_SERVICE_ROLE_KEY": SERVICE_KEY,
            "PODCAST_WEBHOOK_SECRET": "a-secret-of-twenty-four-letters",
            "DENO_DIR": str(folder / "deno"),
        }
        with function("podcast_generate_audio", port, env, log) as url:
            script = str(Path(__file__).parent / "supabase_speaks.mjs")
            command = ["node", script, str(FOLDER), url.rpartition("/")[0], USER_TOKEN, TEXT]
            done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    if done.returncode:
        return f"failed: {done.stderr[-1000:]}"
    found = json.loads(done.stdout)
    audio = base64.b64decode(found["audio"])
    problems = {
        "no worker was warmed": found["warming"] is not True,
        "the blob is not an MP3 with tags": not audio.startswith(b"ID3"),
        "the audio beside the captions is another": found["beside"] != found["audio"],
        "the captions are not the text": " ".join(found["captions"]) != TEXT,
    }
    return "; ".join(problem for problem, is_so in problems.items() if is_so)


def is_whole(size: int, expected: int) -> bool:
    """Whether samples are all; those decoded from an MP3 have its delay and padding too."""
    return size == expected or 0 < size - expected < 6_000


def samples(url: str, text: str) -> int:
    """Return the bytes of a text's samples."""
    body = {"input": text, "response_format": "pcm", "stream": False}
    answer = httpx.post(f"{url}/v1/audio/speech", json=body, headers=authorization(), timeout=120)
    return len(answer.raise_for_status().content)


def is_spoken(url: str, body: dict[str, Any]) -> bool:
    """Whether a body is answered with audio; the preview engine has one voice and language."""
    body = {name: value for name, value in body.items() if not (name == "voice" and isinstance(value, dict))}
    answer = httpx.post(f"{url}/v1/audio/speech", json=body, headers=authorization(), timeout=120)
    return answer.status_code == 200 and len(answer.content) > 5_000


def authorization() -> dict[str, str]:
    """Return the headers of a client."""
    return {"Authorization": f"Bearer {TOKEN}"}


def cancelled(pod: Endpoint) -> int:
    """Return how many jobs were cancelled at the endpoint."""
    jobs = pod.http.get(f"{pod.url}/localpod/state").json()["jobs"]
    return sum(job["status"] == "CANCELLED" for job in jobs)


if __name__ == "__main__":
    sys.exit(main())
