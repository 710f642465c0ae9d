"""Every other construct, by its first character: tags, code, LaTeX, addresses, entities."""

import html
import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from segmenter.atoms import glued
from segmenter.marks.brackets import WITHIN, Brackets
from segmenter.marks.elements import WAIT, Elements
from segmenter.marks.links import ADDRESS, LONGEST, UNTIL, address_end, shown_address
from segmenter.marks.openers import GROWING, NOTHING, OPENERS, PLAIN_ONLY, opener_pattern
from segmenter.marks.pending import Pieces
from segmenter.marks.skipping import Skip, fence, front_matter, long_address
from segmenter.marks.tex import is_math, plain_math

if TYPE_CHECKING:
    from segmenter.marks.reader import MarkRules

__all__ = ["Constructs"]

FOOTNOTE = re.compile(r"\.\d{1,3}(?=\s{1,9}[\"“(]?[A-ZÀ-Þ])")
FOOTNOTE_GROWING = re.compile(r"\.\d{1,3}(?:\s{1,9}[\"“(]?)?\Z")
NOTE = re.compile(r"【\d{1,3}(?::\d{1,3})?†[^】\n]{0,120}】")
BESIDE_SIGN = re.compile(r" [-+=<>×÷±≤≥≠≈→] ")  # a long formula is cut elsewhere: a sign needs both its sides
HOST = 240  # characters before a slash that may be its host; labels of any length in use, and longer ones
DOMAIN = re.compile(r"(?<![\w@/-])(?:[\w-]{1,200}\.){1,5}[A-Za-z]{2,12}\Z")
FENCE_LINE = re.compile(r"(?:\A|\n)(?:[ \t>]|[-*+][ \t]|\d{1,3}[.)][ \t]){0,40}\Z")
INFO = re.compile(r"[ \t]{0,8}[^\s`]{0,60}(?:[ \t][^\n`]{0,200})?(?=\n|\r)")
ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
FRONT = re.compile(r"---[ \t]{0,80}\r?\n[A-Za-z_][\w .-]{0,60}:(?:[ \t][^\n]*)?\n")
FRONT_GROWING = re.compile(
    r"-{1,3}\Z|---[ \t]{0,80}\r?(?:\n(?:[A-Za-z_][\w .-]{0,60}(?::[^\n]{0,300})?)?)?\Z"
)
MONEY = re.compile(r"\$\s|\$\d[\d,.]*(?:[ )\n%;:!?/+-](?![\\^_{=])|[kKMBbmn]{1,2}\b)")
MATH = re.compile(r"\$(?=[^\s$])((?:[^$\\\n]|\\[^\n]){1,200}?)(?<!\s)\$(?!\d)")
DISPLAY = re.compile(r"\$\$((?:[^$\\\n]|\\[^\n]|\n(?!\n)){1,1000}?)\$\$")
BRACKETED = re.compile(
    r"\\\(((?:[^\\\n]|\\[^()\n]){1,200})\\\)|\\\[((?:[^\\\n]|\\[^\[\]\n]|\n(?!\n)){1,1000})\\\]"
)


class Constructs:
    """Reads a text up to where more of it decides."""

    def __init__(
        self, rules: "MarkRules", pieces: Pieces, brackets: Brackets, warnings: dict[str, None]
    ) -> None:
        self.skip: Skip | None = None
        self._rules = rules
        self._pieces = pieces
        self._brackets = brackets
        self._warnings = warnings
        self._elements = Elements(rules.read, pieces, warnings)
        openers = NOTHING if rules.is_seen else OPENERS if rules.has_markup else PLAIN_ONLY
        self._find = opener_pattern(openers, rules.phrases)
        self._may_have_front = rules.has_markup
        self._handlers: dict[str, Callable[..., int | None]] = {
            "<": self._angle, "[": self._opening, "]": self._closing, "`": self._ticks, "~": self._ticks,
            "$": self._dollar, "&": self._entity, "\\": self._backslash, "/": self._path,
            "【": self._note, ".": self._footnote,
        }  # fmt: skip

    def read(self, text: str, at: int, base: int, *, final: bool) -> int:
        """Read from `at` on; return up to where it was read."""
        if self._may_have_front and text:
            if not final and FRONT_GROWING.match(text):
                return at
            self._may_have_front = False
            match = FRONT.match(text)
            if match:
                self.skip = front_matter()
                self._pieces.drop(base, base + match.end() - 1)
                at = match.end() - 1
        while True:
            before = at
            at = (
                self._skip(text, at, base, final=final)
                if self.skip
                else self._step(text, at, base, final=final)
            )
            if at == before or at >= len(text):
                return at

    def finish(self) -> None:
        """End of text: name what was never closed."""
        if self.skip is not None and not self.skip.may_end:
            self._warnings[f"text has {self.skip.name} that is never closed: what follows it is left out"] = (
                None
            )
        self.skip = None

    def _step(self, text: str, at: int, base: int, *, final: bool) -> int:
        """Read what is plain, and the construct after it."""
        match = self._find.search(text, at)
        if match is None:
            growing = None if final else GROWING.search(text, max(at, len(text) - 132))
            end = growing.start() if growing and self._rules.has_markup else len(text)
            if not final and self._rules.phrases:
                end = min(end, max(at, len(text) - len(self._rules.phrases[0])))
            self._pieces.copy(text[at:end], base + at)
            return end
        kind = match.lastgroup
        place = match.start(kind) if kind else match.start()
        if place < at:  # of the scheme something was given out before it was one
            return self._text(text, at, base, match.end() - at)
        self._pieces.copy(text[at:place], base + at)
        if kind == "phrase":
            found = self._phrase(text, place, base, match.end(), final=final)
        elif kind:
            found = self._address(text, place, base, final=final)
        else:
            handler = self._handlers.get(match[0][0], self._reserved)
            found = handler(text, place, base, final=final)
        return place if found is None else found

    def _skip(self, text: str, at: int, base: int, *, final: bool) -> int:
        """Skip, or show, what the state is about, up to its end."""
        skip = self.skip
        assert skip is not None  # noqa: S101 - for the type checker
        end = skip.end.search(text, at)
        inner = skip.opens.search(text, at, end.end() if end else len(text)) if skip.opens else None
        if inner is not None:
            skip.depth += 1
            upto = inner.end()
        elif end is not None:
            skip.depth -= 1
            upto = end.start() if skip.is_shown else end.end()
        else:
            growing = None if final else skip.partial.search(text, max(at, len(text) - 9_000))
            upto = growing.start() if growing else len(text)
        if skip.is_shown:
            self._pieces.copy(text[at:upto], base + at)
            if end is not None and not skip.depth:
                self._pieces.drop(base + upto, base + end.end())
                upto = end.end()
        elif upto > at:
            self._pieces.drop(base + at, base + upto, skip.side)
        if not skip.depth:
            self.skip = None
        return upto

    def _text(self, text: str, at: int, base: int, count: int = 1) -> int:
        self._pieces.copy(text[at : at + count], base + at)
        return at + count

    def _opening(self, text: str, at: int, base: int, *, final: bool) -> int:
        del final
        return self._brackets.open(text, at, base)

    def _closing(self, text: str, at: int, base: int, *, final: bool) -> int | None:
        end = self._brackets.close(text, at, base, final=final)
        self.skip, self._brackets.skip = self._brackets.skip or self.skip, None
        return end

    def _angle(self, text: str, at: int, base: int, *, final: bool) -> int | None:
        end = self._elements.read(text, at, base, final=final)
        self.skip, self._elements.skip = self._elements.skip, None
        return self._text(text, at, base) if end == at else end

    def _ticks(self, text: str, at: int, base: int, *, final: bool) -> int | None:
        """Read fenced code, code inside a line, or marks that are neither."""
        mark = text[at]
        run = (
            len(text) - at - len(text[at:].lstrip(mark))
            if text[at : at + 3] == mark * 3
            else 1 + (text[at + 1 : at + 2] == mark)
        )
        if at + run == len(text) and not final:
            return WAIT
        is_line = FENCE_LINE.search(text, max(0, at - 48), at) is not None
        if run >= 3:
            info = INFO.match(text, at + run)
            if info is not None and (is_line or len(info[0]) < 20):
                start = at + run if is_line or not info[0] else at
                self.skip = fence(mark * min(run, 200), is_shown="code" in self._rules.read)
                self._pieces.drop(base + at, base + info.end())
                return max(start, info.end())
            if info is None and not final and is_line and "\n" not in text[at:] and len(text) - at < 300:
                return WAIT
        if mark == "~":
            return self._text(text, at, base, run)
        end = code_end(text, at, run, final=final)
        if end is None:
            return WAIT
        self._pieces.copy(text[at:end], base + at)
        return end

    def _dollar(self, text: str, at: int, base: int, *, final: bool) -> int | None:
        """Read LaTeX between dollars, by Pandoc's rule."""
        if at + 1 == len(text) and not final:
            return WAIT
        is_display = text[at + 1 : at + 2] == "$"
        if not is_display and (MONEY.match(text, at) or text[at - 1 : at].isalnum()):
            return self._text(text, at, base)
        match = (DISPLAY if is_display else MATH).match(text, at)
        if match is not None and match.end() == len(text) and not final and not is_display:
            return WAIT
        if match is not None and is_math(match[1]):
            return self._math(match[1], at, match.end(), base)
        if match is None and not final and grows(text, at, is_display=is_display):
            return WAIT
        return self._text(text, at, base)

    def _math(self, content: str, at: int, end: int, base: int) -> int:
        shown = plain_math(content)
        whole = glued(shown) if len(shown) <= 40 else BESIDE_SIGN.sub(lambda match: glued(match[0]), shown)
        self._pieces.replace(whole, base + at, base + end)
        return end

    def _reserved(self, text: str, at: int, base: int, *, final: bool) -> int:
        """Leave out a character that only what is seen may have."""
        del text, final
        self._pieces.drop(base + at, base + at + 1)
        return at + 1

    def _footnote(self, text: str, at: int, base: int, *, final: bool) -> int | None:
        """Read the number of a footnote that touches the stop: it ended early.12 Most people agree."""
        match = FOOTNOTE.match(text, at)
        if match is not None:
            self._pieces.copy(".", base + at)
            self._pieces.drop(base + at + 1, base + match.end(), side=-1)
            return match.end()
        return WAIT if not final and FOOTNOTE_GROWING.match(text, at) else self._text(text, at, base)

    def _note(self, text: str, at: int, base: int, *, final: bool) -> int | None:
        """Read a mark that says where something was found: 【4†source】."""
        match = NOTE.match(text, at)
        if match is not None:
            self._pieces.drop(base + at, base + match.end(), side=-1)
            return match.end()
        if not final and re.fullmatch(r"【(?:\d{1,3}(?::\d{0,3})?(?:†[^】\n]{0,120})?)?", text[at:]):
            return WAIT
        return self._text(text, at, base)

    def _entity(self, text: str, at: int, base: int, *, final: bool) -> int | None:
        """Read a character that is written by its name."""
        match = ENTITY.match(text, at)
        if match is None:
            if not final and re.fullmatch(r"&#?\w{0,32}", text[at:]):
                return WAIT
            return self._text(text, at, base)
        said = html.unescape(match[0])
        if said == match[0] or "\ue000" <= said[0] <= "\ue0ff" or "\ud800" <= said[0] <= "\udfff":
            return self._text(text, at, base)
        self._pieces.replace(" " if said == "\xa0" else said, base + at, base + match.end())
        return match.end()

    def _backslash(self, text: str, at: int, base: int, *, final: bool) -> int | None:
        """Read LaTeX in brackets with backslashes, or a mark that stands for itself."""
        following = text[at + 1 : at + 2]
        if not following and not final:
            return WAIT
        if following in {"(", "["}:
            match = BRACKETED.match(text, at)
            content = (match[1] or match[2]) if match else ""
            if match is not None and is_math(content.strip()):
                return self._math(content, at, match.end(), base)
            if match is None and not final and grows(text, at, is_display=following == "["):
                return WAIT
        return self._text(text, at, base, 1 if following.isalnum() or following.isspace() else 2)

    def _path(self, text: str, at: int, base: int, *, final: bool) -> int | None:
        """Read what follows a host that was written without a scheme."""
        if DOMAIN.search(text, max(0, at - HOST), at) is None:
            return self._text(text, at, base)
        run = ADDRESS.match(text, at)
        end = run.end() if run else at
        if end == len(text) and not final and end - at <= LONGEST:
            return WAIT
        end = at + address_end(text[at:end])
        shown = shown_address("x" + text[at:end])[1:]
        if shown:
            self._pieces.replace(shown, base + at, base + end) if shown != text[
                at:end
            ] else self._pieces.copy(shown, base + at)
        else:
            self._pieces.drop(base + at, base + end, side=-1)
        return max(end, at + 1)

    def _address(self, text: str, at: int, base: int, *, final: bool) -> int | None:
        """Read an address with its scheme: what is said of it is seen."""
        if text[at : at + 5].lower() == "data:":
            self.skip = long_address(UNTIL)
            self._pieces.drop(base + at, base + at + 5, side=-1)
            return at + 5
        run = ADDRESS.match(text, at)
        end = run.end() if run else at
        if self._brackets.is_open:
            closing = text.find("]", at, end)
            end = closing if closing >= 0 else end
        if end == len(text) and not final and end - at <= LONGEST:
            return WAIT
        is_long = end - at > LONGEST
        end = min(at + LONGEST, end) if is_long else at + address_end(text[at:end])
        shown = shown_address(text[at:end])
        if shown == text[at:end]:
            self._pieces.copy(shown, base + at)
        else:
            self._pieces.replace(shown, base + at, base + end)
        if is_long:
            self.skip = long_address(UNTIL)
        return end

    def _phrase(self, text: str, at: int, base: int, end: int, *, final: bool) -> int | None:
        """Read words that are not cut: what stands between them is written as what belongs to an atom."""
        if end == len(text) and not final:
            return WAIT
        self._pieces.replace(glued(text[at:end]), base + at, base + end)
        return end


def code_end(text: str, at: int, run: int, *, final: bool) -> int | None:
    """Return where code inside a line ends, or its marks where nothing closes it; None where more decides."""
    line = text.find("\n", at, at + run + WITHIN)
    upto = line if line >= 0 else min(len(text), at + run + WITHIN)
    close = re.compile(rf"(?<!`)`{{{run}}}(?!`)").search(text, at + run, upto)
    is_certain = final or line >= 0 or len(text) > at + run + WITHIN
    if close is not None and (is_certain or close.end() < len(text)):
        return close.end()
    return at + run if is_certain else None


def grows(text: str, at: int, *, is_display: bool) -> bool:
    """Whether mathematics may still end: within its line and 200 characters, or 1,000 where set apart."""
    rest = text[at:]
    return (
        len(rest) < 1_004 and "\n\n" not in rest
        if is_display
        else len(rest) < WITHIN + 4 and "\n" not in rest
    )
