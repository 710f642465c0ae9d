"""Chatterbox-Turbo, as `worker.engines.chatterbox.catalogue` lists it."""

from worker.engines.chatterbox.model import Model

__all__ = ["TURBO"]

TURBO = Model(
    name="chatterbox-turbo",
    short="turbo",
    title="Chatterbox-Turbo",
    repository="ResembleAI/chatterbox-turbo",
    lock="weights.lock",
    t3_file="t3_turbo_v1.safetensors",
    t3_size=(24, 1024),
    s3_files=("s3gen_meanflow.safetensors",),
    voice_encoder="ve.safetensors",
    tokenizer_files=("added_tokens.json", "merges.txt", "tokenizer_config.json", "vocab.json"),
    needed=(),
    flow_steps=2,
    code="worker.engines.chatterbox.turbo.code",
)
