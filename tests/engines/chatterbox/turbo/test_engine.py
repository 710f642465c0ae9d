"""The engine as the worker drives it, on tiny random weights."""

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Generator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.kits.precisions import HAS_INT8, INT8, PRECISIONS
from worker.engines import Fault, Pcm, Take, Utterance
from worker.engines.chatterbox.files import Manifest
from worker.engines.chatterbox.options import Options
from worker.engines.chatterbox.out_of_memory import memory_needed
from worker.engines.chatterbox.s3gen import S3Gen, S3Job
from worker.engines.chatterbox.s3gen.model import Draws
from worker.engines.chatterbox.start import start, variant
from worker.engines.chatterbox.tensors import vocoder_dtype
from worker.engines.chatterbox.turbo import checkpoint
from worker.engines.chatterbox.turbo.code import only_on_gpu
from worker.engines.chatterbox.turbo.decoder import EagerDecoder
from worker.engines.chatterbox.turbo.engine import TurboEngine
from worker.engines.chatterbox.turbo.entry import TURBO
from worker.engines.chatterbox.turbo.rendering import FIRST_RETRY
from worker.engines.chatterbox.turbo.slots import Slots
from worker.engines.chatterbox.weights.bake import bake, sha256
from worker.engines.choose import options_of
from worker.engines.takes.judge import plausible_tokens
from worker.errors import InvalidInputError, OutOfMemoryError, StartError
from worker.settings import Settings

TEXTS = ["The keeper waited.", "A boat came round the point at noon, late again.", "Nobody waved."]


def engine(folder: Path, precision: str = "fp32", slots: int = 3) -> TurboEngine:
    return TurboEngine(checkpoint.load(folder, torch.device("cpu"), precision), slots=slots)


def spoken(speaker: TurboEngine, utterances: Sequence[Utterance]) -> dict[int, Take | Fault]:
    """Speak utterances together, in the order of their ids."""
    for utterance in utterances:
        speaker.admit(utterance)
    found: dict[int, Take | Fault] = {}
    for _ in range(1_000):
        order = [utterance.id for utterance in utterances if utterance.id not in found]
        if not order:
            return found
        found |= {result.utterance: result for result in speaker.advance(order)}
    raise AssertionError("it never ends")


def pcm(result: Take | Fault) -> Pcm:
    assert isinstance(result, Take)
    return result.pcm


@pytest.fixture(scope="module")
def baked(tiny_checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("baked")
    precisions = ["bf16", "int8"] if HAS_INT8 else ["bf16"]
    for precision in precisions:
        bake(tiny_checkpoint, root / precision, precision, report=lambda _: None)
    return {precision: root / precision for precision in precisions}


@pytest.mark.parametrize("precision", PRECISIONS)
def test_an_utterance_has_the_same_samples_alone_and_beside_others(
    precision: str, tiny_checkpoint: Path
) -> None:
    utterances = [Utterance(number, text, seed=number) for number, text in enumerate(TEXTS)]
    together = spoken(engine(tiny_checkpoint, precision), utterances)
    for utterance in utterances:
        alone = spoken(engine(tiny_checkpoint, precision), [utterance])
        assert np.array_equal(pcm(together[utterance.id]), pcm(alone[utterance.id]))


def test_seeds_and_sampling_options_change_the_speech_and_repeat_it(tiny_checkpoint: Path) -> None:
    speaker = engine(tiny_checkpoint)
    first = pcm(spoken(speaker, [Utterance(1, TEXTS[0])])[1])
    again = pcm(spoken(speaker, [Utterance(2, TEXTS[0])])[2])
    other = pcm(spoken(speaker, [Utterance(3, TEXTS[0], seed=1)])[3])
    cooler = pcm(spoken(speaker, [Utterance(4, TEXTS[0], sampling={"temperature": 0.3})])[4])
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    assert not np.array_equal(first, cooler)


def test_random_weights_end_at_the_length_that_the_manifest_says(tiny_checkpoint: Path) -> None:
    block = spoken(engine(tiny_checkpoint), [Utterance(1, TEXTS[1])])[1]
    tokens = round(1.6 * len(TEXTS[1]))
    assert isinstance(block, Take)
    assert (
        tokens - 2 <= len(block.pcm) // 960 - 3 <= tokens
    )  # START and STOP are no speech, three are silence
    assert len(block.pcm) % 960 == 0


def test_weights_that_never_stop_are_cut_and_say_so(tiny_checkpoint: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(tiny_checkpoint, tmp_path / "endless")
    (folder / "manifest.json").unlink()
    block = spoken(engine(folder), [Utterance(1, "Hm.")])[1]
    assert isinstance(block, Take)
    assert not block.stopped
    assert len(block.pcm) // 960 - 3 <= round(30 + 2.6 * 3)


def test_weights_stuck_on_two_tokens_are_cut_2_s_after_the_least_speech_and_say_so(
    stuck_checkpoint: Path,
) -> None:
    text = TEXTS[1] * 4
    fewest = plausible_tokens(text)[0]
    speaker = engine(stuck_checkpoint)
    speaker.admit(Utterance(1, text))
    decoded = 0
    while not (done := speaker.advance([1])):
        decoding = speaker._active[1].decoding
        decoded = len(decoding.tokens) if decoding else 0
    assert decoded == fewest + 50
    assert isinstance(done[0], Take)
    assert not done[0].stopped
    assert len(done[0].pcm) == (fewest + 15 + 3) * 960  # 0.6 s of the run, three tokens of silence


def test_random_weights_go_on_to_the_length_that_the_manifest_says_though_stuck(
    stuck_checkpoint: Path, tiny_checkpoint: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(stuck_checkpoint, tmp_path / "random")
    shutil.copy(tiny_checkpoint / "manifest.json", folder)
    text = TEXTS[1] * 4
    assert len(pcm(spoken(engine(folder), [Utterance(1, text)])[1])) == (round(1.6 * len(text)) + 3) * 960


def test_what_somebody_waits_for_is_spoken_before_what_was_there(tiny_checkpoint: Path) -> None:
    speaker = engine(tiny_checkpoint)
    speaker.admit(Utterance(1, TEXTS[1]))
    speaker.advance([1])
    speaker.admit(Utterance(2, TEXTS[1], opens=True))
    results: list[Take | Fault] = []
    while not results:
        results = speaker.advance([2, 1])
    assert [result.utterance for result in results] == [2]


def test_a_dropped_utterance_frees_its_slot(tiny_checkpoint: Path) -> None:
    speaker = engine(tiny_checkpoint, slots=1)
    speaker.admit(Utterance(1, TEXTS[1]))
    speaker.advance([1])
    speaker.drop(1)
    speaker.drop(7)
    assert isinstance(spoken(speaker, [Utterance(2, TEXTS[0])])[2], Take)


@pytest.mark.parametrize("text", ["", "\u4e00" * 400])
def test_text_that_the_model_cannot_read_is_one_utterances_fault(text: str, tiny_checkpoint: Path) -> None:
    found = spoken(engine(tiny_checkpoint), [Utterance(1, text), Utterance(2, TEXTS[0])])
    assert isinstance(found[1], Fault)
    assert isinstance(found[1].error, InvalidInputError)
    assert isinstance(found[2], Take)


def test_a_tag_that_the_model_has_no_sound_for_is_left_out_with_a_warning(tiny_checkpoint: Path) -> None:
    speaker = engine(tiny_checkpoint)
    found = spoken(
        speaker, [Utterance(1, "The keeper [applause] waited."), Utterance(2, "He [Laughs] waited.")]
    )
    told, silent = (result.warnings if isinstance(result, Take) else () for result in found.values())
    assert told == ("[applause] is not a sound that this model makes: it was left out",)
    assert silent == ()


def test_where_a_sentence_was_cut_is_heard_in_what_the_model_is_given(tiny_checkpoint: Path) -> None:
    speaker = engine(tiny_checkpoint)
    plain = Utterance(1, "and the keeper waited")
    texts = set()
    for number in range(4):
        speaker.admit(replace(plain, id=number, begins_inside=number % 2 == 1, ends_inside=number > 1))
        texts.add(speaker._models.tokenizer.decode(speaker._active[number].text))
    said = ("And the keeper waited", "and the keeper waited")
    assert texts == {f"{text}{end}" for text in said for end in ".,"}


class Tight(Slots):
    """Slots on a device whose memory holds two rows."""

    said = "CUDA out of memory"

    def step(self, slots: Sequence[int], tokens: torch.Tensor) -> torch.Tensor:
        if len(slots) > 2:
            raise RuntimeError(self.said)
        return super().step(slots, tokens)


@pytest.mark.parametrize("said", ["CUDA out of memory", "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when"])
def test_without_memory_the_youngest_goes_and_the_rest_are_spoken_as_ever(
    tiny_checkpoint: Path, said: str
) -> None:
    speaker = engine(tiny_checkpoint)
    assert isinstance(speaker._decoder, EagerDecoder)
    speaker._decoder._slots = tight = Tight(speaker._models.t3, 3, 1_600)
    tight.said = said
    utterances = [Utterance(number, text, seed=number) for number, text in enumerate(TEXTS)]
    found = spoken(speaker, utterances)
    assert isinstance(found[2], Fault)
    assert isinstance(found[2].error, OutOfMemoryError)
    for utterance in utterances[:2]:
        alone = spoken(engine(tiny_checkpoint), [utterance])
        assert np.array_equal(pcm(found[utterance.id]), pcm(alone[utterance.id]))
    assert isinstance(spoken(speaker, [Utterance(9, TEXTS[2])])[9], Take)


@pytest.mark.parametrize("precision", PRECISIONS[1:])
def test_baked_weights_make_of_the_voice_what_the_released_ones_do_in_the_same_precision(
    precision: str, tiny_checkpoint: Path, baked: dict[str, Path]
) -> None:
    released = checkpoint.load(tiny_checkpoint, torch.device("cpu"), precision)
    slim = checkpoint.load(baked[precision], torch.device("cpu"))
    with torch.inference_mode():
        wanted, found = (models.voice.prefix(models.t3).kv.float() for models in (released, slim))
    assert slim.precision == precision
    assert float((wanted - found).norm() / wanted.norm()) < 1e-2


@pytest.mark.parametrize("precision", ["bf16", pytest.param("int8", marks=INT8)])
def test_baked_weights_speak(precision: str, baked: dict[str, Path]) -> None:
    speech = pcm(spoken(engine(baked[precision], "auto"), [Utterance(1, TEXTS[0])])[1])
    assert float(np.abs(speech).max()) > 0.01


def test_a_baked_folder_holds_the_prefix_and_the_hash_of_every_file(baked: dict[str, Path]) -> None:
    manifest = Manifest.read(baked["bf16"])
    assert manifest.precision == "bf16"
    assert manifest.is_random
    assert manifest.files is not None
    names = {file.name for file in baked["bf16"].iterdir()} - {"manifest.json"}
    assert dict(manifest.files) == {name: sha256(baked["bf16"] / name) for name in names}
    assert checkpoint.load(baked["bf16"], torch.device("cpu")).voice.stored is not None


@pytest.mark.parametrize(
    ("asked", "precision", "place", "dtype"),
    [
        ("auto", "bf16", "cuda", torch.float32),
        ("auto", "bf16", "cpu", torch.bfloat16),
        ("auto", "int8", "cpu", torch.bfloat16),
        ("auto", "fp32", "cpu", torch.float32),
        ("fp32", "int8", "cpu", torch.float32),
        ("bf16", "bf16", "cuda", torch.bfloat16),
        ("bf16", "fp32", "cuda", torch.float32),
    ],
)
def test_the_vocoder_computes_in_single_precision_on_a_gpu_unless_told_otherwise(
    asked: str, precision: str, place: str, dtype: torch.dtype
) -> None:
    assert vocoder_dtype(asked, precision, torch.device(place)) == dtype


def test_the_setting_reaches_the_vocoder_whose_baked_weights_are_whole_and_keys_that_differ(
    tiny_checkpoint: Path, baked: dict[str, Path]
) -> None:
    first = {}
    for vocoder in ("auto", "fp32"):
        options = options_of(Settings(vocoder=vocoder))
        speaker, models = TURBO.imported().load(TURBO, baked["bf16"], torch.device("cpu"), options, 2)
        assert models.s3gen.flow.dtype == torch.bfloat16
        assert variant(models, options, 2).get("vocoder") == (None if vocoder == "auto" else vocoder)
        first[models.s3gen.vocoder.dtype] = models.s3gen.vocoder.first.weight
        assert float(np.abs(pcm(spoken(speaker, [Utterance(1, "Hm.")])[1])).max()) > 0.01
    released = checkpoint.load(tiny_checkpoint, torch.device("cpu"), "fp32").s3gen.vocoder.first.weight
    assert torch.equal(first[torch.float32], released)
    assert torch.equal(first[torch.bfloat16], released.bfloat16())


def test_a_bake_that_fails_leaves_nothing(
    tiny_checkpoint: Path, tmp_path: Path, baked: dict[str, Path]
) -> None:
    broken = shutil.copytree(tiny_checkpoint, tmp_path / "broken")
    (broken / "conds.pt").unlink()
    with pytest.raises((StartError, OSError)):
        bake(broken, tmp_path / "made", report=lambda _: None)
    with pytest.raises(StartError, match="baked already"):
        bake(baked["bf16"], tmp_path / "made", report=lambda _: None)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["broken"]


@INT8
def test_a_precision_that_the_weights_do_not_have_is_refused(baked: dict[str, Path]) -> None:
    with pytest.raises(StartError, match="baked in int8, which cannot become bf16"):
        engine(baked["int8"], "bf16")


def damaged(folder: Path, name: str, content: bytes | None) -> Path:
    if content is None:
        (folder / name).unlink()
    else:
        (folder / name).write_bytes(content)
    return folder


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("t3_turbo_v1.safetensors", None, "is missing: set TTS_MODEL_DIR"),
        ("t3_turbo_v1.safetensors", b"\x80\x02}q\x00.", "is not a whole safetensors file"),
        ("s3gen_meanflow.safetensors", b"", "is not a whole safetensors file"),
        ("conds.pt", b"cos\nsystem\n(S'true'\ntR.", "the default voice"),
        ("conds.pt", None, "has no default voice"),
        ("manifest.json", b"[1, 2", "manifest.json cannot be read"),
        ("vocab.json", b"{", "the tokenizer"),
    ],
)
def test_missing_cut_and_foreign_files_stop_the_start_with_one_line(
    name: str, content: bytes | None, said: str, tiny_checkpoint: Path, tmp_path: Path
) -> None:
    folder = damaged(shutil.copytree(tiny_checkpoint, tmp_path / "copy"), name, content)
    with pytest.raises(StartError, match=said) as caught:
        engine(folder)
    assert "\n" not in str(caught.value)


def test_a_gpu_that_is_demanded_and_not_there_stops_the_start(tiny_checkpoint: Path) -> None:
    with pytest.raises(
        StartError, match=r"TTS_DEVICE=cuda, but .*: start it on a machine with an NVIDIA GPU"
    ):
        start(tiny_checkpoint, device="cuda")


@pytest.mark.parametrize(
    "lack", [torch.OutOfMemoryError("no more"), RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED")]
)
def test_memory_that_is_lacking_at_start_is_one_line_that_says_for_what(lack: Exception) -> None:
    for place, where in (("cuda", "GPU"), ("cpu", "machine")):
        with (
            pytest.raises(
                StartError, match=f"^not enough memory on the {where} for the weights: use a larger machine$"
            ),
            memory_needed(torch.device(place), "the weights"),
        ):
            raise lack


def test_another_error_at_start_is_no_lack_of_memory() -> None:
    with pytest.raises(RuntimeError, match="illegal"), memory_needed(torch.device("cuda"), "the weights"):
        raise RuntimeError("CUDA error: an illegal memory access was encountered")


def test_steps_are_recorded_on_a_gpu_unless_that_is_turned_off() -> None:
    def given(place: str, options: Options) -> list[str]:
        return sorted(only_on_gpu(torch.device(place), options, lambda: lambda step: step, lambda: None))

    assert given("cuda", Options()) == ["capture", "side_stream"]
    assert given("cuda", Options(graphs=False)) == ["side_stream"]
    assert given("cpu", Options()) == []
    assert given("cuda", options_of(Settings())) == ["capture", "side_stream"]
    assert given("cuda", options_of(Settings(graphs="off"))) == ["side_stream"]


def test_slots_that_do_not_fit_are_named_with_the_setting(tiny_checkpoint: Path) -> None:
    said = r"machine for the keys and values of 10000000 slots \(\d+\.\d GB\): set TTS_SLOTS lower, or"
    with pytest.raises(StartError, match=said):
        start(tiny_checkpoint, device="cpu", options=Options(slots=10_000_000))


def test_a_start_leaves_no_worker_threads_behind(tiny_checkpoint: Path) -> None:
    def threads() -> set[str]:
        return {task.name for task in Path("/proc/self/task").iterdir()}

    torch.set_num_threads(2)
    try:
        before = threads()
        start(tiny_checkpoint, device="cpu", options=Options(slots=1))
        deadline = time.monotonic() + 10
        while threads() - before and time.monotonic() < deadline:
            time.sleep(0.01)  # they end a moment after their thread
        assert not threads() - before
    finally:
        torch.set_num_threads(1)


PLAIN_SYNTHESIS = """
import json, sys
from worker.engines import Utterance
from worker.engines.choose import load
from worker.settings import Settings
settings = Settings.from_env({"TTS_MODEL_DIR": sys.argv[1], "TTS_DEVICE": "cpu"})
engine = load("chatterbox-turbo", settings).engine
engine.admit(Utterance(1, "Hm."))
while not engine.advance([1]):
    pass
print(json.dumps(sorted({name.split(".")[0] for name in sys.modules})))
"""


def test_plain_synthesis_imports_nothing_that_it_does_not_need(tiny_checkpoint: Path) -> None:
    run = subprocess.run(
        [sys.executable, "-c", PLAIN_SYNTHESIS, str(tiny_checkpoint)],
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = set(json.loads(run.stdout))
    assert "torch" in loaded
    unwanted = {"chatterbox", "transformers", "diffusers", "librosa", "perth", "scipy", "numba", "torchaudio"}
    assert not loaded & unwanted


def test_rows_that_are_rendered_together_sound_as_alone_and_leave_together(tiny_checkpoint: Path) -> None:
    texts = [
        "The keeper waited.",
        "Nobody waved, he.",
        "The gulls left at noon and the boat came round late.",
    ]
    utterances = [Utterance(number, text, seed=number) for number, text in enumerate(texts)]
    models = checkpoint.load(tiny_checkpoint, torch.device("cpu"), "fp32")
    together = TurboEngine(models, slots=3, batch=3)
    left: list[list[int]] = []
    for utterance in utterances:
        together.admit(utterance)
    found: dict[int, Take | Fault] = {}
    while len(found) < len(texts):
        results = together.advance([key for key in range(len(texts)) if key not in found])
        found |= {result.utterance: result for result in results}
        left += [[result.utterance for result in results]] if results else []
    assert left == [[0, 1], [2]]  # the third is too long to be padded to
    for utterance in utterances:
        alone = pcm(spoken(engine(tiny_checkpoint), [utterance])[utterance.id])
        assert np.abs(pcm(found[utterance.id]) - alone).max() <= 1e-4


class Scarce(S3Gen):
    """Finds memory for one row at a time only; so the first few times."""

    def __init__(self, plenty: S3Gen, times: int = 1_000, said: str = "CUDA out of memory") -> None:
        super().__init__(plenty.flow, plenty.vocoder)
        self.times = times
        self.said = said

    def stepwise(
        self, jobs: Sequence[S3Job], draws: Sequence[Draws] | None = None
    ) -> Generator[None, None, list[torch.Tensor]]:
        if len(jobs) > 1 and self.times:
            self.times -= 1
            self.draw(jobs[0])
            raise RuntimeError(self.said)
        return (yield from super().stepwise(jobs, draws))


@pytest.mark.parametrize("said", ["CUDA out of memory", "cuDNN error: CUDNN_STATUS_ALLOC_FAILED"])
def test_rows_that_find_no_memory_together_are_rendered_alone_as_if_never_tried(
    tiny_checkpoint: Path, said: str
) -> None:
    utterances = [Utterance(number, TEXTS[0], seed=number) for number in range(2)]
    models = checkpoint.load(tiny_checkpoint, torch.device("cpu"), "fp32")
    scarce = TurboEngine(replace(models, s3gen=Scarce(models.s3gen, said=said)), slots=2, batch=2)
    assert scarce.status() == {"rows": 2, "rows_at_most": 2}
    found = spoken(scarce, utterances)
    for utterance in utterances:
        alone = spoken(engine(tiny_checkpoint), [utterance])
        assert np.array_equal(pcm(found[utterance.id]), pcm(alone[utterance.id]))
    assert scarce.status() == {"rows": 1, "rows_at_most": 2}


def test_another_error_of_the_device_is_the_engines_death(tiny_checkpoint: Path) -> None:
    models = checkpoint.load(tiny_checkpoint, torch.device("cpu"), "fp32")
    broken = Scarce(models.s3gen, said="CUDA error: an illegal memory access was encountered")
    speaker = TurboEngine(replace(models, s3gen=broken), slots=2, batch=2)
    with pytest.raises(RuntimeError, match="illegal memory access"):
        spoken(speaker, [Utterance(number, TEXTS[0], seed=number) for number in range(2)])


class Unprepared(S3Gen):
    """Cannot prepare for later speech."""

    said = "CUDA out of memory"

    def rest(self) -> bool:
        raise RuntimeError(self.said)


def test_an_idle_engine_without_memory_prepares_nothing_and_lives(tiny_checkpoint: Path) -> None:
    models = checkpoint.load(tiny_checkpoint, torch.device("cpu"), "fp32")
    s3gen = Unprepared(models.s3gen.flow, models.s3gen.vocoder)
    speaker = TurboEngine(replace(models, s3gen=s3gen))
    assert speaker.status() == {}  # one by one, and nothing to record
    first = pcm(spoken(speaker, [Utterance(1, "Hm.")])[1])
    assert not speaker.rest()
    assert np.array_equal(pcm(spoken(speaker, [Utterance(2, "Hm.")])[2]), first)
    s3gen.said = "CUDA error: an illegal memory access was encountered"
    with pytest.raises(RuntimeError, match="illegal"):
        speaker.rest()


def test_after_a_while_as_many_rows_are_rendered_together_as_before(
    tiny_checkpoint: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    models = checkpoint.load(tiny_checkpoint, torch.device("cpu"), "fp32")
    speaker = TurboEngine(replace(models, s3gen=Scarce(models.s3gen, times=1)), slots=2, batch=2)
    spoken(speaker, [Utterance(number, TEXTS[0], seed=number) for number in range(2)])
    for number in range(FIRST_RETRY):
        spoken(speaker, [Utterance(number, "Hm.")])
    assert speaker.status() == {"rows": 2, "rows_at_most": 2}
    assert [line for line in caplog.messages if "waveforms" in line] == [
        "no memory to make 2 waveforms together: 1 at most for a while",
        "up to 2 waveforms are made together again",
    ]


def test_what_somebody_waits_for_goes_before_the_rest_of_a_waveform(tiny_checkpoint: Path) -> None:
    other, calls = engine(tiny_checkpoint), 1
    other.admit(Utterance(1, TEXTS[1]))
    while not (alone := other.advance([1])):
        calls += 1
    speaker = engine(tiny_checkpoint)
    speaker.admit(Utterance(1, TEXTS[1]))
    for _ in range(calls - 1):  # the flow is done, the vocoder is not
        assert not speaker.advance([1])
    speaker.admit(Utterance(2, TEXTS[0], opens=True))
    left: list[Take | Fault] = []
    while len(left) < 2:
        left += speaker.advance([2, 1] if not left else [1])
    assert [result.utterance for result in left] == [2, 1]
    assert np.array_equal(pcm(left[1]), pcm(alone[0]))


def test_after_its_first_speech_an_idle_engine_prepares_what_is_left_and_speaks_the_same(
    tiny_checkpoint: Path,
) -> None:
    speaker = engine(tiny_checkpoint)
    assert not speaker.rest()
    first = pcm(spoken(speaker, [Utterance(1, TEXTS[0])])[1])
    pieces = 0
    while speaker.rest():
        pieces += 1
    assert pieces == 2  # three lengths of the vocoder, one of them met
    assert np.array_equal(pcm(spoken(speaker, [Utterance(2, TEXTS[0])])[2]), first)
