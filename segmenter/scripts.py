"""What the worker must know of a language's writing: how much a character says, and its script. Pure."""

import re
from collections.abc import Iterable

__all__ = ["foreign_script", "worth"]

WORTH = {"ja": 3, "ko": 3, "zh": 3}  # English letters that take as long to say as one character
HAN = "\u3005\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
KANA = "\u3040-\u30ff\u31f0-\u31ff\uff66-\uff9f"
HANGUL = "\u1100-\u11ff\u3130-\u318f\uac00-\ud7af"
WIDE = re.compile(f"[{HAN}{KANA}{HANGUL}]")
LATIN = ("Latin", "A-Za-z\u00aa\u00ba\u00c0-\u024f\u1e00-\u1eff\uff21-\uff5a")
SCRIPTS = {
    "ar": ("Arabic", "\u0600-\u06ff\u0750-\u077f\ufb50-\ufdff\ufe70-\ufeff"),
    "el": ("Greek", "\u0370-\u03ff\u1f00-\u1fff"),
    "he": ("Hebrew", "\u0590-\u05ff\ufb1d-\ufb4f"),
    "hi": ("Devanagari", "\u0900-\u097f"),
    "ja": ("Japanese", HAN + KANA),
    "ko": ("Hangul", HANGUL),
    "ru": ("Cyrillic", "\u0400-\u052f"),
    "zh": ("Chinese", HAN),
}
OWN = {language: re.compile(f"[{letters}]") for language, (_, letters) in SCRIPTS.items()}
OWN_LATIN = re.compile(f"[{LATIN[1]}]")
LEAST = 0.2  # of a text in its language's script: names and quotations are in any


def worth(language: str) -> int:
    """Return how many English letters take as long to say as a character of this language."""
    return WORTH.get(language, 1)


def foreign_script(texts: Iterable[str], language: str) -> str | None:
    """Return a warning where texts are hardly in the script of their language; None where they are."""
    own, total = 0, 0
    pattern = OWN.get(language, OWN_LATIN)
    for letter in "".join(texts):
        if letter.isalpha():
            weight = 3 if WIDE.match(letter) else 1
            total += weight
            own += weight if pattern.match(letter) else 0
    if own >= LEAST * total:
        return None
    script, _ = SCRIPTS.get(language, LATIN)
    return f"text is hardly in {script} script, that of language {language!r}: it may be read wrongly"
