"""The lengths of pauses stand in one place; whoever repeats them says the same."""

import re
from pathlib import Path

import pytest
from chatterpod import parts

from segmenter import plan
from segmenter.pauses import CLAUSE_MS, HEADING_MS, LINE_MS, PARAGRAPH_MS, SENTENCE_MS, TURN_MS
from worker.engines.tone import ToneEngine
from worker.request import SpeechRequest, parse
from worker.speech.planning import plan_segments

ROOT = Path(__file__).resolve().parents[2]
CODE = (
    "clients/python/chatterpod",
    "clients/js",
    "clients/bash",
    "clients/web",
    "clients/supabase",
    "gateway",
)
SENTENCE = "Nobody waved, because nobody had risen in time to wave. "


@pytest.mark.parametrize(
    ("text", "pauses"),
    [
        ((SENTENCE * 8).strip(), {SENTENCE_MS}),
        ("\n\n".join([SENTENCE * 5] * 2), {SENTENCE_MS, PARAGRAPH_MS}),
        ("# A heading\n" + SENTENCE, {HEADING_MS, SENTENCE_MS}),
        ("* Milk and bread\n* Eggs and butter\n* Salt and pepper", {LINE_MS, SENTENCE_MS}),
        ("and so on and on, " * 40, {CLAUSE_MS, SENTENCE_MS}),
    ],
)
def test_each_kind_of_end_has_its_pause(text: str, pauses: set[int]) -> None:
    assert {segment.pause_ms for segment in plan(text)} == pauses


def test_the_python_client_joins_parts_with_the_workers_pauses() -> None:
    joined = (parts.BREAK_MS, parts.SENTENCE_MS, parts.WORD_MS, parts.TURN_MS)
    assert joined == (PARAGRAPH_MS, SENTENCE_MS, CLAUSE_MS, TURN_MS)


def test_the_worker_pauses_between_turns_as_the_client_does() -> None:
    request = parse({"turns": [{"text": "Well."}, {"text": "Ah.", "voice": "low"}]}, ToneEngine())
    assert isinstance(request, SpeechRequest)
    assert next(plan_segments(request)).segment.pause_ms == TURN_MS


def test_no_client_but_the_python_one_repeats_a_pause() -> None:
    lengths = "|".join(map(str, {CLAUSE_MS, SENTENCE_MS, LINE_MS, HEADING_MS, PARAGRAPH_MS, TURN_MS}))
    named = re.compile(
        rf"(?i)\b\w*(?:pause|clause|sentence|break|heading|turn)_?\w*\b[^\n=]{{0,40}}=\s*(?:{lengths})\b"
    )
    files = [
        path
        for folder in CODE
        for path in (ROOT / folder).rglob("*")
        if path.suffix in {".py", ".ts", ".js", ".sh"}
    ]
    found = [
        path.name
        for path in files
        if "node_modules" not in path.parts and named.search(path.read_text("utf-8"))
    ]
    assert found == ["parts.py"]


def test_the_page_of_the_segmenter_gives_the_pauses() -> None:
    page = " ".join((ROOT / "docs/reference/segmenter.md").read_text("utf-8").split())
    assert (
        f"Pauses: clause {CLAUSE_MS} ms, sentence {SENTENCE_MS}, line or list item {LINE_MS}, "
        f"heading {HEADING_MS}, paragraph {PARAGRAPH_MS}, another voice {TURN_MS}, or"
    ) in page
