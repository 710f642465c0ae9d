"""Tags of HTML and SSML: how far one goes, and what is seen of it."""

import re
from dataclasses import dataclass, field

__all__ = ["BREAKS", "BROKEN", "KNOWN", "SSML", "Tag", "break_ms", "read_tag"]

NAME = re.compile(r"<(/?)([A-Za-z][\w:-]{0,40})")
ATTRIBUTE = re.compile(
    r"(\s{1,20}|(?<=[\"']))([^\s\"'<>/=`]{1,80})(?:(\s{0,9}=\s{0,9})(?:([\"'])|([^\s\"'=<>`]{1,300})))?"
)
CLOSE = re.compile(r"\s{0,20}/?>")
GROWING = re.compile(r"\s{0,20}(?:[^\s\"'<>/=`]{0,80}\s{0,9}(?:=\s{0,9}[^\s\"'=<>`]{0,300})?|/)\Z")
LONG = 4_000  # characters of a quoted value that are kept
BROKEN = 200  # characters of a tag outside its quoted values
PARAGRAPHS = "p div h1 h2 h3 h4 h5 h6 blockquote table section article pre ul ol dl"
LINES = "br hr li tr dt dd caption summary details header footer figure"
BREAKS = dict.fromkeys(PARAGRAPHS.split(), "\n\n") | dict.fromkeys(LINES.split(), "\n")
BREAKS |= {"td": " | ", "th": " | "}
FOLLOWS = "prosody emphasis voice phoneme audio lang mark w token lexicon lookup metadata meta desc"
SSML = frozenset(FOLLOWS.split())
INLINE = (
    "a abbr address aside b bdi bdo big body button center cite code col colgroup data del dfn em font form"
    " figcaption head html i iframe img input ins kbd label link main nav option q rp rt ruby s samp select"
    " small source span strike strong sub sup svg path g tbody textarea tfoot thead time title tt u use var"
    " video wbr speak say-as break picture canvas"
)
# never a word that somebody put between angle brackets, to be filled in
KNOWN = SSML | frozenset(INLINE.split())
STRENGTHS = {"none": 0, "x-weak": 250, "weak": 500, "medium": 750, "strong": 1_000, "x-strong": 1_250}
TIME = re.compile(r"\s*\+?(\d{1,6}(?:\.\d{1,6})?|\.\d{1,6})\s*(ms|s)\s*\Z")


@dataclass(slots=True)
class Tag:
    """A tag: where it ends, or how far a long value in it was read."""

    end: int
    name: str
    is_closing: bool
    is_empty: bool
    attributes: dict[str, str] = field(default_factory=dict)
    quote: str = ""  # where it is not closed yet


def read_tag(text: str, start: int, *, final: bool) -> Tag | bool | None:
    """Return the tag that begins at `start`; None where it may still grow, False where it is not a tag.

    A value in quotes may have any length: a tag with a long one ends in it, and says with which quote.
    """
    head = NAME.match(text, start)
    if head is None:
        return None if text[start + 1 :] in {"", "/"} and not final else False
    if head.end() == len(text) and not final:
        return None if head.end() - start < 44 else False
    tag = Tag(head.end(), head[2].lower(), bool(head[1]), is_empty=False)
    spent = head.end() - start
    while spent <= BROKEN:
        close = CLOSE.match(text, tag.end)
        if close is not None and may_break(tag, close[0]):
            tag.end, tag.is_empty = close.end(), text[close.end() - 2] == "/"
            return tag
        attribute = ATTRIBUTE.match(text, tag.end)
        if attribute is not None and may_break(tag, attribute[1], attribute[3]):
            if attribute.end() == len(text) and not final:
                return None
            if not attribute[4]:
                tag.attributes[attribute[2].lower()] = attribute[5] or ""
                tag.end = attribute.end()
                spent += len(attribute[0])
                continue
            found = value_of(text, attribute, tag, final=final)
            if found is not True:
                return found
            spent += attribute.end() - attribute.start()
            continue
        grows = GROWING.match(text, tag.end) if not final else None
        return None if grows and may_break(tag, grows[0], "=") else False
    return False


def value_of(text: str, attribute: re.Match[str], tag: Tag, *, final: bool) -> Tag | bool | None:
    """Read a value in quotes into a tag: True where it ends; else what `read_tag` returns."""
    begin = attribute.end()
    end = text.find(attribute[4], begin, begin + LONG + 1)
    if end >= 0:
        tag.attributes[attribute[2].lower()] = text[begin:end]
        tag.end = end + 1
        return True
    if len(text) - begin <= LONG and not final:
        return None
    tag.attributes[attribute[2].lower()] = ""
    tag.end, tag.quote = min(len(text), begin + LONG), attribute[4]
    return tag


def may_break(tag: Tag, space: str, equals: str | None = "=") -> bool:
    """Whether a tag goes on in the next line: only one that is plainly a tag does."""
    if "\n" not in space:
        return True
    return bool(equals) and (tag.name in KNOWN or tag.name in BREAKS or any(tag.attributes.values()))


def break_ms(attributes: dict[str, str]) -> int:
    """Return the milliseconds of a `<break>`: its time, or its strength as Azure counts it."""
    time = TIME.match(attributes.get("time", ""))
    if time is not None:
        return min(10_000, round(float(time[1]) * (1_000 if time[2] == "s" else 1)))
    return STRENGTHS.get(attributes.get("strength", "medium"), STRENGTHS["medium"])
