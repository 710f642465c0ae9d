"""Text in 23 languages becomes the ids that upstream's tokenizer makes of it; what cannot is named."""

import importlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from worker.engines.chatterbox.multilingual.text import LANGUAGES, MultilingualTokenizer, lacking, prepared
from worker.errors import StartError

pytestmark = pytest.mark.filterwarnings("ignore")  # of upstream's package and of what it calls
CASES = Path(__file__).parents[3] / "segmenter/cases"
EACH = 10
UNKNOWN = 1


@pytest.fixture(scope="module")
def theirs(tiny_multilingual: Path, oracle: ModuleType) -> Callable[[str, str], list[int]]:
    """Upstream's way from a text to ids, with everything that it asks for installed."""
    module = importlib.import_module("chatterbox.models.tokenizers.tokenizer")
    normal = importlib.import_module("chatterbox.mtl_tts").punc_norm
    pkuseg: Any = importlib.import_module("spacy_pkuseg").pkuseg
    with pytest.MonkeyPatch.context() as changes:
        # neither the hub nor the place that spacy-pkuseg's model is downloaded from can be reached
        changes.setattr(module, "hf_hub_download", lambda filename, **_: str(tiny_multilingual / filename))
        changes.setattr(module.ChineseCangjieConverter, "_init_segmenter", lambda _: None)
        tokenizer = module.MTLTokenizer(str(tiny_multilingual / "grapheme_mtl_merged_expanded_v1.json"))
    tokenizer.cangjie_converter.segmenter = pkuseg(model_name=str(tiny_multilingual / "pkuseg"))

    def ids(text: str, language: str) -> list[int]:
        found: list[int] = tokenizer.text_to_tokens(normal(text), language_id=language)[0].tolist()
        return found

    return ids


@pytest.fixture(scope="module")
def reader(tiny_multilingual: Path) -> MultilingualTokenizer:
    return MultilingualTokenizer(tiny_multilingual)


def sentences(language: str) -> list[str]:
    lines = (CASES / f"{language}.jsonl").read_text(encoding="utf-8").splitlines()
    texts = [json.loads(line)["text"] for line in lines]
    return [text for text in texts if "[" not in text][:EACH]


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_ten_texts_of_each_language_become_upstreams_ids(
    language: str, theirs: Callable[[str, str], list[int]], reader: MultilingualTokenizer
) -> None:
    texts = sentences(language)
    assert len(texts) == EACH
    found = [reader.encode(prepared(text), language) for text in texts]
    assert found == [theirs(text, language) for text in texts]
    every = [token for ids in found for token in ids]
    assert every.count(UNKNOWN) < len(every) / 20  # else the stand-in vocabulary would prove nothing
    assert len(set(every)) > 20


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("ja", "東京へ行くのは八時です。ハハハ!"),
        ("ja", "コーヒーを飲む"),
        ("zh", "一丁七。"),  # three characters with the same keys
        ("zh", "iPhone 15 很好, abc！"),
        ("ko", " 안녕하세요 여러분 "),
        ("he", "שָׁלוֹם עולם"),
        ("tr", "İstanbul'da ılık bir gün"),
        ("de", "ßpät… – “Ja”: nein; gut"),
        ("en", "no end"),
        ("en", "UPPER - lower ... ,"),
    ],
)
def test_what_is_special_in_a_language_is_as_upstream_has_it(
    language: str, text: str, theirs: Callable[[str, str], list[int]], reader: MultilingualTokenizer
) -> None:
    assert reader.encode(prepared(text), language) == theirs(text, language)


@pytest.mark.parametrize("text", ["", "  \n", "[laugh]"])
def test_nothing_to_say_stays_nothing(text: str) -> None:
    assert prepared(text) == ""


def test_tags_are_left_out_and_words_of_special_tokens_are_spelt() -> None:
    assert prepared("so [sigh] what [STOP] now") == "So what now."


def test_this_machine_reads_every_language(tiny_multilingual: Path) -> None:
    assert lacking(tiny_multilingual) == {}


def test_what_a_language_lacks_is_named(tiny_multilingual: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(tiny_multilingual, tmp_path / "copy")
    (folder / "Cangjie5_TC.json").unlink()
    assert lacking(folder) == {"zh": "Cangjie5_TC.json beside the weights"}
    shutil.rmtree(folder / "pkuseg")
    assert lacking(folder) == {"zh": "the model of spacy-pkuseg, as pkuseg/ beside the weights"}


def test_a_damaged_tokenizer_or_anothers_stops_the_start_with_one_line(
    tiny_multilingual: Path, tmp_path: Path
) -> None:
    file = tmp_path / "grapheme_mtl_merged_expanded_v1.json"
    with pytest.raises(StartError, match="cannot be read"):
        MultilingualTokenizer(tmp_path)
    text = (tiny_multilingual / file.name).read_text(encoding="utf-8")
    file.write_text(text.replace("[SPACE]", "[SPICE]"), encoding="utf-8")
    with pytest.raises(StartError, match=r"lacks \[SPACE\]: is it the multilingual one\?"):
        MultilingualTokenizer(tmp_path)


def test_a_segment_cut_inside_a_sentence_neither_begins_nor_ends_as_one() -> None:
    for text, inside in (
        ("und er ging", "und er ging,"),
        ("und er,", "und er,"),
        ("他走了，", "他走了，"),
        ("", ""),
    ):
        assert prepared(text, begins_inside=True, ends_inside=True) == inside
    assert prepared("und er ging") == "Und er ging."
