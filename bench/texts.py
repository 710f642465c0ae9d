"""Families of texts that could be slow: their time, and how it grows with their length."""

import argparse
import random
import sys
import time
from collections.abc import Callable, Iterator
from types import MappingProxyType

from bench.table import Row, parser
from segmenter import Segmenter
from worker.request import SpeechRequest
from worker.speech.planning import plan_segments

__all__ = ["FAMILIES", "WAYS", "cut", "long_text", "main", "milliseconds"]

SIZES = (5_000, 10_000, 20_000)
GOAL_MS = 50  # of 10,000 characters
GROWTH = 3  # times the time for twice the length: more is not linear
PIECE = 16  # characters of a stream that come at once
PROSE = (
    "The harbour was quiet that morning, and only the gulls had opinions. A ferry left for the islands at "
    "10:15, as it did every day of the year. Nobody waved, because nobody had risen in time to wave.\n\n"
    "By noon the fog had lifted, the market had opened, and Dr. Brown sold oranges for $3.50 a bag. "
    '"Come closer!" he sang, "they are sweet." Then it was over, and the town went home.\n\n'
)
# Each is repeated; of several parts, a random one comes each time, and `#` is a random digit.
FAMILIES: dict[str, tuple[str, ...]] = {
    "prose": (PROSE,),
    "letters": ("x",),
    "short words": ("a ",),
    "a word, a comma": ("x, ",),
    "spaces": (" ",),
    "lines": ("\n",),
    "lines of a letter": ("a\n",),
    "lines of a digit": ("#\n",),
    "lines of a mark": (".\n\n", "-\n\n", "*\n", "…\n\n"),
    "items": ("- a\n", "* b\n"),
    "markers in a line": ("1) . . .",),
    "markers": ("1. ", "a) ", "2) "),
    "a marker, then words": ("1) and so on ",),
    "stops": (". ",),
    "dotted letters": ("a.", "A. "),
    "shouts": ("! ", "? "),
    "short sentences": ("Hi. ", "No! ", "Go? "),
    "abbreviations": ("Dr. ", "U.S. ", "e.g. ", "p.m. ", "No. "),
    "brackets": ("(", "[", "（"),
    "closing brackets": (")", "]", "）"),
    "nested brackets": ("((((a))))[[b]] ",),
    "open brackets": ("(a ", "[b "),
    "quotes": ('"', "'", "“"),
    "quoted words": ('"a" ', "“b” ", "«c» "),
    "open quotes": ("“a. ", '"b! '),
    "digits": ("#",),
    "numbers": ("# ", "## ", "### "),
    "dotted numbers": ("#.#.#.",),
    "money": ("$#.## ", "€#,### ", "## USD "),
    "one price": ("$5.30 ",),
    "prices in sentences": ("It costs $#.## or €#,###.## and # USD now. ",),
    "numbers in sentences": ("Take # of ##, 19## and #,### or #.# now. ",),
    "times and dates": ("#:## ", "##/##/#### ", "May #, 20## ", "#-# "),
    "units and shares": ("# km ", "#% ", "#.# kg ", "#°C "),
    "telephone numbers": ("+1 ### ### #### ", "0## ####### ", "###-###-#### "),
    "ordinals and Roman": ("#th ", "IV ", "XX ", "###s "),
    "formulas": ("x^2 ", "a = # ", "# + # ", "√# "),
    "TeX": ("$x^2$ ", "$a", "\\(b\\) ", "$$c$$ "),
    "open TeX": ("\\(a", "\\[b", "$$c"),
    "tags": ("<b>", "</b>", "<x>"),
    "lines of a tag": ("<x>\n",),
    "open tags": ("<", "<b ", '<a b="'),
    "comments": ("<!--", "-->"),
    "code": ("`a` ", "``", "```\n"),
    "links": ("[a](b.c) ", "[d](http://e.f/g) "),
    "open links": ("[a](", "](", "!["),
    "addresses": ("http://a.b/c ", "www.a.de ", "a@b.co "),
    "data": ("data:image/png;base64,A ",),
    "entities": ("&amp;", "&", "&#65;"),
    "emphasis": ("**a** ", "_b_ ", "*"),
    "tables": ("| a | # ", "|---|\n"),
    "emoji": ("🎉", "🎉 ", "👩\u200d🚀"),
    "pauses": ("[pause:1s] ", "[pause:2s] a "),
    "tone": ("[laugh] ", "[pronounce] "),
    "voices": ("[voice:a] b ",),
    "hashtags": ("#a ", "@b "),
    "Chinese": ("你好。", "我们今天去公园，"),
    "Chinese numbers": ("##元。", "#月##日，"),
    "Japanese": ("「はい。」と言った。", "今日は公園に行って、"),
    "Arabic": ("مرحبا؟ ", "كلمة "),
    "beyond the plane": ("𝔘", "e\u0301", "\ud800", "\x00"),
}
TABLES = MappingProxyType({f"word{number}": f"wort {number}" for number in range(500)})


def long_text(parts: tuple[str, ...], size: int) -> str:
    """Return a text of a family: the same for the same size."""
    chosen = random.Random(0)  # noqa: S311 - not for secrets
    units = "".join(chosen.choices(parts, k=size // max(1, min(map(len, parts))) + 1))[:size]
    return "".join(
        str(chosen.randrange(10)) if letter == "#" and "#a " not in parts else letter for letter in units
    )


def cut(text: str) -> None:
    """Cut a whole text."""
    segmenter = Segmenter()
    segmenter.push(text)
    segmenter.finish()


def stream(text: str) -> None:
    """Cut a text that comes in pieces."""
    segmenter = Segmenter()
    for at in range(0, len(text), PIECE):
        segmenter.push(text[at : at + PIECE])
    segmenter.finish()


def planned(text: str, **fields: object) -> None:
    """Plan a text with its words, as a worker does."""
    for _ in plan_segments(SpeechRequest(text=text, **fields)):  # type: ignore[arg-type]
        pass


def respelled(text: str) -> None:
    """Plan a text with a large table of respellings."""
    planned(text, pronounce=TABLES)


WAYS: dict[str, Callable[[str], None]] = {
    "cut": cut,
    "stream": stream,
    "plan": planned,
    "respelled": respelled,
}


def milliseconds(work: Callable[[str], None], text: str, count: int) -> float:
    """Return the least time that this process spends on some work."""
    took = []
    for _ in range(count):
        began = time.process_time()
        work(text)
        took.append(time.process_time() - began)
    return 1000 * min(took)


def measured(given: argparse.Namespace) -> Iterator[Row]:
    """Yield the time of each family in each way, and the growth where it is too much."""
    chosen = given.names or list(FAMILIES)
    planned(PROSE * 3)
    for way in given.way or WAYS:
        for name in chosen:
            times = [
                milliseconds(WAYS[way], long_text(FAMILIES[name], size), 2 if given.quick else 5)
                for size in SIZES
            ]
            growth = max(times[1] / times[0], times[2] / times[1])
            text = " ".join(f"{took:.1f}" for took in times)
            yield Row(f"{way}: {name}", times[1], "ms", GOAL_MS, spread=f"({text}: {growth:.1f} times)")


def main() -> int:
    """Measure and print; return 1 where a goal is missed."""
    made = parser("texts", __doc__ or "")
    made.add_argument("names", nargs="*", metavar="NAME", help="families; all without any")
    made.add_argument("--way", action="append", choices=list(WAYS), help="how they are read; all without any")
    for row in measured(made.parse_args()):
        print(
            f"{row.name:40} {row.value:8.1f} {row.unit} {'' if row.holds else 'MISSED':6} {row.spread}",
            flush=True,
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
