"""Chatterbox Multilingual, v3 and v2, as `worker.engines.chatterbox.catalogue` lists it."""

from dataclasses import replace

from worker.engines.chatterbox.model import Model

__all__ = ["CANGJIE_FILE", "MULTILINGUAL", "MULTILINGUAL_V2", "TOKENIZER_FILE", "WORDS_FOLDER"]

TOKENIZER_FILE = "grapheme_mtl_merged_expanded_v1.json"
CANGJIE_FILE = "Cangjie5_TC.json"
WORDS_FOLDER = "pkuseg"  # spacy-pkuseg's model, for Chinese

MULTILINGUAL = Model(
    name="chatterbox-multilingual",
    short="multilingual",
    title="Chatterbox Multilingual",
    repository="ResembleAI/chatterbox",
    lock="weights-multilingual.lock",
    t3_file="t3_mtl23ls_v3.safetensors",
    t3_size=(30, 1024),
    s3_files=("s3gen.safetensors", "s3gen.pt"),
    voice_encoder="ve.pt",
    tokenizer_files=(TOKENIZER_FILE, CANGJIE_FILE),
    needed=(TOKENIZER_FILE,),
    flow_steps=10,
    code="worker.engines.chatterbox.multilingual.code",
    sha256={TOKENIZER_FILE: "69632f47220a788a52ce2661d096453c5655e9bf25289d89a8d832c46ee07dbf"},
)
# The T3 before it and the tokenizer that this was trained with, by the code of v3, as upstream speaks it now.
MULTILINGUAL_V2 = replace(
    MULTILINGUAL,
    name="chatterbox-multilingual-v2",
    short="multilingual-v2",
    title="Chatterbox Multilingual v2",
    lock="weights-multilingual-v2.lock",
    t3_file="t3_mtl23ls_v2.safetensors",
    sha256={TOKENIZER_FILE: "df81a7ca7c31796cbe97f7a7142d5a53b12e88e12417ebe98f66602cafaf0461"},
)
