"""The packages are imported where the page on them says, and nowhere else."""

import ast
import importlib.util
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/explanation/packages.md").read_text(encoding="utf-8")
ROWS = {
    row[0].strip("` "): re.findall(r"`([\w/.]+)`", row[1])
    for row in (line.strip("|").split("|") for line in PAGE.splitlines() if line.startswith("| `"))
}
MODULES = {"chatterbox-tts": "chatterbox"}  # whose module has another name
FOUND = (
    "chatterbox",
    "websockets",
)  # by name: the files of the one are loaded one by one, uvicorn loads the other
FOLDERS = ("worker", "segmenter", "encoder", "localpod", "gateway", "clients/python/chatterpod")


def names(file: Path, *, found_by_name: bool) -> Iterator[str]:
    """Yield the top-level packages that a file imports, and strings by which it may find one."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module.split(".")[0]
        elif found_by_name and isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def importers(module: str) -> list[str]:
    files = [file for folder in FOLDERS for file in sorted((ROOT / folder).rglob("*.py"))]
    return [
        file.relative_to(ROOT).as_posix()
        for file in files
        if module in names(file, found_by_name=module in FOUND)
    ]


def test_the_page_has_the_seven_packages() -> None:
    assert list(ROWS) == ["runpod", "torch", "chatterbox-tts", "nltk", "numpy", "lameenc", "websockets"]


@pytest.mark.parametrize("package", ROWS)
def test_a_package_is_imported_where_the_page_says_and_nowhere_else(package: str) -> None:
    module = MODULES.get(package, package)
    assert importlib.util.find_spec(module) is not None
    found = importers(module)
    within = {place: [file for file in found if file.startswith(place)] for place in ROWS[package]}
    assert [place for place, files in within.items() if not files] == []
    assert [file for file in found if not file.startswith(tuple(ROWS[package]))] == []
