"""A class is named once, and no file is too long to be read."""

import ast
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("worker", "segmenter", "encoder", "localpod", "gateway", "clients/python/chatterpod")
LINES = 350
SHARED = {
    "Chunk": "the client's is the worker's as it came over the wire",
}


def test_no_two_classes_of_the_product_share_a_name_but_counterparts_on_the_wire() -> None:
    found: dict[str, set[str]] = defaultdict(set)
    for folder in FOLDERS:
        for file in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                if isinstance(node, ast.ClassDef):
                    found[node.name].add(str(file.relative_to(ROOT)))
    assert {name for name, files in found.items() if len(files) > 1} == set(SHARED)


def test_no_source_file_is_longer_than_can_be_read_at_once() -> None:
    files = [file for folder in (*FOLDERS, "bench", "clients/bash") for file in (ROOT / folder).rglob("*.*")]
    sources = [file for file in files if file.suffix in {".py", ".sh"}]
    lengths = {str(file.relative_to(ROOT)): len(file.read_text().splitlines()) for file in sources}
    assert {name: length for name, length in lengths.items() if length > LINES} == {}
