"""Chinese and Japanese: written without spaces, so with rules of their own for what stands in figures."""

import re
import unicodedata

from segmenter.words.east.chinese import CHINESE, chinese_rules
from segmenter.words.east.codes import code_rules
from segmenter.words.east.common import Writer
from segmenter.words.east.counts import count_rules, score_rules
from segmenter.words.east.dates import date_rules, time_rules
from segmenter.words.east.japanese import JAPANESE, japanese_rules
from segmenter.words.east.letters import letter_rules
from segmenter.words.east.mathematics import mathematics_rules
from segmenter.words.east.quantities import quantity_rules
from segmenter.words.grammar.table_rules import rewriting
from segmenter.words.languages import WordTable
from segmenter.words.rules import Rule, Written

__all__ = ["east_rules", "prepared"]

STYLES = {"zh": CHINESE, "ja": JAPANESE}
OWN_RULES = {"zh": chinese_rules, "ja": japanese_rules}
SQUARED = Written(r"[\u3300-\u33ff\u3231\u3232\u3291\u3292]")  # ㎡ ㎏ ㍍ ㈱, each one character
VULGAR = Written(r"(\d)?([¼-¾⅐-⅞])")
COMPANY = Written(r"[(（]株[)）]")
DASHED = Written(r"(?<=\d)[—―](?=\d)")
HYPHENED = Written(r"(?<=\d)－(?=\d)")
LIVED = Written(r"(?<=日)[ ]?[-–—―－][ ]?(?=\d{4}年)")  # 1907年1月23日 - 1981年9月8日
PAID = Written("／(?=[月年日人泊回]|時間)")
BOWED = Written(r"m\(_[ ]?_\)m|\(\^[_.o-]?\^;?\)")  # m(_ _)m, (^_^)


def prepared(text: str) -> str:
    """Return the text without what would be lost as a pictograph or a dash: ㎡, ㈱, 〒, 5—8."""
    if text.isascii():
        return text
    text = SQUARED.compiled.sub(unsquared, text)
    text = VULGAR.compiled.sub(lambda match: f"{match[1] + ' ' if match[1] else ''}{sliced(match[2])}", text)
    text = HYPHENED.compiled.sub("-", text)
    text = LIVED.compiled.sub("〜", PAID.compiled.sub("/", BOWED.compiled.sub("", text)))
    return DASHED.compiled.sub(
        "–", re.sub("(郵便番号)?〒[ ]?", "郵便番号", COMPANY.compiled.sub("株式会社", text))
    )


def unsquared(match: re.Match[str]) -> str:
    """Return ㎡ as m²."""
    return unicodedata.normalize("NFKC", match[0]).replace("m2", "m²").replace("m3", "m³")


def sliced(fraction: str) -> str:
    """Return ½ as 1/2."""
    return unicodedata.normalize("NFKC", fraction).replace("⁄", "/")


def east_rules(language: WordTable) -> list[Rule]:
    """Return all rules of a language in the order in which they apply; none leaves a digit behind."""
    writer = Writer(language, STYLES[language.code])
    return [
        *(rewriting(pattern, said) for pattern, said in language.rewrites),
        *date_rules(writer),
        *OWN_RULES[language.code](writer),
        *code_rules(writer),
        *score_rules(writer),
        *time_rules(writer),
        *mathematics_rules(writer),
        *letter_rules(writer),
        *quantity_rules(writer),
        *count_rules(writer),
    ]
