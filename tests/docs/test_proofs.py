"""What the pages on security and reliability call proven is proven by a test, or a drill, of that name."""

import re
from pathlib import Path

import pytest

from tests.drills.roll import DRILLS

ROOT = Path(__file__).resolve().parents[2]
NAMED = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")


@pytest.mark.parametrize("page", ["security.md", "reliability.md"])
def test_every_test_that_a_page_names_exists(page: str) -> None:
    named = NAMED.findall((ROOT / "docs/explanation" / page).read_text(encoding="utf-8"))
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
    text = (ROOT / "docs/explanation/reliability.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| `([\w-]+)` \|", text, re.MULTILINE) == list(DRILLS)
    proving = " ".join(re.findall(r"\bdrills? ((?:`[\w-]+`(?:, )?)+)", text))
    assert set(re.findall(r"`([\w-]+)`", proving)) <= set(DRILLS)
    assert set(re.findall(r"`([\w-]+)`", proving)) | {"soak"} == set(DRILLS)
