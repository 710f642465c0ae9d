"""What the pages on security and reliability call proven is proven by a test, or a drill, of that name.

A proof must notice what it is to prove the absence of: for some promises the code that keeps them is taken
out of a copy of the tree, and the test that the page names must fail there.
"""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.drills.roll import DRILLS

ROOT = Path(__file__).resolve().parents[2]
SECURITY, RELIABILITY = (
    (ROOT / "docs/explanation" / page).read_text(encoding="utf-8")
    for page in ("security.md", "reliability.md")
)
NAMED = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")
TREES = ("worker", "segmenter", "encoder", "gateway", "localpod", "bench", "tests", "clients")
# A test that a page names, the file that keeps the promise, what keeps it, and what is put in its place.
TAKEN_OUT = {
    "tests/worker/voices/test_store.py::test_no_name_leaves_the_folder": (
        "worker/voices/store.py",
        'NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")',
        'NAME = re.compile(r".*")',
    ),
    "tests/worker/cache/test_store.py::test_a_damaged_file_is_removed_and_counts_as_missing": (
        "worker/cache/entry.py",
        'if hashlib.sha256(audio).hexdigest() != note["sha256"]:',
        "if not audio:",
    ),
    "tests/worker/test_handler.py::test_neither_text_nor_audio_is_logged": (
        "worker/joblog.py",
        '"job": name,',
        '"job": name, "text": request.spoken[0].text,',
    ),
    "tests/worker/request/test_parse.py::test_a_field_name_cannot_forge_a_log_line": (
        "worker/request/wording.py",
        'letter if letter.isprintable() else "?"',
        "letter",
    ),
    "tests/gateway/test_rules.py::test_neither_tokens_nor_key_are_shown_by_the_settings": (
        "gateway/settings.py",
        'api_key: str = field(default="", repr=False)',
        'api_key: str = field(default="")',
    ),
    "tests/gateway/test_voices.py::test_only_tokens_that_may_remove_a_voice": (
        "gateway/voices.py",
        'gateway.check_voice_token(request.headers.get("authorization"))',
        "pass",
    ),
    "tests/worker/test_handler.py::test_a_fault_ends_its_job_alone_and_publishes_nothing": (
        "worker/speech/scheduler.py",
        "EngineFailedError(type(error).__name__)",
        "EngineFailedError(str(error))",
    ),
}


def ending(folder: Path, test: str) -> str:
    """Return what pytest says of a test in a copy of the tree without what keeps its promise."""
    for tree in TREES:
        shutil.copytree(
            ROOT / tree, folder / tree, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info")
        )
    shutil.copy(ROOT / "pyproject.toml", folder)
    file, kept, bad = TAKEN_OUT[test]
    source = (folder / file).read_text(encoding="utf-8")
    assert source.count(kept) == 1, f"{file} does not have {kept!r} once"
    (folder / file).write_text(source.replace(kept, bad), encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", test]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False).stdout


@pytest.fixture(scope="module")
def endings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """What pytest says of each test, two side by side: they wait for imports."""
    with ThreadPoolExecutor(2) as pool:
        folders = [tmp_path_factory.mktemp("without") for _ in TAKEN_OUT]
        yield dict(zip(TAKEN_OUT, pool.map(ending, folders, TAKEN_OUT), strict=True))


@pytest.mark.parametrize("test", TAKEN_OUT)
def test_a_named_test_fails_where_what_keeps_the_promise_is_taken_out(
    test: str, endings: dict[str, str]
) -> None:
    assert f"`{test}`" in SECURITY + RELIABILITY
    assert re.search(rf"^FAILED {re.escape(test)}", endings[test], re.MULTILINE), endings[test]


@pytest.mark.parametrize("page", [SECURITY, RELIABILITY], ids=["security", "reliability"])
def test_every_test_that_a_page_names_is_there_to_be_read(page: str) -> None:
    named = NAMED.findall(page)
    missing = [
        f"{file}::{name}"
        for file, name in named
        if not re.search(rf"^(async )?def {name}\(", (ROOT / file).read_text(encoding="utf-8"), re.MULTILINE)
    ]
    assert len(named) > 20
    assert missing == []


PAGES = [ROOT / "CONTRIBUTING.md", ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_test_file_that_a_page_names_exists(page: Path) -> None:
    named = re.findall(r"tests/[\w/]+\.(?:py|mjs|md)", page.read_text(encoding="utf-8"))
    assert [name for name in named if not (ROOT / name).is_file()] == []


def test_every_module_that_a_page_names_exists() -> None:
    folders = ("worker", "segmenter", "encoder", "gateway", "localpod", "clients", "bench", "tests")
    modules = [file.as_posix() for folder in folders for file in (ROOT / folder).rglob("*.py")]
    named = {
        name for page in PAGES for name in re.findall(r"`([\w/]+\.py)`", page.read_text(encoding="utf-8"))
    }
    assert len(named) > 50
    assert [name for name in sorted(named) if not any(file.endswith(f"/{name}") for file in modules)] == []


def test_the_page_on_reliability_names_the_drills_that_there_are() -> None:
    assert re.findall(r"^\| `([\w-]+)` \|", RELIABILITY, re.MULTILINE) == list(DRILLS)
    proving = " ".join(re.findall(r"\bdrills? ((?:`[\w-]+`(?:, )?)+)", RELIABILITY))
    assert set(re.findall(r"`([\w-]+)`", proving)) <= set(DRILLS)
    assert set(re.findall(r"`([\w-]+)`", proving)) | {"soak"} == set(DRILLS)
