"""Addresses, file names and paths as they are said: example dot com slash docs."""

import re
from collections.abc import Callable
from functools import lru_cache
from urllib.parse import unquote

from segmenter.words.languages import WordTable
from segmenter.words.numbers import spell_numbers
from segmenter.words.protected import Rule
from segmenter.words.spelling import digit_by_digit

__all__ = ["may_have_addresses", "name_addresses", "spell_addresses"]

HINT = re.compile(r"[./@]\w|://")

# A kana, a hanzi or a hangul is not part of an address: it needs no space before or after one.
CJK = r"\u3000-\u30ff\u3400-\u9fff\uac00-\ud7af\uff00-\uffef"
END = r"(?<![.,;:!?)\]}'\"*_>])"
URL = (
    rf"(?P<url>(?<!WORD)(?i:(?:https?|ftp|file)://|www\.)(?:[^\s<>\"“”«»\]\ue000CJK]|\](?!\()){{1,500}}{END})"
)
MAIL = (
    r"(?P<mail>(?<!WORD)(?<![.+-])(?i:mailto:)?(?:WORD|[.+-]){1,64}@(?:WORD|-){1,63}"
    r"(?:\.(?:WORD|-){1,63}){1,8})"
)
ENDINGS = (
    "com org net edu gov io dev app ai info biz uk de fr nl ru pl jp cn kr br ca au eu se fi dk gr tr il"
).replace(" ", "|")
DOMAIN = (
    rf"(?P<domain>(?<!WORD)(?<![.@/-])(?:[a-z0-9][a-z0-9-]{{0,199}}\.){{1,5}}(?:{ENDINGS})(?!WORD|[@-]|\.WORD)"
    rf"(?:/[^\s<>\"“”«»\ue000CJK]{{0,300}}{END})?)"
)
KINDS = (
    "txt pdf docx? xlsx? pptx? csv json xml ya?ml toml md html? css js ts jsx tsx py rb go rs java cpp hpp sh"
    " exe dll zip tar gz tgz rar png jpe?g gif svg webp bmp mp3 mp4 wav ogg flac mov avi mkv log ini cfg conf"
    " bat sql db iso apk dmg php swift kt vue env lock ipynb s[ac]ss svelte lua"
    " ps1 jar bak tmp heic psd epub mobi"
    " odt ods rtf tex ics eml gitignore dockerfile"
).replace(" ", "|")
FILE = (
    r"(?P<file>(?<!WORD)(?<![./@-])(?:WORD|-){1,64}(?:\.(?:WORD|-){1,32}){0,3}"
    rf"\.(?:{KINDS})(?!WORD|[@/-]|\.WORD))"
)
PATH = (
    r"(?P<path>(?<!WORD)(?<![./\\)%°₀-₉])(?:~|\.{1,2})?(?:/(?:WORD|[.-]){1,200}){1,12}/"
    r"(?:WORD|[.-]){0,199}WORD/?(?!WORD|/))"
)
TREE = rf"(?P<tree>(?<![\w./@-])(?:[\w.-]{{1,64}}/){{1,8}}[\w-]{{1,64}}\.(?:{KINDS})(?![\w@/-]|\.\w))"
LETTERS = frozenset(  # kinds of files that are spelled
    "pdf csv xml html htm css js ts py rb rs cpp hpp sh dll gz tgz svg mp3 mp4 sql db jpg png".split()  # noqa: SIM905
)
SIGNS = {".": "dot", "/": "slash", "@": "at", "-": "dash", "_": "underscore", "+": "plus", ":": "colon"}
PIECE = re.compile(r"[./@_+:-]|[^./@_+:-]+")


def may_have_addresses(text: str) -> bool:
    """Whether a text has what each address has; its pattern takes milliseconds to compile."""
    return HINT.search(text) is not None


def spell_addresses(text: str, language: WordTable | None, *, numbers: bool) -> Rule:
    """Return the rule for URLs and e-mail addresses in a text, which no other rule may see."""
    return pattern(f"{URL}|{MAIL}", is_wide=is_wide(text)), speller(language, numbers=numbers)


def name_addresses(text: str, language: WordTable | None, *, numbers: bool) -> Rule:
    """Return the rule for a text's names with a dot: bare domains, files, paths."""
    written = f"{TREE}|{DOMAIN}|{PATH}|{FILE}"
    return pattern(written, is_wide=is_wide(text)), speller(language, numbers=numbers)


def is_wide(text: str) -> bool:
    """Whether the text may have a kana, a hanzi or a hangul."""
    return not text.isascii() and max(text) >= "\u3000"


@lru_cache
def pattern(written: str, *, is_wide: bool) -> re.Pattern[str]:
    """Return the pattern for texts with or without CJK: classes as wide as these compile in milliseconds."""
    word, wide = (rf"[^\W{CJK}]", CJK) if is_wide else (r"\w", "")
    return re.compile(written.replace("WORD", word).replace("CJK", wide))


def speller(language: WordTable | None, *, numbers: bool) -> Callable[[re.Match[str]], str]:
    """Return what says an address in words; without a table, what leaves out what nobody says."""

    def spelled(match: re.Match[str]) -> str:
        said = stripped(match)
        if language is None:
            return said
        pieces = PIECE.findall(said)
        words = [language.signs[SIGNS[piece]] if piece in SIGNS else piece for piece in pieces]
        for place in range(1, len(pieces)):
            if numbers and pieces[place - 1] == ":" and pieces[place].isdecimal():  # a port
                words[place] = digit_by_digit(language, pieces[place])
        if pieces[-2:-1] == ["."] and pieces[-1] in LETTERS:
            words[-1] = words[-1].upper()
        text = " ".join(words)
        return spell_numbers(text, language) if numbers else text

    return spelled


def stripped(match: re.Match[str]) -> str:
    """Return the part of an address that is said: no scheme, `www.`, query or fragment."""
    written = re.sub(r"\A(?:(?:https?|ftp|file)://|mailto:)?(?:www\.)?", "", match[0], flags=re.IGNORECASE)
    if "@" not in written:
        written = unquote(re.split("[?#]", written, maxsplit=1)[0], errors="ignore")
    kept = "".join(letter if letter.isprintable() else " " for letter in written)
    return kept.rstrip("/") if match.lastgroup in {"url", "domain"} else kept
