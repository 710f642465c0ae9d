"""What has an opener of its own and is skipped until its end, however long: a state, not a buffer."""

import re
from dataclasses import dataclass

__all__ = [
    "Skip",
    "comment",
    "definition",
    "element",
    "fence",
    "front_matter",
    "long_address",
    "picture",
    "quoted_tag",
]


@dataclass(slots=True)
class Skip:
    """A construct that is being skipped.

    Args:
        name: What it is called in a warning, where it is never closed.
        end: What ends it; a group `kept` begins with what is text again.
        partial: What may still grow into `end` at the end of what has come.
        opens: What begins another of its kind inside it, if they nest.
        depth: How many are open.
        is_shown: Whether what is inside is text all the same.
        side: To which neighbour its span belongs, as in `Piece`.
        may_end: Whether the end of the text ends it, too.
    """

    name: str
    end: re.Pattern[str]
    partial: re.Pattern[str]
    opens: re.Pattern[str] | None = None
    depth: int = 1
    is_shown: bool = False
    side: int = 0
    may_end: bool = False


def comment() -> Skip:
    """Return the state of an HTML comment."""
    return Skip("a comment (<!--)", re.compile("-->"), re.compile(r"-{1,2}\Z"))


def element(name: str, title: str, *, nests: bool, is_shown: bool = False) -> Skip:
    """Return the state of an element whose content is not for the ear."""
    end = re.compile(rf"</{name}\s{{0,9}}>", re.IGNORECASE)
    opens = re.compile(rf"<{name}(?=[\s>/])", re.IGNORECASE) if nests else None
    return Skip(title, end, re.compile(rf"<[^<>\n]{{0,{len(name) + 12}}}\Z"), opens, is_shown=is_shown)


def fence(marks: str, *, is_shown: bool) -> Skip:
    """Return the state of fenced code."""
    closing = rf"\n[ \t>]{{0,80}}{re.escape(marks[0])}{{{len(marks)},200}}[ \t]{{0,80}}"
    partial = re.compile(rf"\n[ \t>]{{0,80}}{re.escape(marks[0])}{{0,200}}[ \t]{{0,80}}\Z")
    return Skip("fenced code (```)", re.compile(closing + r"(?=\n|\r)"), partial, is_shown=is_shown)


def front_matter() -> Skip:
    """Return the state of front matter, which an empty line ends, too."""
    end = re.compile(r"\n(?:---[ \t]{0,80}(?=\n)|\.\.\.[ \t]{0,80}(?=\n)|[ \t]{0,80}\n)")
    return Skip("front matter (---)", end, re.compile(r"\n[-. \t]{0,83}\Z"), may_end=True)


def definition() -> Skip:
    """Return the state of the rest of a line that defines where a link goes."""
    return Skip("", re.compile(r"(?=\n)"), re.compile(r"(?!)"), may_end=True)


def picture() -> Skip:
    """Return the state of a picture that stands in its link as data."""
    return Skip("a picture (data:)", re.compile(r"\)"), re.compile(r"(?!)"), side=-1)


def long_address(until: re.Pattern[str]) -> Skip:
    """Return the state of an address of which nothing more is said."""
    return Skip(
        "", re.compile(f"(?={until.pattern})"), re.compile(r"[.,;:!?)\]]{1,8}\Z"), side=-1, may_end=True
    )


def quoted_tag(quote: str) -> Skip:
    """Return the state of a tag in the middle of a quoted value."""
    end = re.compile(rf"{quote}[^<>]{{0,400}}>")
    return Skip("a quoted value in a tag", end, re.compile(rf"{quote}[^<>]{{0,400}}\Z"))
