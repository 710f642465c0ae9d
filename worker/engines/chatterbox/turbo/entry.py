"""Chatterbox-Turbo, as `worker.engines.chatterbox.models` lists it."""

from worker.engines.chatterbox.files import RELEASED_VOICE
from worker.engines.chatterbox.model import Model
from worker.engines.chatterbox.turbo.files import (
    S3_FILE,
    SPEAKING,
    T3_FILE,
    VOICE_ENCODER,
    check_whole,
    is_checkpoint,
)

__all__ = ["TURBO"]

TURBO = Model(
    name="chatterbox-turbo",
    short="turbo",
    title="Chatterbox-Turbo",
    repository="ResembleAI/chatterbox-turbo",
    lock="weights.lock",
    released=(
        "added_tokens.json",
        RELEASED_VOICE,
        "merges.txt",
        S3_FILE,
        T3_FILE,
        "tokenizer_config.json",
        VOICE_ENCODER,
        "vocab.json",
    ),
    baked_from=(T3_FILE, S3_FILE, VOICE_ENCODER, RELEASED_VOICE),
    speaking=SPEAKING,
    flow_steps=2,
    is_checkpoint=is_checkpoint,
    check_whole=check_whole,
    code="worker.engines.chatterbox.turbo.code",
)
