"""The random checkpoints look like the released one."""

import json
from pathlib import Path

from safetensors.torch import load_file
from tokenizers import AddedToken, Tokenizer
from tokenizers.models import BPE

from worker.engines.chatterbox.conditioning import Conditioning

RELEASED = {
    "t3_turbo_v1.safetensors", "s3gen_meanflow.safetensors", "ve.safetensors", "conds.pt",
    "vocab.json", "merges.txt", "added_tokens.json", "special_tokens_map.json", "tokenizer_config.json",
}  # fmt: skip


def test_a_tiny_checkpoint_holds_the_files_of_the_released_one_and_says_that_it_is_random(
    tiny_checkpoint: Path,
) -> None:
    assert {file.name for file in tiny_checkpoint.iterdir()} == RELEASED | {"manifest.json"}
    manifest = json.loads((tiny_checkpoint / "manifest.json").read_text())
    assert manifest["random"] is True
    assert manifest["tokens_per_character"] == 1.6


def test_its_voice_reads_as_upstreams_does(tiny_checkpoint: Path) -> None:
    voice = Conditioning.from_upstream(tiny_checkpoint / "conds.pt")
    assert voice.s3_prompt_mel.shape[1] == 2 * voice.s3_prompt_tokens.shape[1]


def test_its_tags_are_single_tokens_that_t3_has_rows_for(tiny_checkpoint: Path) -> None:
    model = BPE.from_file(str(tiny_checkpoint / "vocab.json"), str(tiny_checkpoint / "merges.txt"))
    tokenizer = Tokenizer(model)
    tags = json.loads((tiny_checkpoint / "added_tokens.json").read_text())
    tokenizer.add_tokens([AddedToken(tag, normalized=False) for tag in tags])
    rows = len(load_file(tiny_checkpoint / "t3_turbo_v1.safetensors")["text_emb.weight"])
    ids = {tag: tokenizer.encode(tag).ids for tag in tags}
    assert ids == {tag: [number] for tag, number in tags.items()}
    assert max(tags.values()) < rows
