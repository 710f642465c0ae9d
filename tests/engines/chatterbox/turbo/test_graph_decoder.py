"""Decoding in fixed shapes, as on a GPU, against exact decoding; recording it, with fakes for the GPU."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import pytest
import torch

from worker.engines import Take, Utterance
from worker.engines.chatterbox.ending import TokenLimits
from worker.engines.chatterbox.turbo.captures import GraphCapture
from worker.engines.chatterbox.turbo.checkpoint import TurboModels, load
from worker.engines.chatterbox.turbo.decoder import Decoder, Decoding, EagerDecoder
from worker.engines.chatterbox.turbo.engine import TurboEngine
from worker.engines.chatterbox.turbo.graph_decoder import GraphedDecoder
from worker.engines.chatterbox.turbo.slots import Prefix
from worker.engines.chatterbox.turbo.state import cache_bytes

TEXTS = ([7, 30, 12, 45, 45, 9, 12], [3, 4], [5] * 20)
LENGTHS = (21, 30, 9)


class Recordings:
    """A recorder that keeps the step itself, and counts what is recorded and replayed."""

    def __init__(self) -> None:
        self.recorded = 0
        self.replayed = 0

    def __call__(self, step: Callable[[], None]) -> Callable[[], None]:
        self.recorded += 1
        step()

        def replay() -> None:
            self.replayed += 1
            step()

        return replay


class NoRecordings:
    """A recorder that never can."""

    def __init__(self) -> None:
        self.asked = 0

    def __call__(self, step: Callable[[], None]) -> Callable[[], None]:
        self.asked += 1
        raise RuntimeError("operation not permitted when stream is capturing")


class OnceWithoutMemory:
    """A recorder whose replays find no memory once, in the middle of a few steps."""

    def __init__(self, lack: str = "CUDA out of memory") -> None:
        self.left = 3
        self.lack = lack

    def __call__(self, step: Callable[[], None]) -> Callable[[], None]:
        def replay() -> None:
            self.left -= 1
            if self.left == 0:
                raise RuntimeError(self.lack)
            step()

        return replay


class Stream:
    """A stand-in for a GPU's second stream, that notes how many steps were launched before each use."""

    def __init__(self, recordings: Recordings) -> None:
        self.launched: list[int] = []
        self._recordings = recordings

    def __call__(self) -> AbstractContextManager[object]:
        self.launched.append(self._recordings.replayed)
        return nullcontext()


@pytest.fixture(scope="module")
def models(tiny_checkpoint: Path) -> TurboModels:
    models = load(tiny_checkpoint, torch.device("cpu"), "fp32")
    for block in models.t3.blocks:  # else every key weighs the same, and a wrong one is not noticed
        block.qkv.weight, block.project.weight = 8 * block.qkv.weight, 20 * block.project.weight
    return models


def begun(decoder: Decoder, models: TurboModels, number: int) -> Decoding:
    with torch.inference_mode():
        prefix = models.voice.prefix(models.t3)
    generator = torch.Generator().manual_seed(number)
    limits = TokenLimits(LENGTHS[number], runs_on=True)
    return decoder.begin(prefix, TEXTS[number], generator, limits, {"top_k": 50})


def finished(decoder: Decoder, rows: list[Decoding]) -> list[list[int]]:
    """Decode to the end, a row leaving when it has ended; return each row's tokens."""
    inside = list(rows)
    while inside:
        try:
            decoder.decode(inside, 8)
        except torch.OutOfMemoryError:
            continue
        for row in [row for row in inside if row.ended]:
            decoder.end(row)
            inside.remove(row)
    return [row.tokens for row in rows]


def exact(models: TurboModels) -> list[Decoding]:
    rows = []
    for number in range(len(TEXTS)):
        decoder = EagerDecoder(models.t3, 1, 300)
        rows.append(begun(decoder, models, number))
        finished(decoder, rows[-1:])
    return rows


def fixed(models: TurboModels, recorder: GraphCapture | None = None, slots: int = 4) -> GraphedDecoder:
    return GraphedDecoder(models.t3, slots, 600, recorder)


def test_in_fixed_shapes_rows_say_what_they_say_alone_and_leave_their_generators_alike(
    models: TurboModels,
) -> None:
    decoder, wanted = fixed(models), exact(models)
    rows = [begun(decoder, models, number) for number in range(3)]
    assert finished(decoder, rows) == [row.tokens for row in wanted]
    for row, alone in zip(rows, wanted, strict=True):
        assert torch.equal(row.generator.get_state(), alone.generator.get_state())


def test_in_fixed_shapes_a_row_ends_where_it_lingers_as_alone_and_leaves_its_generator_alike(
    stuck_checkpoint: Path,
) -> None:
    stuck = load(stuck_checkpoint, torch.device("cpu"), "fp32")
    found = []
    for decoder in (EagerDecoder(stuck.t3, 1, 900), GraphedDecoder(stuck.t3, 2, 900)):
        with torch.inference_mode():
            prefix = stuck.voice.prefix(stuck.t3)
        generator = torch.Generator().manual_seed(1)
        row = decoder.begin(prefix, TEXTS[0], generator, TokenLimits(200, fewest=13), {"top_k": 50})
        finished(decoder, [row])
        found.append((row.tokens, generator.get_state().tolist()))
    assert found[0] == found[1]
    assert len(found[0][0]) == 63
    assert set(found[0][0]) == {100, 200}


def test_a_row_that_is_left_out_for_a_while_says_what_it_says_alone(models: TurboModels) -> None:
    decoder, wanted = fixed(models), exact(models)
    rows = [begun(decoder, models, number) for number in range(2)]
    decoder.decode(rows[:1], 8)
    decoder.decode(rows[1:], 16)
    assert finished(decoder, rows) == [row.tokens for row in wanted[:2]]


def test_a_slot_that_was_used_before_says_the_same(models: TurboModels) -> None:
    decoder = fixed(models)
    first = finished(decoder, [begun(decoder, models, 2), begun(decoder, models, 1)])
    assert finished(decoder, [begun(decoder, models, 2), begun(decoder, models, 1)]) == first


def test_a_few_rows_of_many_slots_say_what_they_say_alone(models: TurboModels) -> None:
    decoder, wanted = fixed(models, slots=10), exact(models)
    rows = [begun(decoder, models, number) for number in range(3)]
    assert finished(decoder, rows) == [row.tokens for row in wanted]


def test_rows_in_any_slot_say_what_they_say_alone_though_lower_slots_are_left(models: TurboModels) -> None:
    decoder, wanted = fixed(models, slots=10), [row.tokens for row in exact(models)]
    rows = [begun(decoder, models, number % 3) for number in range(10)]
    decoder.decode(rows, 4)
    for row in rows[2:7]:
        decoder.end(row)
    kept = rows[:2] + rows[7:]
    assert finished(decoder, kept) == [wanted[number % 3] for number in (0, 1, 7, 8, 9)]


def test_a_row_that_is_not_attended_to_for_a_while_says_what_it_says_alone(models: TurboModels) -> None:
    decoder, wanted = fixed(models, slots=10), [row.tokens for row in exact(models)]
    rows = [begun(decoder, models, number) for number in (1, 0, 2, 1, 0)]
    decoder.decode(rows, 4)
    decoder.decode(rows[:1], 4)  # of the first four slots
    assert finished(decoder, rows[1:2] + rows[4:]) == [wanted[0], wanted[0]]


def test_a_broken_speech_leaves_nothing_behind_in_its_slot(models: TurboModels) -> None:
    decoder = fixed(models)
    with torch.inference_mode():
        whole = models.voice.prefix(models.t3)
    broken = Prefix(torch.full_like(whole.kv, torch.nan))
    speech = decoder.begin(broken, TEXTS[2], torch.Generator(), TokenLimits(40, runs_on=True), {})
    finished(decoder, [speech])
    assert finished(decoder, [begun(decoder, models, 0)]) == [exact(models)[0].tokens]


def test_many_slots_are_recorded_for_few_rows_and_for_all(models: TurboModels) -> None:
    recordings = Recordings()
    decoder = fixed(models, recordings, slots=10)
    while decoder.record():
        pass
    assert recordings.recorded == 15  # reaches of 256, 512 and 600 positions; 1, 2, 4, 8 and 10 slots
    rows = [begun(decoder, models, number % 3) for number in range(6)]
    assert finished(decoder, rows) == 2 * [row.tokens for row in exact(models)]
    assert recordings.replayed == 32  # none was done step by step


def test_what_few_rows_need_is_recorded_first(models: TurboModels) -> None:
    decoder = fixed(models, Recordings(), slots=10)
    for _ in range(9):
        decoder.record()
    rows = [begun(decoder, models, number) for number in range(3)]
    assert decoder.is_recorded(rows, 8)
    decoder.end(rows[0])
    assert decoder.is_recorded([begun(decoder, models, 0)], 8)


def test_recorded_steps_say_the_same(models: TurboModels) -> None:
    recordings = Recordings()
    decoder = fixed(models, recordings)
    while decoder.record():
        pass
    rows = [begun(decoder, models, number) for number in range(3)]
    assert finished(decoder, rows) == [row.tokens for row in exact(models)]
    assert recordings.recorded == 9  # reaches of 256, 512 and 600 positions; 1, 2 and 4 slots
    assert recordings.replayed == 32  # four times eight for the longest


def test_recording_changes_nothing_of_an_utterance_inside(models: TurboModels) -> None:
    recordings = Recordings()
    decoder = fixed(models, recordings)
    rows = [begun(decoder, models, 0)]
    decoder.decode(rows, 8)
    while decoder.record():
        pass
    assert recordings.recorded == 9
    assert finished(decoder, rows) == [exact(models)[0].tokens]
    assert recordings.replayed > 0


def test_the_steps_that_come_next_are_recorded_once(models: TurboModels) -> None:
    recordings = Recordings()
    decoder = fixed(models, recordings)
    rows = [begun(decoder, models, 0)]
    assert not decoder.is_recorded(rows, 8)
    decoder.record_next(rows, 8)
    decoder.record_next(rows, 8)
    assert recordings.recorded == 1
    assert decoder.is_recorded(rows, 8)
    assert finished(decoder, rows) == [exact(models)[0].tokens]


def test_what_cannot_be_recorded_is_decoded_step_by_step_and_asked_for_once(models: TurboModels) -> None:
    recorder = NoRecordings()
    decoder = fixed(models, recorder)
    assert not decoder.record()
    assert not decoder.record()
    rows = [begun(decoder, models, 0)]
    decoder.record_next(rows, 8)
    assert recorder.asked == 1
    assert finished(decoder, rows) == [exact(models)[0].tokens]
    assert decoder.recordings.status()["recording"] == "given up"


@pytest.mark.parametrize(
    "lack", ["CUDA out of memory", "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate`"]
)
def test_steps_that_found_no_memory_are_done_again_as_if_never_tried(models: TurboModels, lack: str) -> None:
    recorder = OnceWithoutMemory(lack)
    decoder = fixed(models, recorder)
    while decoder.record():
        pass
    assert finished(decoder, [begun(decoder, models, 0)]) == [exact(models)[0].tokens]
    assert recorder.left < 0


def test_an_engine_records_after_its_first_speech_and_speaks_the_same(models: TurboModels) -> None:
    recordings = Recordings()
    engine = TurboEngine(models, slots=2, capture=recordings)
    assert not engine.rest()
    assert recordings.recorded == 0
    before = spoken(engine)
    while engine.rest():
        pass
    assert recordings.recorded > 0
    assert torch.equal(spoken(engine), before)
    assert recordings.replayed > 0


def test_decoding_goes_on_beside_a_waveform_and_both_sound_as_alone(models: TurboModels) -> None:
    recordings = Recordings()
    stream = Stream(recordings)
    engine = TurboEngine(models, slots=2, capture=recordings, side_stream=stream)
    texts = ["A ferry left.", "A ferry left for the islands at ten, as it did on every day."]
    alone = [spoken(engine, text) for text in texts]
    while engine.rest():
        pass
    stream.launched.clear()
    together = spoken_together(engine, texts)
    for found, wanted in zip(together, alone, strict=True):
        assert torch.equal(found, wanted)
    assert 8 in [
        later - earlier for earlier, later in zip(stream.launched, stream.launched[1:], strict=False)
    ]


def test_steps_that_find_no_memory_beside_a_waveform_are_taken_after_it(models: TurboModels) -> None:
    texts = ["A ferry left.", "A ferry left for the islands at ten, as it did on every day."]
    alone = [spoken(TurboEngine(models, capture=Recordings()), text) for text in texts]
    recorder = OnceWithoutMemory()
    engine = TurboEngine(models, slots=2, capture=recorder)
    spoken(engine, texts[0])
    while engine.rest():
        pass
    # as many as are replayed until the first utterance has all its tokens, and three
    recorder.left = 8 * -(-(len(alone[0]) // 960 - 4) // 8) + 3
    together = spoken_together(engine, texts)
    assert recorder.left < 0
    for found, wanted in zip(together, alone, strict=True):
        assert torch.equal(found, wanted)


def spoken_together(engine: TurboEngine, texts: list[str]) -> list[torch.Tensor]:
    """Speak texts at once, the first one's listener waiting the longest."""
    for number, text in enumerate(texts):
        engine.admit(Utterance(number, text))
    made: dict[int, torch.Tensor] = {}
    while len(made) < len(texts):
        for block in engine.advance([number for number in range(len(texts)) if number not in made]):
            assert isinstance(block, Take)
            made[block.utterance] = torch.from_numpy(block.pcm)
    return [made[number] for number in range(len(texts))]


def spoken(engine: TurboEngine, text: str = "A ferry left.") -> torch.Tensor:
    engine.admit(Utterance(1, text))
    while not (done := engine.advance([1])):
        pass
    assert isinstance(done[0], Take)
    return torch.from_numpy(done[0].pcm)


def test_the_bytes_of_the_slots_are_known_beforehand(models: TurboModels) -> None:
    kv_cache = fixed(models)._state.kv_cache
    assert cache_bytes(models.t3, slots=4, positions=600, dtype=torch.float32) == kv_cache.nbytes
