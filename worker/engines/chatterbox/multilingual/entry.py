"""Chatterbox Multilingual, as `worker.engines.chatterbox.catalogue` lists it."""

from worker.engines.chatterbox.model import Model

__all__ = ["CANGJIE_FILE", "MULTILINGUAL", "TOKENIZER_FILE", "WORDS_FOLDER"]

TOKENIZER_FILE = "grapheme_mtl_merged_expanded_v1.json"
CANGJIE_FILE = "Cangjie5_TC.json"
WORDS_FOLDER = "pkuseg"  # spacy-pkuseg's model, for Chinese

MULTILINGUAL = Model(
    name="chatterbox-multilingual",
    short="multilingual",
    title="Chatterbox Multilingual",
    repository="ResembleAI/chatterbox",
    lock="weights-multilingual.lock",
    t3_file="t3_mtl23ls_v2.safetensors",
    t3_size=(30, 1024),
    s3_files=("s3gen.safetensors", "s3gen.pt"),
    voice_encoder="ve.pt",
    tokenizer_files=(TOKENIZER_FILE, CANGJIE_FILE),
    needed=(TOKENIZER_FILE,),
    flow_steps=10,
    code="worker.engines.chatterbox.multilingual.code",
)
