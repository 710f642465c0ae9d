"""Marks of a letter or a few that are for the eye: emphasis, emoji, control characters, typography.

Links, tags and the like are found before (`segmenter.marks`).
"""

import re
import unicodedata

__all__ = ["composed", "tidied", "unmarked"]

QUOTES = str.maketrans("“”„‟«»″‘’‚‛‹›′´", '"""""""' + "''''" + "''" + "''")
GUILLEMETS = re.compile(r"(?<![\w.,!?…])«[ \u00a0\u202f]+|[ \u00a0\u202f]+»(?=[\s.,;:!?)]|\Z)")
RULE = re.compile(r"^[ \t:|=*_~#>+-]++$", re.MULTILINE)
LINE_START = re.compile(r"^[ \t]*(?:(?:>|#{1,6}(?=[ \t])|[-*+•⁃◦▪‣·–—―](?=[ \t]))[ \t]*)+", re.MULTILINE)
ESCAPED = re.compile(r"\\(?=[^\w\s])")
EMPHASIS = re.compile(
    r"(?<!\w)(?:[*_`]|~(?![\d$€£¥]))+(?=\S)|(?<=\S)[*_~`]+(?!\w)|\*\*+|~~+|``+|\*(?=[^\x00-\x7f])|(?<=[^\x00-\x7f])\*"
)
POWER = re.compile(r"(?<=\d)\*\*(?=\d)")
APOSTROPHE = re.compile(r"(?<=[a-z])`(?=(?:t|s|re|ve|ll|d|m)(?!\w))")  # don`t
BACKTICK = re.compile("`+")
UNDERSCORE = re.compile(r"(?<=\w)_+(?=\w)")
PIPE = re.compile(r"[ \t]*\|[ \t|]*")
EMOTICON = re.compile(r"(?<!\S)(?:[:;]-?[()DPp]|:'\()(?!\S)|<3(?=\s*\Z)")
ARROW = re.compile(r"[ \t]*(?:[-=]+>|[←-⇿⟵-⟿])[ \t]*")
DASH = re.compile(r"[ \t]*(?:[—―]|(?<!-)--(?!-))[ \t]*|(?<!\d)[ \t]+[-–][ \t]+|[ \t]+[-–][ \t]+(?!\d)")
HYPHEN = re.compile(r"[‐‑]")
SPACES = re.compile(
    r"[^\S ]\s*| \s+"
)  # not single spaces: there are many, and each would be replaced by itself
REPEATED = re.compile(r"[!?！？]{2,}")
DOTS = re.compile(r"(?<!\.)\.{2}(?!\.)|\.{4,}|…+|(?:\. ){2,}\.")
DOUBLED = re.compile(r"([,;:、。，；：،؛।\"])\1+")
RUN = re.compile(r"[-=_*~#^|<>\\]{3,}")
LONE = re.compile(r"(?<!\S)[*_~`#^|<>\\•·]+(?!\S)")
COMMAS = re.compile(r"(?:,[ \t]*)+(?=[,.;:!?])|(?<=[;:!?(])(?:[ \t]*,)+|(?<=\.)(?:[ \t]+,)+")
JOINER = re.compile(r" ?\u2060 ?")  # tables write it where a word joins its neighbour
EDGE = re.compile(r"\A[\s,;]+|[\s,]+\Z")
BEFORE_STOP = re.compile(r" +(?=[,.;:!?)](?:[\s,.;:!?)]|\Z))|(?<=\() +")
KEPT_SYMBOLS = frozenset("°№℃℉")


def composed(text: str) -> str:
    """Return the text composed (NFC), with only characters that are seen: see `kept`."""
    if text.isascii() and text.isprintable():
        return text
    letters = [kept(letter) for letter in unicodedata.normalize("NFC", text)]
    return unicodedata.normalize("NFC", "".join(letters))


def kept(letter: str) -> str:
    """Return a character as it is kept: no controls, nothing without width, no emoji."""
    if letter in "\t\n\r\u2028\u2029\u0085\v\f":
        return "\n" if letter in "\n\r\u2028\u2029\u0085" else " "
    if "\ue001" <= letter <= "\ue011":  # what a segment's atoms are written with; no text as given has these
        return letter
    category = unicodedata.category(letter)
    if category in {"Cc", "Cf", "Cs", "Co", "Cn", "Me"} or "\ufe00" <= letter <= "\ufe0f":
        return ""
    if (category == "So" and letter not in KEPT_SYMBOLS) or "\U0001f3fb" <= letter <= "\U0001f3ff":
        return " "
    return letter


def unmarked(text: str) -> str:
    """Return the text without Markdown, with plain quotes, dashes and arrows as pauses."""
    text = LINE_START.sub("", RULE.sub("", text))
    text = EMPHASIS.sub("", POWER.sub("^", ESCAPED.sub("", text).replace("\\", " ")))
    text = UNDERSCORE.sub(" ", BACKTICK.sub("", APOSTROPHE.sub("'", text)))
    text = GUILLEMETS.sub('"', PIPE.sub(", ", text)).translate(QUOTES)
    text = EMOTICON.sub("", text)
    return HYPHEN.sub("-", DASH.sub(", ", ARROW.sub(", ", text)))


def tidied(text: str) -> str:
    """Return the text with single spaces and no repeated punctuation."""
    letters = set(text)
    if "\u2060" in letters:
        text = JOINER.sub("", text)
    if not letters.isdisjoint("!?！？"):
        text = REPEATED.sub(once, text)
    if not letters.isdisjoint("-=_*~#^|<>\\`•·"):
        text = LONE.sub(" ", RUN.sub(" ", text))
    if ".." in text or ". ." in text or "…" in letters:
        text = DOTS.sub("...", text)
    text = SPACES.sub(" ", DOUBLED.sub(r"\1", text))
    text = BEFORE_STOP.sub("", text)
    if "," in letters:
        text = COMMAS.sub("", text)
    return SPACES.sub(" ", EDGE.sub("", text))


def once(match: re.Match[str]) -> str:
    """Return one mark for many: a question that is also a shout keeps both."""
    run = match[0]
    wide = run[0] in "！？"
    asks, shouts = ("？", "！") if wide else ("?", "!")
    has = [mark for mark, kinds in ((asks, "?？"), (shouts, "!！")) if any(k in run for k in kinds)]
    return "".join(has)
