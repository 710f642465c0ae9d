"""Chatterbox Multilingual, tiny random weights, through RunPod's own SDK: six languages and scripts."""

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from encoder import read_file
from tests.kits.pods import Pod, running

SAID = {
    "ar": "جلس الحارس. وصل القارب عند الظهر.",
    "de": "Der Wärter wartete. Um halb zehn kam ein Boot.",
    "hi": "पहरेदार रुका रहा। दोपहर को नाव आई।",
    "ja": "番人は待っていた。船は九時に来た。",
    "ko": "파수꾼은 기다렸다. 정오에 배가 왔다.",
    "zh": "看守人在等。中午来了一条船。",
}


@pytest.fixture(scope="module")
def pod(tiny_multilingual: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pod]:
    cache = tmp_path_factory.mktemp("cache")
    options = {
        "TTS_ENGINE": "chatterbox-multilingual",
        "TTS_DEVICE": "cpu",
        "TTS_MODEL_DIR": str(tiny_multilingual),
        "TTS_FLOW_STEPS": "2",
    }
    with running(cache, "--idle-timeout", "60", **options) as started:
        yield started


def spoken(pod: Pod, given: dict[str, Any]) -> dict[str, Any]:
    reply = pod.runsync(given)
    assert reply["status"] == "COMPLETED", reply
    [record] = reply["output"]
    return dict(record)


@pytest.mark.parametrize("language", SAID)
def test_each_language_is_spoken_in_its_own_sentences_and_again_from_the_cache(
    language: str, pod: Pod
) -> None:
    record = spoken(pod, {"text": SAID[language], "language": language})
    audio = base64.b64decode(record["audio_base64"])
    assert read_file(audio).samples > 24_000 / 2
    assert record["engine"] == "chatterbox-multilingual"
    assert record["warnings"] == []
    assert record["segments"][0]["text"] in SAID[language]
    again = spoken(pod, {"text": SAID[language], "language": language})
    assert again["cache_hit"] is True
    assert again["audio_base64"] == record["audio_base64"]


def test_text_in_another_script_is_spoken_with_a_warning_and_kept(pod: Pod) -> None:
    given = {"text": "Der Wärter wartete.", "language": "ko"}
    for is_hit in (False, True):
        record = spoken(pod, given)
        [warning] = record["warnings"]
        assert warning.startswith("text is hardly in Hangul script, that of language 'ko'")
        assert record["cache_hit"] is is_hit


def test_emotion_is_part_of_the_key_and_options_of_the_other_model_are_refused(pod: Pod) -> None:
    calm, lively = (
        spoken(pod, {"text": "Ja.", "language": "de", "exaggeration": value, "cfg_weight": 0.3, "min_p": 0.1})
        for value in (0.5, 1.5)
    )
    assert calm["cache_key"] != lively["cache_key"]
    for given, said in (
        ({"top_k": 50}, "top_k is not an option of the chatterbox-multilingual engine"),
        ({"exaggeration": 2.5}, "exaggeration is 2.5, expected 0 to 2"),
        ({"cfg_weight": -1.0}, "cfg_weight is -1, expected 0 to 1"),
        ({"language": "tlh"}, "unsupported_language: language is 'tlh', and the chatterbox-multilingual"),
    ):
        reply = pod.runsync({"text": "Ja.", "language": "de"} | given)
        assert reply["status"] == "FAILED"
        assert said in str(reply["error"])


def test_info_lists_the_languages_and_the_options(pod: Pod) -> None:
    info = spoken(pod, {"op": "info"})
    assert len(info["languages"]) == 23
    assert info["languages_lacking"] == {}
    assert info["options"]["exaggeration"] == [0.0, 2.0]
    assert set(info["options"]) >= {"cfg_weight", "min_p"}
