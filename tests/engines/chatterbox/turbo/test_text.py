"""Text as the model reads it, and its tokens as transformers would make them."""

from pathlib import Path

import pytest
from transformers import AutoTokenizer

from worker.engines.chatterbox.turbo.text import load_tokenizer, prepared
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
        ("“Well,” she said — ‘now’", "\"Well,\" she said - 'now'"),
        ("so  many\tspaces\nhere!", "So many spaces here!"),
        ("That was funny [laugh]", "That was funny [laugh]"),
        ("[sigh] not again", "[sigh] not again."),
        ("Is it?", "Is it?"),
    ],
)
def test_text_is_put_as_the_model_was_trained_to_read_it(text: str, said: str) -> None:
    assert prepared(text) == said


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
