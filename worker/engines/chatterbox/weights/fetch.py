"""The released files, from the hub over plain HTTP(S), without a token and without the hub's package.

`python -m worker.engines.chatterbox.weights.fetch FOLDER` brings what `weights.lock` pins, checked by size
and SHA-256, `--weights main` the newest, whose lock it prints; `--lock FILE` only writes the newest's
lock. `--model` names another model, whose lock is `weights-MODEL.lock`. The folder appears whole or not at
all. `HF_ENDPOINT` names another hub, as for huggingface_hub.
"""

import argparse
import errno
import hashlib
import json
import shutil
import sys
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx

from worker.engines.chatterbox.catalogue import MODELS, TURBO
from worker.engines.chatterbox.files import MANIFEST
from worker.engines.chatterbox.model import Model
from worker.engines.chatterbox.weights.lock import (
    Lock,
    Pin,
    listing,
    locked,
    revision_of,
)
from worker.errors import StartError
from worker.settings import HUB, model_hub

__all__ = ["fetch", "newest"]

# Why not huggingface_hub: 1.33 was tried against the tests' hub. It knows no pins, so size and hash stay
# ours; after a reset (httpx.ReadError) it begins the file anew; where a server cuts and knows no ranges it
# goes on until the recursion limit, hundreds of downloads later; its retries and errors take several lines.
# What a real hub keeps in Xet goes through hf_xet instead, a second way that no test here could prove.
ATTEMPTS = 4  # in a row that bring less than a piece; a cut connection goes on where it was cut
PIECE = 2**20  # bytes
SHORT = {model.short: model for model in MODELS.values()}
TIMEOUT = httpx.Timeout(60.0)


def newest(hub: str = HUB, revision: str = "main", model: Model = TURBO) -> Lock:
    """Return the lock of a branch's newest revision, a tag's or a commit's, from the hub's own digests.

    Raises:
        StartError: The hub is not reached, or lacks a file.
    """
    with httpx.Client(timeout=TIMEOUT, follow_redirects=True) as client:
        name = quote(revision, safe="")
        answer = asked(client, f"{hub}/api/models/{model.repository}/revision/{name}?blobs=true")
        try:
            described: Any = answer.json()
        except ValueError as error:
            raise StartError(f"{hub} answers with something else than a hub's listing") from error
        commit = revision_of(described)
        return locked(
            commit,
            listing(described, model),
            lambda name: asked(client, address(hub, model.repository, commit, name)).content,
            model.repository,
        )


def asked(client: httpx.Client, url: str) -> httpx.Response:
    """Return a small answer.

    Raises:
        StartError: There is none.
    """
    try:
        return client.get(url).raise_for_status()
    except httpx.HTTPStatusError as error:
        raise StartError(f"{url}: HTTP {error.response.status_code}") from error
    except httpx.HTTPError as error:
        raise StartError(f"{url}: {error or type(error).__name__}") from error


def address(hub: str, repository: str, revision: str, name: str) -> str:
    """Return where a file of a revision is."""
    return f"{hub}/{repository}/resolve/{revision}/{name}"


def fetch(
    lock: Lock, target: Path, hub: str = HUB, report: Callable[[str], None] = print, patience: float = 2.0
) -> None:
    """Bring the lock's files into the new folder `target`.

    Args:
        lock: what to bring.
        target: a folder that does not exist.
        hub: where from.
        report: is given a line for each file.
        patience: seconds before the second attempt at a file; it doubles.

    Raises:
        StartError: Something is missing, cut, wrong or does not fit; nothing is left behind.
    """
    if target.exists():
        raise StartError(f"{target} exists: remove it, or fetch to another folder")
    part = target.with_name(f"{target.name}.{uuid.uuid4().hex}.part")
    try:
        part.mkdir(parents=True)
        room(lock, part)
        with httpx.Client(timeout=TIMEOUT, follow_redirects=True) as client:
            for name, pin in sorted(lock.files.items()):
                url = address(hub, lock.repository, lock.revision, name)
                download(client, url, part / name, pin, patience)
                report(f"{pin.size / 1e6:9.1f} MB  {name}")
        (part / MANIFEST).write_text(json.dumps({"revision": lock.revision}) + "\n", encoding="utf-8")
        part.replace(target)
    except OSError as error:
        full = error.errno in {errno.ENOSPC, errno.EDQUOT}
        raise StartError(f"{target}: {'no space left' if full else error.strerror or error}") from error
    finally:
        shutil.rmtree(part, ignore_errors=True)


def room(lock: Lock, folder: Path) -> None:
    """Check that the files fit.

    Raises:
        StartError: They do not.
    """
    free = shutil.disk_usage(folder).free
    if free < lock.size:
        raise StartError(
            f"the weights need {lock.size / 1e9:.1f} GB, and {folder.parent} has {free / 1e9:.1f} GB free"
        )


def download(client: httpx.Client, url: str, file: Path, pin: Pin, patience: float) -> None:
    """Bring one file, going on after a cut, and check it.

    Raises:
        StartError: It did not come, or is another file.
    """
    trouble, failures, furthest = "", 0, 0
    while failures < ATTEMPTS:
        if failures:
            time.sleep(patience * 2 ** (failures - 1))
        try:
            append(client, url, file, pin.size)
        except httpx.HTTPStatusError as error:
            status = error.response.status_code
            trouble = f"HTTP {status}"
            if status < 500 and status not in {408, 429}:
                break
        except httpx.HTTPError as error:
            trouble = f"the connection was cut or not made ({error or type(error).__name__})"
        else:
            return check(file, pin, url)
        have = length(file)
        failures = 1 if have >= furthest + PIECE else failures + 1
        furthest = max(furthest, have)
    raise StartError(f"{url}: {trouble}")


def length(file: Path) -> int:
    """Return how many bytes of a file are there."""
    return file.stat().st_size if file.exists() else 0


def append(client: httpx.Client, url: str, file: Path, size: int) -> None:
    """Take a file's bytes from where those that are there end; at most a network read more than `size`."""
    have = length(file)
    if have == size:
        return
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
    with client.stream("GET", url, headers=headers) as answer:
        answer.raise_for_status()
        have = have if answer.status_code == httpx.codes.PARTIAL_CONTENT else 0
        with file.open("ab" if have else "wb") as out:
            for data in answer.iter_raw():  # of any size: what httpx gathers first, a cut would lose
                out.write(data)
                have += len(data)
                if have > size:
                    return


def check(file: Path, pin: Pin, url: str) -> None:
    """Compare a file with its pin.

    Raises:
        StartError: It is another.
    """
    size = file.stat().st_size
    if size != pin.size:
        raise StartError(f"{url}: {size:,} bytes or more came, the lock says {pin.size:,}")
    with file.open("rb") as opened:
        found = hashlib.file_digest(opened, "sha256").hexdigest()
    if found != pin.sha256:
        raise StartError(f"{url}: SHA-256 is {found}, the lock says {pin.sha256}")


def main(arguments: list[str] | None = None) -> int:
    """Do what the command line asks; return 1 with one line where that cannot be."""
    parser = argparse.ArgumentParser("python -m worker.engines.chatterbox.weights.fetch", description=__doc__)
    parser.add_argument("target", type=Path, nargs="?", help="new folder for the released files")
    parser.add_argument("--model", choices=SHORT, default="turbo", help="default: turbo")
    parser.add_argument("--weights", choices=("locked", "main"), default="locked", help="default: locked")
    parser.add_argument("--lock-file", type=Path, help="default: the model's own")
    parser.add_argument("--lock", type=Path, metavar="FILE", help="write the newest revision's lock, and end")
    parser.add_argument("--revision", help="a branch, tag or commit; default: the newest of main")
    parser.add_argument("--hub", metavar="URL", help=f"default: HF_ENDPOINT, else {HUB}")
    given = parser.parse_args(arguments)
    if (given.target is None) == (given.lock is None):
        parser.error("give a folder to fetch to, or --lock FILE")
    if given.revision and given.lock is None and given.weights == "locked":
        parser.error("--revision goes with --lock or --weights main: a lock names its own")
    try:
        run(given, hub_at(given.hub or model_hub()))
    except (StartError, OSError) as error:
        print(f"fetch: {error}", file=sys.stderr)
        return 1
    return 0


def hub_at(address: str) -> str:
    """Return the hub's address without a slash at its end.

    Raises:
        StartError: It is not an address that can be asked.
    """
    try:
        url = httpx.URL(address)
    except httpx.InvalidURL:
        url = httpx.URL()
    if url.scheme not in {"http", "https"} or not url.host:
        raise StartError(f"the hub's address {address!r} is not a URL with http or https: HF_ENDPOINT, --hub")
    return address.rstrip("/")


def run(given: argparse.Namespace, hub: str) -> None:
    """Write a lock, or fetch."""
    model = SHORT[given.model]
    if given.lock is not None:
        given.lock.write_text(newest(hub, given.revision or "main", model).text(), encoding="utf-8")
        print(f"{given.lock} is written: commit it")
        return
    if given.weights == "locked":
        fetch(pins_of(given.lock_file or Path(model.lock), model), given.target, hub)
        return
    lock = newest(hub, given.revision or "main", model)
    fetch(lock, given.target, hub)
    print(f"\nThese weights were not pinned. To build the same again, commit this as {model.lock}:")
    print(lock.text())


def pins_of(file: Path, model: Model) -> Lock:
    """Return what a model's lock file pins.

    Raises:
        StartError: It cannot be used; the line says how to make another.
    """
    tool = "python -m worker.engines.chatterbox.weights.fetch"
    remedy = f"`{tool} --model {model.short} --lock {file}` makes another"
    try:
        lock = Lock.read(file)
    except StartError as error:
        raise StartError(f"{error}: {remedy}") from error
    if lock.repository != model.repository:
        raise StartError(f"{file} pins {lock.repository}, expected {model.repository}: {remedy}")
    if model.t3_file not in lock.files:
        raise StartError(f"{file} does not pin {model.t3_file}: {remedy}")
    return lock


if __name__ == "__main__":
    sys.exit(main())
