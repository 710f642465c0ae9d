"""Where Deno and Node are, and how a script is run in them."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

__all__ = ["ROOT", "SOURCE", "deno", "run", "transpiled"]

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "clients" / "js" / "chatterpod.ts"


def deno() -> str:
    """Return Deno's program, which `make tools` installs."""
    return tool("deno", ROOT / ".tools" / "node_modules" / ".bin" / "deno")


def node() -> str:
    """Return Node's program."""
    return tool("node", ROOT / ".tools" / "bin" / "node")


def tool(name: str, own: Path) -> str:
    found = str(own) if own.exists() else shutil.which(name)
    if found is None:
        pytest.fail(f"{name} is missing: run `make tools`, or put it on the PATH", pytrace=False)
    return found


def run(command: list[str], folder: Path, **env: str) -> str:
    """Run a program; return what it printed, or fail with all of it."""
    surroundings = {
        **os.environ,
        "DENO_DIR": str(folder / "deno"),
        "DENO_NO_UPDATE_CHECK": "1",
        "NO_COLOR": "1",
    }
    done = subprocess.run(
        command, cwd=folder, env=surroundings | env, capture_output=True, text=True, timeout=170, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def transpiled(folder: Path) -> Path:
    """Return the client without its types, as a plain Node 20 needs it."""
    made = folder / "chatterpod.mjs"
    run([deno(), "transpile", "--no-check", str(SOURCE), "-o", str(made)], folder)
    return made
