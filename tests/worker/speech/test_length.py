"""Texts that are many times as long in words are refused before anything of them is spoken."""

from pathlib import Path
from typing import Any

import pytest

from tests.kits.workers import CountingEngine, run_job, working

PROSE = "The harbour was quiet that morning, and only 12 gulls had opinions about it, as ever: why not? "
TOO_LONG: dict[str, dict[str, Any]] = {
    "numbers": {"text": "77 " * 3_333},
    "numbers beside words": {"text": "It cost 1,234,567. " * 520},
    "signs": {"text": "1 \u2264 2 " * 1_400},
    "respellings": {"text": "a " * 1_000, "pronounce": {"a": "aardvark " * 14}},
    "turns": {"turns": [{"text": "77 " * 16}] * 200},
    "in PCM": {"text": "77 " * 400, "format": "pcm"},
}


@pytest.mark.parametrize("kind", TOO_LONG)
async def test_a_text_that_gets_too_long_in_words_is_refused_before_any_work(
    tmp_path: Path, kind: str
) -> None:
    engine = CountingEngine()
    with working(tmp_path, engine) as kit:
        [record] = await run_job(kit, TOO_LONG[kind] | {"cache": "off"})
    assert record["error"].startswith("text_too_long: text has ")
    assert "once its numbers and the like are words, expected at most" in record["error"]
    assert engine.admitted == []


async def test_prose_as_long_as_allowed_is_spoken_with_its_numbers(tmp_path: Path) -> None:
    text = (PROSE * 200)[:10_000]
    with working(tmp_path) as kit:
        records = await run_job(kit, {"text": text, "cache": "off"})
        assert records[-1]["final"] is True
        long = await run_job(kit, {"text": "77 " * 1_000, "normalize_numbers": False, "cache": "off"})
        assert long[-1]["final"] is True
