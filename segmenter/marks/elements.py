"""What begins with `<`: comments, elements for the eye, tags of HTML and SSML, addresses."""

import re

from segmenter.marks.brackets import WITHIN
from segmenter.marks.links import shown_address
from segmenter.marks.pending import Pieces
from segmenter.marks.say_as import SAY_AS, said_as
from segmenter.marks.skipping import Skip, comment, element, quoted_tag
from segmenter.marks.tags import BREAKS, KNOWN, SSML, Tag, break_ms, read_tag

__all__ = ["WAIT", "Elements"]

AUTOLINK = re.compile(
    r"<((?:https?|ftp)://[^\s<>]{1,3990}|www\.[^\s<>]{1,3990}|(?:mailto:)?[\w.+-]{1,64}@[\w.-]{1,100})>"
)
AUTOLINK_GROWING = re.compile(r"<(?:h|f|w|m|[\w.+-]{1,64}@)[^\s<>]{0,3998}\Z")
DECLARATION = re.compile(r"<[!?][A-Za-z][^<>]{0,400}>")
DECLARATION_GROWING = re.compile(r"<(?:[!?](?:[A-Za-z][^<>]{0,400})?|!-{1,2})?\Z")
HIDDEN = frozenset({"script", "style", "template"})
REASONING = frozenset({"think", "thinking", "thought", "reasoning"})
SUB_END = re.compile(r"([^<>\n]{0,200})</sub\s{0,9}>", re.IGNORECASE)
SAID_END = re.compile(r"([^<>\n]{0,200})</say-as\s{0,9}>", re.IGNORECASE)
WAIT = None


class Elements:
    """Reads tags.

    Args:
        read: What is read out although it is left out by default.
        pieces: What has been read so far.
        warnings: What was left out that somebody may miss, in words.
    """

    def __init__(self, read: frozenset[str], pieces: Pieces, warnings: dict[str, None]) -> None:
        self.skip: Skip | None = None  # that the last tag began
        self._reads_reasoning = "reasoning" in read
        self._pieces = pieces
        self._warnings = warnings
        self._is_ssml = False
        self._closed_at = -1  # where the last such sentence ended
        self._in_sentence = False  # inside SSML's <s>, which HTML has for what is struck out

    def read(self, text: str, at: int, base: int, *, final: bool) -> int | None:
        """Read what begins at `at`; return what is read: `at` where it is text, None where more decides."""
        if text.startswith("<!--", at):
            self.skip = comment()
            self._pieces.drop(base + at, base + at + 4)
            return at + 4
        if not final and DECLARATION_GROWING.match(text, at):
            return WAIT
        declaration = DECLARATION.match(text, at)
        if declaration is not None:
            self._pieces.drop(base + at, base + declaration.end())
            return declaration.end()
        link = AUTOLINK.match(text, at)
        if link is not None:
            self._pieces.replace(shown_address(link[1]), base + at, base + link.end())
            return link.end()
        if not final and AUTOLINK_GROWING.match(text, at) and is_address(text[at + 1 :]):
            return WAIT
        tag = read_tag(text, at, final=final)
        if tag is None:
            return WAIT
        if isinstance(tag, Tag):
            if tag.quote:
                self.skip = quoted_tag(tag.quote)
                self._show(self._seen(tag), base + at, base + tag.end)
                return tag.end
            return self._tag(tag, text, at, base, final=final)
        return at

    def _tag(self, tag: Tag, text: str, at: int, base: int, *, final: bool) -> int | None:
        """Read a whole tag: begin to skip its element, or show what is seen of it."""
        name = tag.name
        reasons = name in REASONING or (name == "details" and tag.attributes.get("type") == "reasoning")
        if (
            not tag.is_closing
            and not tag.is_empty
            and (name in HIDDEN or (reasons and not self._reads_reasoning))
        ):
            self._pieces.drop(base + at, base + tag.end)
            self.skip = element(name, f"<{name}>", nests=name == "details")
            return tag.end
        if name in {"sub", "say-as"} and not tag.is_closing and (name != "sub" or "alias" in tag.attributes):
            return self._element(tag, text, at, base, final=final)
        if (
            name not in KNOWN
            and name not in BREAKS
            and name not in REASONING
            and not tag.attributes
            and not tag.is_empty
        ):
            closed = tag.is_closing or closes(text, tag.end, name, final=final)
            if not closed:
                return WAIT if closed is None else at
        follows = 0 <= self._closed_at - base <= at and not text[self._closed_at - base : at].strip()
        self._show(self._seen(tag, follows=follows), base + at, base + tag.end)
        if name == "s" and tag.is_closing:
            self._closed_at = base + tag.end
        return tag.end

    def _show(self, seen: str, start: int, end: int) -> None:
        if seen:
            self._pieces.replace(seen, start, end)
        else:
            self._pieces.drop(start, end)

    def _seen(self, tag: Tag, *, follows: bool = False) -> str:
        """Return what is seen of a tag; `follows`: it stands right after the end of a sentence."""
        name = tag.name
        if name == "break" and not tag.is_closing:
            pause = break_ms(tag.attributes)
            return f" [pause:{pause}ms] " if pause else " "
        if name == "speak":
            self._is_ssml = not tag.is_closing
            return ""
        if name == "s":
            return self._sentence(tag, follows=follows)
        if (
            name in SSML
            and not tag.is_closing
            and (self._is_ssml or name not in {"audio", "mark"} or tag.is_empty)
        ):
            self._warnings[f"<{name}> is not followed: what is inside it is spoken as it stands"] = None
        return BREAKS.get(name, "")

    def _sentence(self, tag: Tag, *, follows: bool) -> str:
        if tag.is_closing:
            was, self._in_sentence = self._in_sentence, False
            return "\n\n" if was and not self._is_ssml else "\u2029" if was else ""
        self._in_sentence = self._is_ssml or follows or self._pieces.last in {"", "\n", "\u2029"}
        return "\u2029" if follows and self._pieces.last not in {"\n", "\u2029"} else ""

    def _element(self, tag: Tag, text: str, at: int, base: int, *, final: bool) -> int | None:
        """Read an element of SSML whole, up to its end."""
        end = (SUB_END if tag.name == "sub" else SAID_END).match(text, tag.end)
        if end is None:
            if not final and re.fullmatch(r"[^<>\n]{0,200}(?:</?[\w-]{0,8}\s{0,9})?", text[tag.end :]):
                return WAIT
            self._show(tag.attributes.get("alias", ""), base + at, base + tag.end)
            return tag.end
        kind = tag.attributes.get("interpret-as", "")
        if tag.name == "sub":
            seen = tag.attributes["alias"][:WITHIN]
        elif kind in SAY_AS:
            seen = said_as(kind, tag.attributes.get("format", ""), end[1])
        else:
            self._warnings[f"say-as: interpret-as is {kind[:20]!r}, expected one of {', '.join(SAY_AS)}"] = (
                None
            )
            seen = end[1]
        self._show(seen, base + at, base + end.end())
        return end.end()


def is_address(text: str) -> bool:
    """Whether a text may be the beginning of an address."""
    begins = ("https://", "http://", "ftp://", "www.", "mailto:")
    return "@" in text or any(text.startswith(one) or one.startswith(text) for one in begins)


def closes(text: str, after: int, name: str, *, final: bool) -> bool | None:
    """Whether an element ends within its line and `WITHIN` characters; None where more text decides."""
    line = text.find("\n", after, after + WITHIN)
    upto = line if line >= 0 else after + WITHIN
    if re.compile(rf"</{re.escape(name)}\s{{0,9}}>", re.IGNORECASE).search(text, after, upto):
        return True
    return False if final or line >= 0 or len(text) >= upto else None
