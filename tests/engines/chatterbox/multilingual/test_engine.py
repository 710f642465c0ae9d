"""The multilingual engine as the worker drives it, on tiny random weights."""

import json
import random
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.kits.precisions import INT8
from worker.engines import Clip, Fault, Pcm, Take, Utterance
from worker.engines.chatterbox.conditioning import Conditioning
from worker.engines.chatterbox.files import Manifest
from worker.engines.chatterbox.multilingual.checkpoint import load
from worker.engines.chatterbox.multilingual.decoder import GuidedDecoding
from worker.engines.chatterbox.multilingual.engine import MultilingualEngine, without_last_token
from worker.engines.chatterbox.multilingual.entry import MULTILINGUAL
from worker.engines.chatterbox.weights.bake import bake, sha256
from worker.errors import InvalidInputError, OutOfMemoryError, StartError, UnsupportedLanguageError

CPU = torch.device("cpu")
TEXTS = {"de": "Der Wärter wartete.", "ru": "Сторож ждал у моря.", "ja": "番人は待った。"}


def engine(folder: Path, precision: str = "fp32", slots: int = 3) -> MultilingualEngine:
    return MultilingualEngine(load(folder, CPU, precision), slots=slots, flow_steps=2)


def spoken(speaker: MultilingualEngine, utterances: Sequence[Utterance]) -> dict[int, Take | Fault]:
    """Speak utterances together, in turns that are anyone's."""
    for utterance in utterances:
        speaker.admit(utterance)
    found: dict[int, Take | Fault] = {}
    turns = random.Random(1)  # noqa: S311 - any order will do
    for _ in range(1_000):
        order = [utterance.id for utterance in utterances if utterance.id not in found]
        if not order:
            return found
        turns.shuffle(order)
        found |= {result.utterance: result for result in speaker.advance(order)}
    raise AssertionError("it never ends")


def pcm(result: Take | Fault) -> Pcm:
    assert isinstance(result, Take)
    return result.pcm


@pytest.fixture(scope="module")
def speaker(tiny_multilingual: Path) -> MultilingualEngine:
    return engine(tiny_multilingual)


@pytest.fixture(scope="module")
def baked(tiny_multilingual: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("baked")
    for precision in ("fp32", "bf16", "int8"):
        bake(tiny_multilingual, root / precision, precision, report=lambda _: None)
    return {precision: root / precision for precision in ("fp32", "bf16", "int8")}


def test_an_utterance_has_the_same_samples_alone_and_in_turns_with_others(
    speaker: MultilingualEngine, tiny_multilingual: Path
) -> None:
    utterances = [
        Utterance(number, text, language=language, seed=number)
        for number, (language, text) in enumerate(TEXTS.items())
    ]
    together = spoken(speaker, utterances)
    for utterance in utterances:
        alone = spoken(engine(tiny_multilingual), [utterance])
        assert np.array_equal(pcm(together[utterance.id]), pcm(alone[utterance.id]))


def test_nothing_is_drawn_from_the_global_generator_and_nothing_printed(
    speaker: MultilingualEngine, capfd: pytest.CaptureFixture[str]
) -> None:
    before = torch.get_rng_state()
    spoken(speaker, [Utterance(1, TEXTS["de"], language="de")])
    assert torch.equal(torch.get_rng_state(), before)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    "option", ["seed", "cfg_weight", "min_p", "repetition_penalty", "temperature", "top_p"]
)
def test_the_seed_and_each_option_change_the_speech(option: str, speaker: MultilingualEngine) -> None:
    values = {"cfg_weight": 0.0, "min_p": 0.9, "repetition_penalty": 1.0, "top_p": 0.1}
    sampling = {} if option == "seed" else {option: values.get(option, 0.3)}
    plain = Utterance(1, TEXTS["de"], language="de")
    other = Utterance(2, TEXTS["de"], language="de", seed=int(option == "seed"), sampling=sampling)
    assert not np.array_equal(pcm(spoken(speaker, [plain])[1]), pcm(spoken(speaker, [other])[2]))


def test_the_last_tokens_samples_are_cut_off_unless_it_is_the_only_one(
    speaker: MultilingualEngine,
) -> None:
    for text, kept in (("Ja, ich warte.", 22 - 1), ("J", 2 - 1)):
        speaker.admit(Utterance(1, text, language="de"))
        tokens: list[int] = []
        while not (done := speaker.advance([1])):
            decoding = speaker._active[1].decoding
            tokens = decoding.tokens if decoding else []
        spoken_ones = [token for token in tokens if token < 6561]
        assert len(spoken_ones) == kept + 1
        assert len(pcm(done[0])) == 960 * kept
    assert len(without_last_token(torch.zeros(960))) == 960


def test_text_is_read_in_its_language(speaker: MultilingualEngine) -> None:
    read = {}
    for number, language in enumerate(("de", "fr", "zh")):
        speaker.admit(Utterance(number, "Taxi 北京", language=language))
        read[language] = tuple(speaker._active[number].text)
        speaker.drop(number)
    assert len(set(read.values())) == 3
    assert len(read["zh"]) > len(read["de"])  # the characters became keys


def test_weights_that_do_not_stop_are_cut_and_say_so(tiny_multilingual: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(tiny_multilingual, tmp_path / "endless")
    (folder / "manifest.json").unlink()
    block = spoken(engine(folder), [Utterance(1, "Ja.", language="de")])[1]
    assert isinstance(block, Take)
    assert not block.stopped
    assert 40 < len(block.pcm) // 960 < 100


def test_what_cannot_be_read_is_one_utterances_fault(speaker: MultilingualEngine) -> None:
    found = spoken(
        speaker,
        [
            Utterance(1, "[laugh]", language="de"),
            Utterance(2, "nuqneH", language="tlh"),
            Utterance(3, "a" * 3_000, language="de"),
            Utterance(4, TEXTS["de"], language="de"),
        ],
    )
    errors = {key: type(result.error) for key, result in found.items() if isinstance(result, Fault)}
    assert errors == {1: InvalidInputError, 2: UnsupportedLanguageError, 3: InvalidInputError}
    assert isinstance(found[4], Take)


def test_a_dropped_utterance_is_gone(speaker: MultilingualEngine) -> None:
    speaker.admit(Utterance(1, TEXTS["de"], language="de"))
    speaker.advance([1])
    speaker.drop(1)
    speaker.drop(7)
    assert speaker.advance([1]) == []


@pytest.mark.parametrize("said", ["CUDA out of memory", "cuDNN error: CUDNN_STATUS_ALLOC_FAILED"])
def test_without_memory_one_goes_and_the_rest_are_spoken(
    speaker: MultilingualEngine, monkeypatch: pytest.MonkeyPatch, said: str
) -> None:
    speaker.admit(Utterance(1, TEXTS["de"], language="de"))
    speaker.advance([1])

    def no_memory(_: GuidedDecoding) -> None:
        raise RuntimeError(said)

    with monkeypatch.context() as changes:
        changes.setattr(GuidedDecoding, "decode_step", no_memory)
        [fault] = speaker.advance([1])
    assert isinstance(fault, Fault)
    assert isinstance(fault.error, OutOfMemoryError)
    assert isinstance(spoken(speaker, [Utterance(2, TEXTS["ja"], language="ja")])[2], Take)


def test_weights_baked_in_float32_speak_as_those_released(
    speaker: MultilingualEngine, baked: dict[str, Path]
) -> None:
    utterance = Utterance(1, TEXTS["ru"], language="ru")
    released = pcm(spoken(speaker, [utterance])[1])
    found = pcm(spoken(engine(baked["fp32"], "auto"), [utterance])[1])
    assert np.abs(found - released).max() < 1e-3  # products depend on where in memory a weight begins


@pytest.mark.parametrize("precision", ["bf16", pytest.param("int8", marks=INT8)])
def test_baked_weights_speak_every_language_as_those_released(precision: str, baked: dict[str, Path]) -> None:
    speaker = engine(baked[precision], "auto")
    speech = pcm(spoken(speaker, [Utterance(1, "今天天气很好。", language="zh")])[1])
    assert float(np.abs(speech).max()) > 0.01
    assert len(speaker.languages) == 23


def test_a_baked_folder_is_known_whole_and_holds_the_hash_of_every_file(baked: dict[str, Path]) -> None:
    manifest = Manifest.read(baked["bf16"])
    assert manifest.files is not None
    names = {file.name for file in baked["bf16"].iterdir() if file.is_file()} - {"manifest.json"}
    assert dict(manifest.files) == {name: sha256(baked["bf16"] / name) for name in names}
    assert MULTILINGUAL.is_checkpoint(baked["bf16"])
    MULTILINGUAL.check_whole(baked["bf16"])


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("t3_mtl23ls_v3.safetensors", None, "is missing"),
        ("s3gen.pt", None, "is missing"),
        ("s3gen.pt", b"cos\nsystem\n(S'true'\ntR.", "is not a file of tensors"),
        ("conds.pt", None, "has no default voice"),
        ("grapheme_mtl_merged_expanded_v1.json", b"{", "the tokenizer"),
    ],
)
def test_missing_cut_and_foreign_files_stop_the_start_with_one_line(
    name: str, content: bytes | None, said: str, tiny_multilingual: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "copy"
    folder.mkdir()
    for file in tiny_multilingual.iterdir():
        (folder / file.name).symlink_to(file)
    (folder / name).unlink()
    if content is not None:
        (folder / name).write_bytes(content)
    with pytest.raises(StartError, match=said) as caught:
        load(folder, CPU)
    assert "\n" not in str(caught.value)
    if content is None:
        with pytest.raises(StartError, match="is missing"):
            MULTILINGUAL.check_whole(folder)


class Imitator:
    """Learns of every clip the same voice."""

    def __init__(self, conditioning: Conditioning) -> None:
        self.conditioning = conditioning

    def condition(self, _: Clip) -> Conditioning:
        return self.conditioning


def test_a_learned_voice_speaks_from_its_file_and_no_other_file_does(
    speaker: MultilingualEngine, tiny_multilingual: Path
) -> None:
    voice = load(tiny_multilingual, CPU, "fp32").voice.conditioning
    moved = Conditioning.of(voice.tensors() | {"speaker_embedding": -voice.speaker_embedding})
    speaker._cloner = Imitator(moved)  # type: ignore[assignment]
    clip = Clip(np.zeros(10, np.float32), "ab" * 32)
    data = speaker.learn(clip.sha256, clip)
    utterances = [Utterance(1, TEXTS["de"], language="de", voice=name) for name in (clip.sha256, "default")]
    learned, default = (pcm(spoken(speaker, [utterance])[1]) for utterance in utterances)
    assert not np.array_equal(learned, default)
    speaker.forget(clip.sha256)
    assert isinstance(spoken(speaker, utterances[:1])[1], Fault)
    speaker.recall(clip.sha256, data)
    assert np.array_equal(pcm(spoken(speaker, utterances[:1])[1]), learned)
    for key, given in (("cd" * 32, data), (clip.sha256, data[:-4]), (clip.sha256, b"")):
        with pytest.raises(ValueError):  # noqa: PT011 - several are meant
            speaker.recall(key, given)


PLAIN_SYNTHESIS = """
import json, sys
from worker.engines import Utterance
from worker.engines.choose import choose, load
from worker.settings import Settings
settings = Settings.from_env({"TTS_MODEL_DIR": sys.argv[1], "TTS_DEVICE": "cpu"})
engine = load(choose(settings), settings).engine
engine.admit(Utterance(1, "Hm.", language="sv"))
while not engine.advance([1]):
    pass
print(json.dumps([engine.name, sorted({name.split(".")[0] for name in sys.modules})]))
"""


def test_weights_choose_the_engine_and_plain_synthesis_imports_nothing_that_it_does_not_need(
    tiny_multilingual: Path,
) -> None:
    run = subprocess.run(
        [sys.executable, "-c", PLAIN_SYNTHESIS, str(tiny_multilingual)],
        capture_output=True,
        text=True,
        check=True,
    )
    name, modules = json.loads(run.stdout)
    assert name == "chatterbox-multilingual"
    unwanted = {"chatterbox", "transformers", "diffusers", "librosa", "perth", "scipy", "numba", "torchaudio"}
    assert not set(modules) & (unwanted | {"pykakasi", "spacy_pkuseg"})
