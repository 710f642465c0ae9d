"""The voices on the volume, and the shell's way to them."""

import errno
import os
from pathlib import Path

import pytest

from tests.kits.clips import wav
from worker.errors import InvalidInputError, SpeechError, UnknownVoiceError
from worker.voices import VoiceStore
from worker.voices.__main__ import main
from worker.voices.clips import read_clip


def test_a_voice_is_its_clip_under_a_name(tmp_path: Path) -> None:
    voices = VoiceStore(tmp_path)
    assert voices.names() == ["default"]
    assert voices.add("ann", wav()) is False
    assert voices.names() == ["default", "ann"]
    assert voices.clip("ann") == wav()
    assert voices.digest("ann") == read_clip(wav()).sha256


def test_another_clip_under_the_name_replaces_it_and_what_was_learned(tmp_path: Path) -> None:
    voices = VoiceStore(tmp_path)
    voices.add("ann", wav())
    first = voices.digest("ann")
    voices.keep("ann", first, "tone.json", b"learned")
    assert voices.learned("ann", first, "tone.json") == b"learned"
    assert voices.add("ann", wav(200)) is True
    assert voices.digest("ann") != first
    assert voices.learned("ann", first, "tone.json") is None
    assert [path.name for path in (tmp_path / "ann").iterdir()] == ["clip.wav"]


def test_what_was_learned_from_a_removed_clip_is_not_kept(tmp_path: Path) -> None:
    voices = VoiceStore(tmp_path)
    voices.add("ann", wav())
    voices.keep("ann", "0" * 64, "tone.json", b"of another clip")
    voices.remove("ann")
    voices.keep("ann", read_clip(wav()).sha256, "tone.json", b"too late")
    assert list(tmp_path.iterdir()) == []


def test_two_workers_see_each_others_voices(tmp_path: Path) -> None:
    one, two = VoiceStore(tmp_path), VoiceStore(tmp_path)
    one.add("ann", wav())
    assert two.digest("ann") == one.digest("ann")
    two.add("ann", wav(200))
    assert one.digest("ann") == read_clip(wav(200)).sha256
    two.remove("ann")
    with pytest.raises(UnknownVoiceError):
        one.digest("ann")


@pytest.mark.parametrize("name", ["../x", "..", ".", "", "a/b", "/etc", "a\0b", "ann\n", "x" * 65, "Änne"])
def test_no_name_leaves_the_folder(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "voices"
    voices = VoiceStore(folder)
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "clip.wav").write_bytes(wav())
    with pytest.raises(InvalidInputError):
        voices.add(name, wav())
    with pytest.raises(InvalidInputError):
        voices.remove(name)
    with pytest.raises(UnknownVoiceError):
        voices.clip(name)
    assert not folder.exists()


def test_the_engines_own_voice_cannot_be_replaced_or_removed(tmp_path: Path) -> None:
    voices = VoiceStore(tmp_path)
    with pytest.raises(InvalidInputError, match="which is the engine's own voice"):
        voices.add("default", wav())
    with pytest.raises(InvalidInputError, match="which is the engine's own voice"):
        voices.remove("default")


def test_an_unknown_voice_lists_some_of_200(tmp_path: Path) -> None:
    voices = VoiceStore(tmp_path)
    for number in range(200):
        voices.add(f"voice-{number:03}", wav())
    assert len(voices.names()) == 201
    with pytest.raises(UnknownVoiceError) as caught:
        voices.digest("nobody")
    message = str(caught.value)
    assert message.startswith("there is no voice 'nobody'; the voices are default, voice-000, voice-001, ")
    assert message.endswith(" and 181 more")
    assert len(message) < 400


def test_the_command_line_adds_lists_and_removes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TTS_VOICES_DIR", str(tmp_path / "voices"))
    clip = tmp_path / "a voice"
    clip.write_bytes(wav())
    assert main(["add", "ann", str(clip)]) == 0
    assert main(["list"]) == 0
    assert main(["remove", "ann"]) == 0
    out = capsys.readouterr().out.splitlines()
    assert out[0].startswith("added ann: 6.0 s, ")
    assert out[1:] == ["default", "ann", "removed ann"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["add", "ann", "{}/text"], "voices: the clip is not an audio file"),
        (["add", "../ann", "{}/clip"], "voices: name is '../ann', expected"),
        (["add", "ann", "{}/none"], "voices: "),
        (["remove", "ann"], "voices: there is no voice 'ann'; the voices are default"),
    ],
)
def test_the_command_line_reports_a_failure_in_one_line(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    message: str,
) -> None:
    monkeypatch.setenv("TTS_VOICES_DIR", str(tmp_path / "voices"))
    (tmp_path / "text").write_text("not a voice")
    (tmp_path / "clip").write_bytes(wav())
    assert main([argument.format(tmp_path) for argument in arguments]) == 1
    err = capsys.readouterr().err
    assert err.startswith(message)
    assert err.count("\n") == 1


def test_the_demo_voices_are_two_clips_with_their_origin_in_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TTS_VOICES_DIR", str(tmp_path))
    assert main(["demo"]) == 0
    assert capsys.readouterr().out.count("added") == 2
    voices = VoiceStore(tmp_path)
    clips = [voices.clip(name) for name in voices.names()[1:]]
    assert len({read_clip(clip).sha256 for clip in clips}) == 2
    for clip in clips:
        assert b"hibari-tts" in clip
        assert b"Apache-2.0" in clip


def test_a_failing_clip_leaves_no_voice(tmp_path: Path) -> None:
    voices = VoiceStore(tmp_path)
    with pytest.raises(SpeechError):
        voices.add("ann", b"text")
    assert voices.names() == ["default"]


def test_voices_of_the_image_are_found_unless_the_volume_has_the_name(tmp_path: Path) -> None:
    clips = tmp_path / "clips"
    clips.mkdir()
    (clips / "ann.wav").write_bytes(wav())
    (clips / "README.md").write_text("not a clip")
    with pytest.MonkeyPatch.context() as env:
        env.setenv("TTS_VOICES_DIR", str(tmp_path / "image"))
        assert main(["fill", str(clips)]) == 0
    voices = VoiceStore(tmp_path / "volume", image=tmp_path / "image")
    assert voices.names() == ["default", "ann"]
    sha256 = voices.digest("ann")
    voices.keep("ann", sha256, "tone.json", b"learned")
    assert voices.learned("ann", sha256, "tone.json") == b"learned"
    with pytest.raises(InvalidInputError, match="a voice of the image"):
        voices.remove("ann")
    voices.add("ann", wav(200))
    assert voices.digest("ann") != sha256
    voices.remove("ann")
    assert voices.digest("ann") == sha256


def test_a_folder_without_clips_fills_an_image_with_no_voices(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TTS_VOICES_DIR", str(tmp_path / "image"))
    (tmp_path / "clips").mkdir()
    assert main(["fill", str(tmp_path / "clips")]) == 0
    assert (tmp_path / "image").is_dir()
    (tmp_path / "clips" / "bad name.wav").write_bytes(wav())
    assert main(["fill", str(tmp_path / "clips")]) == 1


def refuse(*_: object, **__: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_volume_without_room_takes_no_voice_and_keeps_the_one_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    voices = VoiceStore(tmp_path)
    voices.add("ann", wav())
    monkeypatch.setattr(Path, "write_bytes", refuse)
    for name in ("ann", "bob"):
        with pytest.raises(OSError, match="No space left"):
            voices.add(name, wav(200))
    assert [path.name for path in tmp_path.iterdir()] == ["ann"]
    assert voices.names() == ["default", "ann"]
    assert voices.clip("ann") == wav()


@pytest.mark.parametrize("kind", ["nothing", "pipe", "link", "folder"])
def test_a_folder_without_a_regular_clip_is_not_a_voice_until_it_has_one(tmp_path: Path, kind: str) -> None:
    voices = VoiceStore(tmp_path / "voices")
    folder = tmp_path / "voices" / "half"
    folder.mkdir(parents=True)
    if kind == "pipe":
        os.mkfifo(folder / "clip.wav")
    elif kind == "link":
        (tmp_path / "target").write_bytes(wav())
        (folder / "clip.wav").symlink_to(tmp_path / "target")
    elif kind == "folder":
        (folder / "clip.wav").mkdir()
    assert voices.names() == ["default"]
    with pytest.raises(UnknownVoiceError, match=r"the voices are default$"):
        voices.digest("half")
    if kind != "folder":
        voices.add("half", wav(200))
        assert voices.names() == ["default", "half"]
        assert voices.clip("half") == wav(200)
    if kind == "link":
        assert (tmp_path / "target").read_bytes() == wav()
