"""Stops that no white space need follow: ideographic, danda, Arabic; and quotations in those scripts."""

import re

from segmenter.atoms import AHEAD, BEHIND
from segmenter.cutting.languages import Language
from segmenter.cutting.stops import BRACKETS, ENDERS, is_said, opened_bracket

__all__ = ["wide_end"]

OPENERS = "「『“‘（(【《〈\"'«"
PAIRS = {"」": "「", "』": "『", "”": "“", "’": "‘", "）": "（", ")": "(", '"': '"', "»": "«"}
# A Japanese particle takes the quotation into its sentence: 「はい。」と言った。
PARTICLE = re.compile(
    r"と(?!き|ころ|ても|にかく|もだち|なり)|って|など|の(?!ち)|を|に(?!わ)|は(?![いじ])|が|も(?![うしっ])"
    r"|で(?![もはす])|か(?=[と、])|、"
)
QUOTED = re.compile(r"と(?:[思言聞い、]|の)|って|という")
KANA = re.compile(r"[\u3040-\u30ff]")
CLAUSE = re.compile(r"[^。！？，、；：…\s「“]{1,14}")
CASED = "\u037e։"  # stops of scripts with capitals


def wide_end(text: str, start: int, marks: tuple[int, int], end: int, language: Language) -> int | None:
    """Return where the sentence ends at a run of such stops, None where it goes on.

    `marks` is the span of the stops, `end` where what closes after them ends.
    """
    before = text[max(start, marks[0] - BEHIND) : marks[0]]
    close = text[marks[1] : end]
    if close[:1] in {'"', "'"} and before.count(close[0]) % 2 == 0:  # it opens what comes next
        return marks[1]
    rest = text[end : end + AHEAD].lstrip()
    if not rest:
        return end
    written = text[marks[0] : marks[1]]
    opened = opened_bracket(before)
    if opened and BRACKETS[opened] not in close and BRACKETS[opened] in rest and before.find(opened) > 0:
        return None
    if rest[0] in ENDERS or rest[0] in "；：;:" or (written[0] in CASED and rest[0].islower()):
        return None
    if not close and set(written) <= {".", "…"} and len(written) + (written[0] == "…") > 1:
        return None
    if text[marks[0]] in ".．" and before[-1:].isdigit() and rest[0].isdigit():
        return None
    if close:
        return None if goes_on(before, close, rest, language) else end
    return None if text[marks[0]] not in "。।" and QUOTED.match(rest) else end


def goes_on(before: str, close: str, rest: str, language: Language) -> bool:
    """Whether the sentence goes on after a quotation or parenthesis that closes with a stop."""
    if rest[0] in OPENERS:
        return False
    opened = before.rfind(PAIRS.get(close[0], close[0]))
    lead = before[:opened].rstrip() if opened > 0 else ""
    if rest[0] < "\u3000" or "\uac00" <= rest[0] <= "\ud7a3":
        return is_said(rest, language) or rest[0] >= "\uac00" or (close[0] in ")]" and bool(lead))
    if PARTICLE.match(rest):
        return True
    if lead[-1:] in {"：", ":"}:
        return False
    if lead:
        return True
    clause = CLAUSE.match(rest)
    if clause is None or (KANA.search(clause[0]) and close[0] not in "）)"):
        return False
    return any(verb in clause[0] for verb in language.words["speech"].any if verb > "\u3000")
