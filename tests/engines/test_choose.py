"""Which engine a worker speaks with, and each model of Chatterbox entered once."""

import hashlib
import json
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from worker.engines.chatterbox.catalogue import MODELS, check_model
from worker.engines.chatterbox.model import Model
from worker.engines.chatterbox.multilingual.entry import MULTILINGUAL, MULTILINGUAL_V2, TOKENIZER_FILE
from worker.engines.chatterbox.nano.entry import NANO
from worker.engines.chatterbox.turbo.entry import TURBO
from worker.engines.chatterbox.weights.bake import bake
from worker.engines.choose import ENGINES, TITLES, choose, load, preferred
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


@pytest.mark.parametrize(("device", "taken"), [("cpu", "chatterbox-nano"), ("auto", "chatterbox-nano")])
def test_without_a_gpu_the_light_one_of_several_models_is_taken(device: str, taken: str) -> None:
    assert preferred(list(MODELS.values()), Settings(device=device)).name == taken  # type: ignore[arg-type]


def test_on_a_gpu_or_without_a_light_one_the_first_of_several_models_is_taken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    heavy = [model for model in MODELS.values() if not model.light]
    assert preferred(heavy[::-1], Settings(device="cpu")) == heavy[-1]
    monkeypatch.setattr("worker.engines.choose.usable_device", lambda _: "cuda")
    assert preferred(list(MODELS.values()), Settings()) == TURBO
    assert preferred([NANO, *heavy[::-1]], Settings()) == NANO


def folder_of(files: dict[str, Path], root: Path) -> Path:
    """A folder with links to files under other names."""
    root.mkdir()
    for name, file in files.items():
        (root / name).symlink_to(file)
    return root


def all_of(folder: Path) -> dict[str, Path]:
    return {file.name: file for file in folder.iterdir()}


def refusal(do: Callable[[], object]) -> str:
    with pytest.raises(StartError) as caught:
        do()
    said = str(caught.value)
    assert "\n" not in said
    return said


def test_two_models_in_one_folder_are_one_line_unless_one_is_named(
    tiny_checkpoint: Path, tiny_nano: Path, tmp_path: Path
) -> None:
    both = folder_of(all_of(tiny_checkpoint) | all_of(tiny_nano), tmp_path / "both")
    said = refusal(lambda: choose(Settings(model_dir=both)))
    assert said.startswith(
        f"{both} holds the weights of Chatterbox-Turbo and Chatterbox-Nano: set TTS_ENGINE"
    )
    said = refusal(lambda: bake(both, tmp_path / "baked"))
    assert said.endswith("Chatterbox-Turbo and Chatterbox-Nano: bake each from a folder of its own")
    named = Settings(engine="chatterbox-nano", model_dir=both, device="cpu")
    assert load(choose(named), named).engine.name == "chatterbox-nano"


def test_the_weights_of_another_model_are_one_line_that_names_it(tiny_nano: Path, tmp_path: Path) -> None:
    settings = Settings(engine="chatterbox-turbo", model_dir=tiny_nano, device="cpu")
    said = refusal(lambda: load("chatterbox-turbo", settings))
    assert said.startswith(f"{tiny_nano} holds the weights of Chatterbox-Nano, not of Chatterbox-Turbo: set ")
    bake(tiny_nano, tmp_path / "baked", "fp32", report=lambda _: None)
    files = all_of(tmp_path / "baked")
    files[TURBO.t3_file] = files.pop(NANO.t3_file)
    renamed = folder_of(files, tmp_path / "renamed")
    said = refusal(lambda: load("chatterbox-turbo", replace(settings, model_dir=renamed)))
    assert said.startswith(
        f"{renamed / TURBO.t3_file} holds the T3 of chatterbox-nano, expected chatterbox-t"
    )


@pytest.mark.parametrize(("asked", "blocks", "width"), [(TURBO, 12, 768), (NANO, 24, 1024), (NANO, 30, 1024)])
def test_a_released_t3_under_another_models_name_is_known_by_its_size(
    asked: Model, blocks: int, width: int, tmp_path: Path
) -> None:
    tensors = {f"tfmr.h.{block}.ln_1.bias": {"shape": [width]} for block in range(blocks)}
    header = json.dumps(tensors | {"speech_emb.weight": {"shape": [6563, width]}}).encode()
    (tmp_path / asked.t3_file).write_bytes(len(header).to_bytes(8, "little") + header)
    (tmp_path / asked.s3_files[-1]).touch()
    owner = next(model.name for model in MODELS.values() if model.t3_size == (blocks, width))
    assert f"holds the T3 of {owner}, expected {asked.name}'s" in refusal(
        lambda: check_model(tmp_path, asked)
    )


def test_v2s_tokenizer_with_v3s_t3_and_the_other_way_round_are_one_line(
    tiny_multilingual: Path, tmp_path: Path
) -> None:
    sha256 = {name: hashlib.sha256(name.encode()).hexdigest() for name in ("v2", "v3")}
    v3 = replace(MULTILINGUAL, sha256={TOKENIZER_FILE: sha256["v3"]})
    v2 = replace(MULTILINGUAL_V2, sha256={TOKENIZER_FILE: sha256["v2"]})
    files = all_of(tiny_multilingual) | {TOKENIZER_FILE: tmp_path / "tokenizer"}
    folders = {v3: folder_of(files, tmp_path / "3")}
    files[v2.t3_file] = files.pop(v3.t3_file)
    folders[v2] = folder_of(files, tmp_path / "2")
    for (own, model), (other, another) in (((("v3", v3)), ("v2", v2)), (("v2", v2), ("v3", v3))):
        for text in (own, "a test's own"):
            (tmp_path / "tokenizer").write_text(text)
            check_model(folders[model], model, (v3, v2))
        (tmp_path / "tokenizer").write_text(other)
        said = refusal(partial(check_model, folders[model], model, (v3, v2)))
        assert said == (
            f"{folders[model] / TOKENIZER_FILE} is {another.title}'s, and {model.title} was trained with "
            f"another: fetch its own by {model.lock}"
        )


@pytest.mark.parametrize("name", ["t3_nano_v1.safetensors", "s3gen_meanflow.safetensors", "conds.pt"])
def test_half_a_file_is_one_line(name: str, tiny_nano: Path, tmp_path: Path) -> None:
    folder = folder_of(all_of(tiny_nano), tmp_path / "half")
    whole = (folder / name).read_bytes()
    (folder / name).unlink()
    (folder / name).write_bytes(whole[: len(whole) // 2])
    settings = Settings(engine="chatterbox-nano", model_dir=folder, device="cpu")
    assert str(folder) in refusal(lambda: load("chatterbox-nano", settings))
