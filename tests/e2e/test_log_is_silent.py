"""What a worker writes, whole, holds nothing of what it was given to say and nothing of what it said."""

import base64
from pathlib import Path
from typing import Any

import pytest

from tests.kits.clips import wav
from tests.kits.pods import Pod, running, until

SECRET = "marzipan"
JOBS: list[dict[str, Any]] = [
    {"text": f"A {SECRET} secret, spoken twice."},
    {"text": f"A {SECRET} secret, spoken twice."},  # from the cache
    {"text": f"Too fast for {SECRET}.", "speed": 99},
    {"text": SECRET, "voice": f"{SECRET}-voice"},
    {"turns": [{"text": f"{SECRET}?", "voice": "default"}], "format": "pcm"},
    {"op": "voice_add", "name": "ann", "clip_base64": base64.b64encode(wav()).decode()},
    {SECRET: SECRET},
]


def all_said(pod: Pod) -> list[str]:
    """Send every job both ways; return the audio that came, as it came."""
    audio = []
    for job in JOBS:
        pod.runsync(job)
        outputs = pod.finished(pod.submit(job)).get("output") or []
        audio += [record["audio_base64"] for record in outputs if record.get("audio_base64")]
    return audio


@pytest.mark.parametrize(("level", "leaks"), [("INFO", False), ("DEBUG", True)])
def test_at_the_images_log_level_neither_text_nor_audio_is_written_and_at_the_sdks_own_both_are(
    tmp_path: Path, level: str, *, leaks: bool
) -> None:
    env = {"TTS_ENGINE": "tone", "TTS_VOICES_DIR": str(tmp_path / "voices"), "RUNPOD_LOG_LEVEL": level}
    with running(tmp_path / "cache", "--idle-timeout", "300", **env) as pod:
        audio = all_said(pod)
        until(lambda: pod.text_of_log().count('"characters"') >= 6)
    log = pod.text_of_log()
    clip = base64.b64encode(wav()).decode()
    pieces = [each[at : at + 40] for each in [*audio, clip] for at in range(0, len(each) - 40, 997)]
    assert len(audio) >= 3
    assert (SECRET in log) is leaks
    assert any(piece in log for piece in pieces) is leaks
