"""Settings come from the environment, once, and a typo cannot pass silently."""

from pathlib import Path

import pytest

from worker.errors import StartError
from worker.settings import Settings


def test_without_variables_the_defaults_hold() -> None:
    assert Settings.from_env({}) == Settings()


def test_each_variable_reaches_its_field() -> None:
    env = {"TTS_ENGINE": "tone", "TTS_SLOTS": "3", "TTS_CACHE_DIR": "x/y", "RUNPOD_ENDPOINT_ID": "abc"}
    settings = Settings.from_env(env)
    assert (settings.engine, settings.slots, settings.cache_dir) == ("tone", 3, Path("x/y"))
    assert settings.deployed
    assert set(settings.changed()) == {"engine", "slots", "cache_dir", "endpoint_id"}


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("TTS_ENGIN", "tone", "TTS_ENGIN is not a setting of this worker; the settings are TTS_ENGINE"),
        ("TTS_SLOTS", "0", "TTS_SLOTS='0': expected a whole number from 1 to 64"),
        ("TTS_SLOTS", "two", "TTS_SLOTS='two': expected a whole number from 1 to 64"),
        ("TTS_CACHE_MAX_BYTES", "-1", "expected a whole number from 0 to 1125899906842624"),
        ("TTS_PROMPT_SECONDS", "11", "TTS_PROMPT_SECONDS='11': expected a number from 1 to 10"),
        ("TTS_TONE_SPEED", "nan", "expected a number from 0.1 to 100000"),
        ("TTS_CACHE_TAG", "a/b", "TTS_CACHE_TAG='a/b': expected up to 64 letters, digits, '.', '_' or '-'"),
        ("TTS_CACHE_TAG", "a" * 65, "expected up to 64 letters"),
        ("TTS_GRAPHS", "no", "TTS_GRAPHS='no': expected one of on, off"),
    ],
)
def test_an_unknown_name_or_a_bad_value_stops_the_worker_with_one_line(
    name: str, value: str, message: str
) -> None:
    with pytest.raises(StartError) as caught:
        Settings.from_env({name: value})
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_local_endpoint_is_not_a_deployed_one() -> None:
    assert not Settings.from_env({"RUNPOD_ENDPOINT_ID": "local"}).deployed
