"""The engines that always give the same samples for the same input, alone and beside others."""

from collections.abc import Sequence

import numpy as np
import pytest

from worker.engines import Engine, Pcm, Take, Utterance
from worker.engines.preview import PreviewEngine
from worker.engines.tone import ToneEngine

UTTERANCES = [
    Utterance(0, "The harbour was quiet that morning. Nobody waved.", seed=3),
    Utterance(1, "A ferry left for the islands.", seed=4),
    Utterance(2, "By noon the fog had lifted, and the market had opened.", seed=5),
]


def spoken(engine: Engine, utterances: Sequence[Utterance]) -> dict[int, Pcm]:
    for utterance in utterances:
        engine.admit(utterance)
    made: dict[int, Pcm] = {}
    while len(made) < len(utterances):
        for block in engine.advance([u.id for u in utterances if u.id not in made]):
            assert isinstance(block, Take)
            made[block.utterance] = block.pcm
    return made


@pytest.mark.parametrize("kind", [ToneEngine, PreviewEngine])
def test_an_utterance_has_the_same_samples_alone_beside_others_and_in_another_engine(
    kind: type[ToneEngine | PreviewEngine],
) -> None:
    engine = kind()
    together = spoken(engine, UTTERANCES)
    for utterance in reversed(UTTERANCES):
        for where in (engine, kind()):
            assert np.array_equal(spoken(where, [utterance])[utterance.id], together[utterance.id])
