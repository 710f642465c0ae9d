"""Chatterbox Multilingual, as `worker.engines.chatterbox.models` lists it."""

from worker.engines.chatterbox.files import RELEASED_VOICE
from worker.engines.chatterbox.model import Model
from worker.engines.chatterbox.multilingual.files import (
    CANGJIE_FILE,
    RELEASED_S3_FILE,
    RELEASED_VOICE_ENCODER,
    SPEAKING,
    T3_FILE,
    TOKENIZER_FILE,
    check_whole,
    is_checkpoint,
)

__all__ = ["MULTILINGUAL"]

MULTILINGUAL = Model(
    name="chatterbox-multilingual",
    short="multilingual",
    title="Chatterbox Multilingual",
    repository="ResembleAI/chatterbox",
    lock="weights-multilingual.lock",
    released=(
        CANGJIE_FILE,
        RELEASED_VOICE,
        TOKENIZER_FILE,
        RELEASED_S3_FILE,
        T3_FILE,
        RELEASED_VOICE_ENCODER,
    ),
    baked_from=(T3_FILE, RELEASED_S3_FILE, RELEASED_VOICE_ENCODER, TOKENIZER_FILE, RELEASED_VOICE),
    speaking=SPEAKING,
    flow_steps=10,
    is_checkpoint=is_checkpoint,
    check_whole=check_whole,
    code="worker.engines.chatterbox.multilingual.code",
)
