"""The command line against the real worker."""

import json
from pathlib import Path

import pytest
from chatterpod.cli import main
from pods import running


def test_speak_writes_the_streamed_mp3_and_tells_its_progress(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out.mp3"
    with running(tmp_path / "cache", TTS_ENGINE="tone") as pod:
        monkeypatch.setenv("RUNPOD_ENDPOINT_BASE_URL", pod.url.removesuffix("/local"))
        monkeypatch.setenv("RUNPOD_ENDPOINT_ID", "local")
        monkeypatch.setenv("RUNPOD_API_KEY", "any")
        assert main(["speak", "One sentence. And another one.", "-o", str(out)]) == 0
        told = capsys.readouterr().err
        assert main(["speak", "One sentence. And another one.", "-o", str(out), "--json"]) == 0
        summary = json.loads(capsys.readouterr().out)
        assert main(["speak", "!", "-o", str(tmp_path / "no.mp3")]) == 4
        failed = capsys.readouterr().err
        assert main(["health"]) == 0
    assert "first audio after" in told
    assert "s of speech in" in told
    assert summary["cache_hit"] is True
    assert summary["size_bytes"] == out.stat().st_size
    assert (
        failed
        == "chatterpod: invalid_input: text has nothing to speak: expected at least one letter or digit\n"
    )
    assert list(tmp_path.glob("no*")) == []
