"""Addresses, file names and paths as they are said: example dot com slash docs."""

import re
from collections.abc import Callable
from urllib.parse import unquote

from segmenter.words.held import Rule
from segmenter.words.languages import WordTable
from segmenter.words.numbers import spell_numbers

__all__ = ["name_addresses", "spell_addresses"]

# A kana, a hanzi or a hangul is no part of an address: it needs no space before or after one.
CJK = r"\u3000-\u30ff\u3400-\u9fff\uac00-\ud7af\uff00-\uffef"
WORD = rf"[^\W{CJK}]"
END = r"(?<![.,;:!?)\]}'\"*_>])"
URL = rf"(?P<url>(?<!{WORD})(?:(?:https?|ftp|file)://|www\.)[^\s<>\"“”«»\ue000{CJK}]{{1,500}}{END})"
MAIL = (
    rf"(?P<mail>(?<!{WORD})(?<![.+-])(?:mailto:)?(?:{WORD}|[.+-]){{1,64}}@(?:{WORD}|-){{1,63}}"
    rf"(?:\.(?:{WORD}|-){{1,63}}){{1,8}})"
)
ENDINGS = (
    "com org net edu gov io dev app ai info biz uk de fr nl ru pl jp cn kr br ca au eu se fi dk gr tr il"
).replace(" ", "|")
DOMAIN = (
    rf"(?P<domain>(?<!{WORD})(?<![.@/-])(?:[a-z0-9][a-z0-9-]{{0,62}}\.){{1,5}}(?:{ENDINGS})(?!{WORD}|[@-]|\.{WORD})"
    rf"(?:/[^\s<>\"“”«»\ue000{CJK}]{{0,300}}{END})?)"
)
KINDS = (
    "txt pdf docx? xlsx? pptx? csv json xml ya?ml toml md html? css js ts jsx tsx py rb go rs java cpp hpp sh"
    " exe dll zip tar gz tgz rar png jpe?g gif svg webp bmp mp3 mp4 wav ogg flac mov avi mkv log ini cfg conf"
    " bat sql db iso apk dmg"
).replace(" ", "|")
FILE = (
    rf"(?P<file>(?<!{WORD})(?<![./@-])(?:{WORD}|-){{1,64}}(?:\.(?:{WORD}|-){{1,32}}){{0,3}}"
    rf"\.(?:{KINDS})(?!{WORD}|[@/-]|\.{WORD}))"
)
PATH = r"(?P<path>(?<!\S)(?:~|\.{1,2})?(?:/[\w.-]{1,64}){1,12}/[\w.-]{0,63}\w/?(?![\w/]))"
TREE = rf"(?P<tree>(?<![\w./@-])(?:[\w.-]{{1,64}}/){{1,8}}[\w-]{{1,64}}\.(?:{KINDS})(?![\w@/-]|\.\w))"
LETTERS = frozenset(  # kinds of files that are spelled
    "pdf csv xml html htm css js ts py rb rs cpp hpp sh dll gz tgz svg mp3 mp4 sql db jpg png".split()  # noqa: SIM905
)
SIGNS = {".": "dot", "/": "slash", "@": "at", "-": "dash", "_": "underscore", "+": "plus", ":": "colon"}
PIECE = re.compile(r"[./@_+:-]|[^./@_+:-]+")


def spell_addresses(language: WordTable | None, *, numbers: bool) -> Rule:
    """Return the rule for URLs and e-mail addresses, which no other rule may see."""
    return re.compile(f"{URL}|{MAIL}", re.IGNORECASE), speller(language, numbers=numbers)


def name_addresses(language: WordTable | None, *, numbers: bool) -> Rule:
    """Return the rule for names with a dot: bare domains, files, paths."""
    return re.compile(f"{TREE}|{DOMAIN}|{PATH}|{FILE}"), speller(language, numbers=numbers)


def speller(language: WordTable | None, *, numbers: bool) -> Callable[[re.Match[str]], str]:
    """Return what says an address in words; without a table, what leaves out what nobody says."""

    def spelled(match: re.Match[str]) -> str:
        said = stripped(match)
        if language is None:
            return said
        pieces = PIECE.findall(said)
        words = [language.signs[SIGNS[piece]] if piece in SIGNS else piece for piece in pieces]
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
