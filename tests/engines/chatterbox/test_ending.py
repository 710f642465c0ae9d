"""Where decoding ends that the model does not end itself."""

import pytest

from worker.engines.chatterbox.ending import lingers, without_lingering

SPEECH = list(range(1_000, 1_090))  # 3.6 s
SILENCE = 4299


@pytest.mark.parametrize("few", [(SILENCE,), (SILENCE, 4218), (SILENCE, 4218, 1_003)])
def test_two_seconds_of_the_same_few_tokens_after_the_speech_are_its_end(few: tuple[int, ...]) -> None:
    tail = list(few * 50)
    assert not lingers(SPEECH + tail[:46], fewest=20)
    assert lingers(SPEECH + tail[:50], fewest=20)
    assert list(without_lingering(SPEECH + tail[:50], fewest=20)) == SPEECH + tail[:15]


def test_a_silence_of_1500_ms_inside_ends_nothing_wherever_it_is() -> None:
    for at in range(len(SPEECH) + 1):
        tokens = SPEECH[:at] + [SILENCE] * 38 + SPEECH[at:]
        assert not any(lingers(tokens[:count], fewest=0) for count in range(len(tokens) + 1))
        assert list(without_lingering(tokens, fewest=0)) == tokens


def test_a_silence_before_the_fewest_tokens_that_a_text_is_spoken_in_ends_nothing() -> None:
    assert not lingers([SILENCE] * 69, fewest=20)
    assert lingers([SILENCE] * 70, fewest=20)


def test_four_tokens_in_turn_are_not_the_same_few() -> None:
    assert not lingers([1, 2, 3, 4] * 50, fewest=0)
