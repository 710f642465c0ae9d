"""Text as the model reads it, and its tokens as transformers would make them."""

from pathlib import Path

import pytest
from transformers import AutoTokenizer

from worker.engines.chatterbox.turbo.text import load_tokenizer, prepared, tagged
from worker.errors import StartError


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", ""),
        ("  \n ", ""),
        ("hello there", "Hello there."),
        ("It is 10:30 now.", "It is 10:30 now."),
        ("See https://example.com/a", "See https://example.com/a."),
        ("He paused… then left", "He paused, then left."),
        ("“Well,” she said — ‘now’", "Well, she said - 'now'."),
        ('"Hello," she said.', "Hello, she said."),
        ('He said "no".', "He said no."),
        ("Note: bring water.", "Note, bring water."),
        ("Bring (at 10:30): water", "Bring (at 10:30), water."),
        ("ID:", "ID,"),
        ("He left (quietly)", "He left (quietly)."),
        ("He left (quietly.)", "He left (quietly.)"),
        ("It was 'so", "It was 'so."),
        ("He left; ", "He left;"),
        ("Stop! [laugh]", "Stop! [laugh]"),
        ("so  many\tspaces\nhere!", "So many spaces here!"),
        ("That was funny [laugh]", "That was funny [laugh]."),
        ("[sigh] not again", "[sigh] not again."),
        ("Is it?", "Is it?"),
    ],
)
def test_text_is_put_as_the_model_was_trained_to_read_it(text: str, said: str) -> None:
    assert prepared(text) == said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("the keeper waited", "the keeper waited,"),
        ("and the boat came,", "and the boat came,"),
        ("he left (quietly)", "he left (quietly),"),
        ("", ""),
    ],
)
def test_a_segment_cut_inside_a_sentence_neither_begins_nor_ends_as_one(text: str, said: str) -> None:
    assert prepared(text, begins_inside=True, ends_inside=True) == said


@pytest.mark.parametrize(
    ("text", "said", "left_out"),
    [
        ("Ha [laugh] ha", "Ha [laugh] ha", ()),
        ("Ha [Laughs] ha", "Ha [laugh] ha", ()),
        ("[LAUGHING] [chuckles] [clears  throat]", "[laugh] [chuckle] [clear throat]", ()),
        ("Thanks [applause] all", "Thanks   all", ("[applause]",)),
        ("So [citation needed] it is [Music]", "So   it is  ", ("[citation needed]", "[Music]")),
        ("He [who had not slept] left", "He  who had not slept  left", ()),
        ("[applause]", "applause", ()),
        ("[applause] [laugh]", "  [laugh]", ("[applause]",)),
    ],
)
def test_tags_are_the_models_own_and_others_are_left_out(
    text: str, said: str, left_out: tuple[str, ...]
) -> None:
    assert tagged(text) == (said, left_out)


@pytest.mark.parametrize(
    "text",
    [
        "Hello there.",
        "[laugh] It's 10:30, isn't it? [sigh]",
        "naïve café — 東京 🙂",
        "a  b\t[laugh]x",
        "[laughing]",
    ],
)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of transformers, about its own call
def test_tokens_are_those_of_transformers(text: str, tiny_checkpoint: Path) -> None:
    theirs = AutoTokenizer.from_pretrained(tiny_checkpoint)
    assert load_tokenizer(tiny_checkpoint).encode(text).ids == theirs(text).input_ids


def test_a_damaged_tokenizer_stops_the_start_with_one_line(tmp_path: Path) -> None:
    (tmp_path / "vocab.json").write_text("{")
    (tmp_path / "merges.txt").write_text("")
    with pytest.raises(StartError, match="tokenizer"):
        load_tokenizer(tmp_path)
