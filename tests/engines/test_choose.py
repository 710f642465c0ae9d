"""Which engine a worker speaks with, and each model of Chatterbox entered once."""

import sys

import pytest

from worker.engines.chatterbox.catalogue import MODELS
from worker.engines.chatterbox.model import Model
from worker.engines.choose import ENGINES, TITLES, choose
from worker.errors import StartError
from worker.settings import Settings


def test_an_unknown_engine_stops_the_start_with_the_names_of_all() -> None:
    with pytest.raises(StartError, match=r"^TTS_ENGINE='best': expected one of auto, chatterbox-turbo, "):
        choose(Settings(engine="best"))


@pytest.mark.parametrize("name", ["preview", "tone", *MODELS])
def test_an_engine_that_is_asked_for_by_name_is_chosen(name: str) -> None:
    assert choose(Settings(engine=name)) == name
    assert name in ENGINES
    assert TITLES[name]


@pytest.mark.parametrize("entry", MODELS.values(), ids=lambda entry: entry.short)
def test_a_models_entry_agrees_with_itself_and_leads_to_its_code(entry: Model) -> None:
    assert entry.name == f"chatterbox-{entry.short}"
    assert set(entry.baked_from) <= set(entry.released)
    code = entry.imported()
    assert all(callable(getattr(code, name)) for name in ("load", "write_weights", "write_voice"))


@pytest.mark.parametrize("entry", MODELS.values(), ids=lambda entry: entry.short)
def test_a_package_that_is_not_installed_stops_the_start_with_its_name(
    entry: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, entry.code, None)
    with pytest.raises(StartError, match=r"^a Chatterbox engine needs \S+: install requirements/chatterbox"):
        entry.imported()
