"""The released files, from the hub over plain HTTP(S), without a token and without the hub's package.

`python -m worker.engines.chatterbox.fetch FOLDER` brings what `weights.lock` pins, checked by size
and SHA-256, `--weights main` the newest, whose lock it prints; `--lock FILE` only writes the newest's
lock. `--model multilingual` is about the other model and `weights-multilingual.lock`. The folder appears
whole or not at all.
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

import httpx

from worker.engines.chatterbox.files import MANIFEST
from worker.engines.chatterbox.lock import MULTILINGUAL, REPOSITORY, Lock, Pin, listing, locked, revision_of
from worker.errors import StartError

__all__ = ["HUB", "fetch", "newest"]

HUB = "https://huggingface.co"
ATTEMPTS = 4  # a cut connection goes on where it was cut
PIECE = 2**20  # bytes
MODELS = {  # the repository of each, and what pins it
    "turbo": (REPOSITORY, "weights.lock"),
    "multilingual": (MULTILINGUAL, "weights-multilingual.lock"),
}
TIMEOUT = httpx.Timeout(60.0)


def newest(hub: str = HUB, revision: str = "main", repository: str = REPOSITORY) -> Lock:
    """Return the lock of a branch's or tag's newest revision of a repository, from the hub's own digests.

    Raises:
        StartError: The hub is not reached, or lacks a file.
    """
    with httpx.Client(timeout=TIMEOUT, follow_redirects=True) as client:
        answer = asked(client, f"{hub}/api/models/{repository}/revision/{revision}?blobs=true")
        try:
            told: Any = answer.json()
        except ValueError as error:
            raise StartError(f"{hub} answers with something else than a hub's listing") from error
        commit = revision_of(told)
        return locked(
            commit,
            listing(told, repository),
            lambda name: asked(client, address(hub, repository, commit, name)).content,
            repository,
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
    lock: Lock, target: Path, hub: str = HUB, say: Callable[[str], None] = print, patience: float = 2.0
) -> None:
    """Bring the lock's files into the new folder `target`.

    Args:
        lock: what to bring.
        target: a folder that does not exist.
        hub: where from.
        say: is told each file.
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
                say(f"{pin.size / 1e6:9.1f} MB  {name}")
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
    trouble = ""
    for attempt in range(ATTEMPTS):
        if attempt:
            time.sleep(patience * 2 ** (attempt - 1))
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
    raise StartError(f"{url}: {trouble}")


def append(client: httpx.Client, url: str, file: Path, size: int) -> None:
    """Take a file's bytes from where those that are there end; never more than `size` and a piece."""
    have = file.stat().st_size if file.exists() else 0
    if have == size:
        return
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
    with client.stream("GET", url, headers=headers) as answer:
        answer.raise_for_status()
        have = have if answer.status_code == httpx.codes.PARTIAL_CONTENT else 0
        with file.open("ab" if have else "wb") as out:
            for data in answer.iter_raw(PIECE):
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
    parser = argparse.ArgumentParser("python -m worker.engines.chatterbox.fetch", description=__doc__)
    parser.add_argument("target", type=Path, nargs="?", help="new folder for the released files")
    parser.add_argument("--model", choices=MODELS, default="turbo", help="default: turbo")
    parser.add_argument("--weights", choices=("locked", "main"), default="locked", help="default: locked")
    parser.add_argument("--lock-file", type=Path, help="default: weights.lock, or weights-multilingual.lock")
    parser.add_argument("--lock", type=Path, metavar="FILE", help="write the newest revision's lock, and end")
    parser.add_argument("--hub", default=HUB, metavar="URL", help="default: %(default)s")
    given = parser.parse_args(arguments)
    if (given.target is None) == (given.lock is None):
        parser.error("give a folder to fetch to, or --lock FILE")
    try:
        run(given)
    except (StartError, OSError) as error:
        print(f"fetch: {error}", file=sys.stderr)
        return 1
    return 0


def run(given: argparse.Namespace) -> None:
    """Write a lock, or fetch."""
    hub = given.hub.rstrip("/")
    repository, pinned = MODELS[given.model]
    if given.lock is not None:
        given.lock.write_text(newest(hub, repository=repository).text(), encoding="utf-8")
        print(f"{given.lock} is filled: commit it")
        return
    locked_file = given.lock_file or Path(pinned)
    lock = Lock.read(locked_file) if given.weights == "locked" else newest(hub, repository=repository)
    if lock.repository != repository:
        raise StartError(f"{locked_file} pins {lock.repository}, expected {repository}")
    fetch(lock, given.target, hub)
    if given.weights != "locked":
        print(f"\nThese weights were not pinned. To build the same again, commit this as {pinned}:")
        print(lock.text())


if __name__ == "__main__":
    sys.exit(main())
