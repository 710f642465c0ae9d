"""What is never cut, and what counts as speech."""

import re

__all__ = [
    "AHEAD",
    "BEHIND",
    "CJK",
    "EMOJI",
    "PAUSE",
    "PAUSE_LIMIT_MS",
    "SPOKEN",
    "TAG",
    "glued",
    "is_speakable",
    "open_tag",
    "pause_ms",
    "tail",
    "unglued",
]

AHEAD = 64  # characters after a place that a decision about it may look at
BEHIND = 100  # and before it
PAUSE_LIMIT_MS = 10_000
TAG = re.compile(r"\[[^\[\]\n]{1,40}\]")
PAUSE = r"\[pause:\s{0,3}\d{1,5}(?:\.\d{1,3})?\s{0,3}(?:ms|s)\]"
PAUSES = re.compile(r"\[pause:\s{0,3}(\d{1,5}(?:\.\d{1,3})?)\s{0,3}(ms|s)\]")
EMOJI = (
    r"[\u231a-\u23ff\u2600-\u27bf\u2b00-\u2bff\U0001f000-\U0001faff]"
    r"[\ufe0e\ufe0f\u200d\U0001f3fb-\U0001f3ff\U000e0020-\U000e007f]{0,8}"
)
CJK = r"\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003134f"
SPOKEN = re.compile(r"[^\W_]")
# What stands for a space or a mark inside an atom, where no rule may see one: private use, so no text has it
# once it was read.
GLUE = {
    " ": "\ue001",
    "\n": "\ue001",
    ".": "\ue002",
    "!": "\ue003",
    "?": "\ue004",
    ",": "\ue005",
    ":": "\ue006",
}
GLUED = str.maketrans(GLUE)
UNGLUED = str.maketrans({stand_in: mark for mark, stand_in in GLUE.items() if mark != "\n"})
OPEN_TAG = re.compile(r"\[[^\[\]\n]{0,40}\Z")
# What stays with a sentence that is over: emoji and emoticons, tags that touch it, tags and hashtags that
# fill the rest of its line. A written pause does not: it is an end of its own.
KEPT = rf"(?!{PAUSE})\[[^\[\]\n]{{1,40}}\]"
SMILE = r"(?:[:;=8][-'^o]?[)(DPpO3|/\\*]{1,4}|<3|\^[_.]?\^|[xX]D)(?=\s|\Z)"
TAIL = re.compile(
    rf"(?:{KEPT}(?=\s|\Z)|[ \t]{{0,4}}(?:{EMOJI}|(?<=[ \t]){SMILE})){{0,32}}"
    rf"(?:(?:[ \t]{{0,4}}{KEPT}|[ \t]{{1,4}}#[^\W\d]\w{{0,40}}){{1,16}}(?=[ \t]{{0,8}}(?:[\r\n]|\Z)))?"
)


def glued(text: str) -> str:
    """Return a text in which there is nothing to cut at."""
    return text.translate(GLUED)


def unglued(text: str) -> str:
    """Return a text with the spaces and marks inside its atoms."""
    return text if text.isascii() else text.translate(UNGLUED)


def is_speakable(text: str) -> bool:
    """Whether anything is left to speak when the tags are taken out."""
    return SPOKEN.search(TAG.sub("", text) if "[" in text else text) is not None


def open_tag(text: str) -> int:
    """Return where a tag begins that the text does not close, or its length."""
    match = OPEN_TAG.search(text, max(0, len(text) - 41))
    return match.start() if match else len(text)


def pause_ms(written: str) -> int:
    """Return the milliseconds of the pauses written in a text, at most `PAUSE_LIMIT_MS`."""
    found = (float(number) * (1000 if unit == "s" else 1) for number, unit in PAUSES.findall(written))
    return min(PAUSE_LIMIT_MS, round(sum(found)))


def tail(text: str, end: int) -> int:
    """Return where a sentence ends that takes along what stays with it."""
    following = text[end : end + 2]
    if following[:1].isalnum() or (following[:1] == " " and following[1:].isalnum()):
        return end
    window = text[end : end + AHEAD]
    taken = TAIL.match(window)
    if taken is None or not taken.end() or (taken.end() == AHEAD and window[-1:] != "\n"):
        return end
    return end + taken.end()
