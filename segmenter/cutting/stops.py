"""Whether a stop ends its sentence: the rules around Punkt's decision."""

import re
from typing import NamedTuple

from segmenter.cutting.languages import Language

__all__ = [
    "BRACKETS",
    "OPENERS",
    "SAID_WITHIN",
    "Stop",
    "Verdict",
    "may_go_on",
    "opened_bracket",
    "stop_ends",
    "word_before",
]

OPENERS = "\"'“‘«»„‚([{*_`¿¡「『《<"
ENDERS = ".,;:?!…،؛，、؟।。"
WORD = re.compile(r"\w[\w'’]*")
SPLIT = re.compile(r"[（「『【《\u3040-\u30ff\u3400-\u9fff\s(\[{“‘\"'’/«»„‚*_\-—–]")
DOTTED = re.compile(r"(?:\w{1,4}\.\s?){1,4}\w{1,5}\Z")
DOTTED_LENGTH = 30
ROMAN_NUMBER = re.compile(r"[IVXLC]{2,7}\b(?!\.)")
APOSTROPHE = re.compile("['’]")
ROMAN = re.compile(r"[IVXLC]{1,7}\Z")
MARKER = re.compile(r"\s*(?:[•⁃‣◦▪●*-]\s?)?[(\"“]?(?:\d{1,3}(?:\.\d{1,3}){0,4}|[^\W\d_]|[IVX]{1,5})\Z")
FOUR_DOTS = re.compile(r"\.\s\.\s\.\s+[^\W\d_a-z]")  # a stop, then an ellipsis before the next sentence
DASHES = "—–―-"
DASH = re.compile(rf"[{DASHES}]{{1,2}}\s?")
CITED = re.compile(r"\([^()\n]{1,60}\)\s?[.,;]")
DATE = re.compile(r"(?<![\d-])(?:\d{4}|['’]\d{2})(?:\.\s?\d{1,2}){0,2}\Z")  # 2024. 3. 5.
BRACKETS = {"(": ")", "[": "]", "（": "）", "《": "》", "【": "】", "〈": "〉"}
ANY_BRACKET = re.compile(r"[(\[（《【〈]")
VOWELS = "aeiouyáéíóúàèìòùâêôãõäöüåæøаеёиоуыэюяіαεηιουω"  # a letter that may be a word
CONSONANTS = re.compile(
    r"(?!(?:[hmspft]+|[bgpz]rr+|[zt]+|tsk|thx|pls)\Z)[b-df-hj-np-tv-xzçßžščćđłñбвгджзклмнпрстфхцчшщβγδζθκλμνξπρσςτφχψ]{2,5}",
    re.IGNORECASE,
)
SPAN = re.compile(r"\d[—–―-]\s?\d{1,3}[.\s]")
LABEL = re.compile(r"(?:[B-HJ-Z]|[IVXLC]{2,7}|[A-Z]-?\d{1,3}|\d{1,2}d)(?![\w'’.-])")
SHORT_NAME = re.compile(r"[A-Z][a-z]{1,4}")
INITIAL = re.compile(r"[^\W\d_]\.(?:\s|\Z)")
OTHER_TIME = re.compile(r"\d{1,2}(?::\d\d)?\s?[ap]\.?m\b", re.IGNORECASE)
ROMAN_OR_YEAR = re.compile(r"(?:\d{3,4}|[IVXLC]{1,7})\s?гг?\Z|[IVXLC]\s?вв?\Z")
WHEN = frozenset("at on around before after until since in about".split())  # noqa: SIM905 - a list of words
YEAR_WORDS = 4  # "В 1980 г. Анна": what says when, and no sentence yet
SPEAKER = re.compile(r"I\b")  # a capital in the middle of a sentence too
BY_STEM = re.compile(r"[\u0600-\u06ff\uac00-\ud7a3]{3}")  # verbs with what is joined to them
SAID_WITHIN = 5  # words
KOREAN_END = "다요죠까네음함임됨"
# "They went back to the U.S. Prices had doubled.", not "the U.S. Senators from Ohio"
COUNTRY = re.compile(r"\b(?:to|in|from|of|across|into|within|throughout|outside|left) the [A-Z]\.[A-Z]\Z")
MANY = re.compile(
    r"[A-Z][a-z]+(?<!s)s (?:had|have|were|are|will|would|could|can|did|do|may|must|rose|fell)\b"
)
AFTER_TIME = 20  # characters: "At 5 a.m. Mr. Smith went" is not yet two sentences
Verdict = bool | None  # None: Punkt decides


class Stop(NamedTuple):
    """A candidate: what stands before it, its marks, what closes after it, and what follows."""

    before: str  # at most a window, from the sentence's beginning on
    marks: str
    close: str
    rest: str  # without the white space before it; a window
    opened: str  # the bracket that is open before it, "" if none is
    begins_low: bool  # the sentence began in lower case

    @property
    def following(self) -> str:
        """The next word, bare of quotes and brackets."""
        match = WORD.match(self.rest.lstrip(OPENERS))
        return match[0] if match else ""


def stop_ends(stop: Stop, language: Language) -> bool:
    """Whether the sentence ends at a stop."""
    if not stop.rest:
        return True
    first = stop.rest[0]
    if first in ENDERS:
        if FOUR_DOTS.match(stop.rest) and stop.before[-1:].isalnum():
            return True
        if not (first == "." and stop.rest[1:2].isalpha()):
            return False
    dash = DASH.match(stop.rest) if first in DASHES else None
    if dash is not None:
        return ends_before_dash(stop, stop.rest[dash.end() :].lstrip(OPENERS), language)
    if is_in_bracket(stop) or (stop.close[:1] == ")" and MARKER.match(stop.before)):
        return False
    if stop.close and goes_on_after_closing(stop, language):
        return False
    following = stop.following
    goes_on = following[:1].islower() and not following[1:2].isupper()
    if stop.marks != ".":
        return marks_end(stop, following, language, goes_on=goes_on)
    if stop.close:
        return not goes_on
    verdict = period_ends(stop, following, language, goes_on=goes_on)
    return language.punkt.ends(word_before(stop.before), following) if verdict is None else verdict


def may_go_on(before: str, marks: str, close: str, language: Language) -> bool:
    """Whether a sentence may go on after a stop that nothing follows yet: Dr., 3., 9 a.m., "Stop!"."""
    if close.strip("*_` ") or is_quoted(before):
        return True
    if marks not in {".", "．"}:
        return set(marks) <= {".", "…"}
    token = before.rsplit(maxsplit=1)[-1].lstrip(OPENERS) if before.strip() else ""
    word = word_before(before)
    is_short = len(word) < 2 or not word.isalpha() or CONSONANTS.fullmatch(word) is not None
    if is_short or ROMAN.match(word) or set("./:@") & set(token):
        return True
    return language.abbreviates(word)


def ends_before_dash(stop: Stop, turn: str, language: Language) -> bool:
    """Whether the sentence ends before a dash: not before lower case, nor in 12. - 14. Jahrhundert."""
    if stop.marks == "." and SPAN.search(stop.before[-4:] + stop.rest[:6]):
        return False
    return not (is_said(turn, language) if is_caseless(turn) else turn[:1].islower())


def is_quoted(before: str) -> bool:
    """Whether a quotation or an emphasis is open, whose closing mark may still come."""
    pairs = ("“”", "„“", "«»", "「」", "『』")
    opened = any(before.rfind(pair[0]) > before.rfind(pair[1]) for pair in pairs)
    return opened or any(before.count(mark) % 2 == 1 for mark in ('"', "**", "__"))


def opened_bracket(before: str) -> str:
    """Return the bracket that is open at the end of a text, "" if none is; not one of quotations."""
    if "(" not in before and "[" not in before and (before.isascii() or ANY_BRACKET.search(before) is None):
        return ""
    last = max(before.rfind(bracket) for bracket in BRACKETS)
    if BRACKETS[before[last]] in before[last:]:
        return ""
    return before[last]


def is_in_bracket(stop: Stop) -> bool:
    """Whether a bracket is open that closes soon: what is inside ends nothing."""
    opened = stop.opened
    if not opened or BRACKETS[opened] in stop.close:
        return False
    inside, closing, _ = stop.rest.partition(BRACKETS[opened])
    is_within = bool(closing) and opened not in inside and "\n" not in inside
    return is_within and bool(stop.before[: stop.before.rfind(opened)].strip())


def marks_end(stop: Stop, following: str, language: Language, *, goes_on: bool) -> bool:
    """Whether !, ?, an ellipsis or a mixture ends a sentence."""
    if stop.marks == "!" and not stop.close and word_before(stop.before) in language.words["exclaimed"]:
        words = language.words
        return following[:1].islower() is False and following in words["starters"] and following != "At"
    if not set(stop.marks) <= {".", "…"}:
        return not goes_on or (stop.begins_low and not stop.close)
    if goes_on or SPEAKER.match(following) or stop.rest[0] == "(":
        return False
    if is_caseless(following):
        return stop.before[-1:] in KOREAN_END
    return True


def goes_on_after_closing(stop: Stop, language: Language) -> bool:
    """Whether the sentence goes on after a quotation or parenthesis that closes with a stop."""
    following = stop.following
    if following[:1].islower() and stop.rest[0] not in "([":
        return True
    if CITED.match(stop.rest):
        return True
    if stop.close[0] in ")]":
        opened = max(stop.before.rfind("("), stop.before.rfind("["))
        inside = stop.before[opened + 1 :].lstrip()
        return bool(stop.before[: max(opened, 0)].strip()) and not inside[:1].isupper()
    if following == "I" or is_caseless(following) or following not in language.words["starters"]:
        return is_said(stop.rest, language)
    return False


def is_said(rest: str, language: Language) -> bool:
    """Whether one of the next words says that somebody speaks: “Stop!” Mary cried."""
    speech = language.words["speech"]
    listed = rest.split()[:SAID_WITHIN]
    for word in listed:
        bare = word.strip(OPENERS + ".,;:!?…)]”’»।。")
        if bare in speech or (BY_STEM.match(bare) and any(verb in bare for verb in speech.any)):
            return True
        if word[-1:] in ".!?…:;।":
            return word[-1:] == "." and word[:-1] in language.words["before_names"] and word != listed[-1]
    return False


def word_before(before: str) -> str:
    """Return the last word of a text, bare of what opens or joins it."""
    return SPLIT.split(before[-40:])[-1]


def period_ends(stop: Stop, following: str, language: Language, *, goes_on: bool) -> Verdict:
    """Whether a single full stop ends a sentence, by the words on both sides."""
    before, words = stop.before, language.words
    if before[-1:].isspace():  # the last of a spaced ellipsis
        return not goes_on and not SPEAKER.match(stop.rest) and WORD.search(before) is not None
    if MARKER.match(before):
        return False
    word = word_before(before)
    if following and f"{word}.{following}".casefold() in language.beginnings:
        return False
    counted = is_counted(before, word, language)
    dotted = DOTTED.search(before[-DOTTED_LENGTH:]) if "." in before[-16:] else None
    if dotted and (whole := re.sub(r"\s", "", dotted[0])).casefold() in language.abbreviations:
        word = whole
    elif (
        "-" in before[-16:]
        and (token := before.split()[-1].lstrip(OPENERS)).casefold() in language.abbreviations
    ):
        word = token
    if counted and word in words["after_numbers"]:
        if language.names_follow_units and ROMAN_OR_YEAR.search(before) and len(before.split()) <= YEAR_WORDS:
            return following in words["starters"]
        return not goes_on and ends_before(following, language)
    if goes_on and word.isdigit() and language.has_ordinals:
        return False
    return word_ends(stop, word, following, language, goes_on=goes_on)


def word_ends(stop: Stop, word: str, following: str, language: Language, *, goes_on: bool) -> Verdict:
    """Whether the sentence ends after a word and its stop, by what the word is."""
    words = language.words
    if word in words["before_names"] or word in words["before_more"]:
        return False
    if is_numbered(stop, word, following, language):
        return False
    if is_labelled(stop, word, language):
        return False
    if goes_on:
        return stop.begins_low and len(word) > 1 and "." not in word and word not in words["may_end"]
    if word in words["closing"]:
        if "." in word and OTHER_TIME.match(stop.rest):
            return True
        return ends_before(following, language) and not is_inside(stop, word, following, language)
    return number_or_name(stop, word, following, language)


def is_numbered(stop: Stop, word: str, following: str, language: Language) -> bool:
    """Whether a number follows what stands before numbers: No. 5, séc. XX; but not in "No. I think so"."""
    if word in language.words["before_numbers"]:
        is_roman = ROMAN.match(following) is not None and (following != "I" or len(word) > 2)
        return following[:1].isdigit() or is_roman
    return word.islower() and len(word) <= 5 and ROMAN_NUMBER.match(stop.rest) is not None


def is_labelled(stop: Stop, word: str, language: Language) -> bool:
    """Whether a label follows an unknown short word, which is its abbreviation: Encl. B, Bk. IV, Diag. S2."""
    if LABEL.match(stop.rest) is None or word in language.words["before_letters"]:
        return False
    words = language.words
    is_short = SHORT_NAME.fullmatch(word) or CONSONANTS.fullmatch(word) or word in words["before_numbers"]
    return bool(is_short) and word not in words["starters"] and word not in words["may_end"]


def is_inside(stop: Stop, word: str, following: str, language: Language) -> bool:
    """Whether what mostly closes a sentence does not here: p.m. Monday; At 5 p.m. Peter called."""
    if (word.casefold(), following.casefold()) in language.together:
        return True
    if "." not in word or not word.islower():
        return False
    return is_adverbial(stop.before, language)


def is_adverbial(before: str, language: Language) -> bool:
    """Whether nothing stands before a time but what says when: On Monday at 5 p.m."""
    listed = [word.strip(ENDERS + OPENERS) for word in before.split()]
    words = language.words
    first = listed[0].lower() if listed else ""
    says_when = first in words["clause_words"] or first in WHEN
    return says_when and len(listed) < 12 and not any(word in words["subjects"] for word in listed[1:])


def is_counted(before: str, word: str, language: Language) -> bool:
    """Whether a number stands before the last word, or a number and its unit: 20 ft, XIX w, 2 mld zł."""
    head = before[: -len(word)].split() if word else []
    if len(head) > 1 and head[-1].rstrip(".") in language.words["after_numbers"]:
        head.pop()
    return bool(head) and (head[-1][-1:].isdigit() or ROMAN.match(head[-1]) is not None)


def is_caseless(text: str) -> bool:
    """Whether a text begins with a letter of a script without capitals."""
    return text[:1].isalpha() and text[:1].upper() == text[:1].lower()


def ends_before(following: str, language: Language) -> bool:
    """Whether a sentence that may well end here does, by the next word, which is not in lower case."""
    if language.nouns_have_capitals or is_caseless(following):
        return following in language.words["starters"]
    return not following[:1].isdigit()


def number_or_name(stop: Stop, word: str, following: str, language: Language) -> Verdict:
    """Whether a stop after a number, an initial or a dotted name ends the sentence before a capital."""
    words = language.words
    date = DATE.search(stop.before) if language.tag == "ko" and word[-1:].isdigit() else None
    if date and ("." in date[0] or following[:1].isdigit()):
        return not following[:1].isdigit() and following in words["starters"]
    is_number = word.isdigit() or ROMAN.match(word)
    if is_number and language.has_ordinals and is_ordinal(stop, word, following, language):
        return False
    starts = following[:1].isupper() and following in words["starters"]
    is_title = len(stop.before) >= AFTER_TIME and following in words["before_names"]
    if "." in word and all(part.isalpha() and len(part) <= 2 for part in word.split(".")):
        return starts or is_title or (COUNTRY.search(stop.before) and MANY.match(stop.rest)) is not None
    if len(word) == 1 and word.isalpha() and INITIAL.match(stop.rest) and word.isupper():
        return False
    if len(word) == 1 and word.isalpha():
        previous = stop.before[:-1].split()
        if word.islower():
            return starts or word in VOWELS
        if "\u0590" < word < "\u0700":  # Hebrew and Arabic: an initial
            return False
        return True if previous and previous[-1] in words["before_letters"] else None
    if word in words["may_end"]:
        return is_title or None
    if CONSONANTS.fullmatch(word) and not word.isupper():
        return starts
    return True if word.casefold() in language.abbreviations else None


def is_ordinal(stop: Stop, word: str, following: str, language: Language) -> bool:
    """Whether a number with a stop is an ordinal that its noun follows: der 2. Weltkrieg."""
    words = language.words
    following = APOSTROPHE.split(following)[0]
    if following in words["months"] or following in words["ordinal_nouns"]:
        return True
    if len(word) > 2 and word.isdigit():
        return False
    previous = stop.before[: -len(word)].split()
    if following in words["starters"] or not previous:
        return False
    return previous[-1].lstrip(OPENERS) in words["ordinal_before"] and following[:1].isalpha()
