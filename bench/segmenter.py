"""The segmenter beside other sentence splitters: accuracy by language, speed, worst inputs, first use."""

import argparse
import json
import re
import subprocess
import sys
import time
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from bench.table import Guard, Row, median, parser, report
from segmenter import Segmenter, iter_plan, plan, sentences
from segmenter.words import speakable

__all__ = ["main"]

CASES = Path(__file__).parent.parent / "tests" / "segmenter" / "cases"
PACKAGES = ("sentencex", "pysbd", "blingfire", "syntok", "stream2sentence", "nltk")
PROSE = (
    "The harbour was quiet that morning, and only the gulls had opinions. A ferry left for the islands at "
    "10:15, as it did every day of the year. Nobody waved, because nobody had risen in time to wave.\n\n"
    "By noon the fog had lifted, the market had opened, and Dr. Brown sold oranges for $3.50 a bag. "
    '"Come closer!" he sang, "they are sweet." Then it was over, and the town went home.\n\n'
)
WORDED = {  # what is planned and put into words, in characters of each kind
    "prose": PROSE,
    "money": "It costs $3.50 or €1,234.99 and 5 USD now. ",
    "digits": "Take 5 of 12, 1984 and 3,000 or 7.5 now. ",
}
FIRST_WORDS = (
    "import time; began = time.perf_counter(); from segmenter.words import speakable; "
    "loaded = time.perf_counter(); speakable('He paid $3.50 on May 3, 2024.'); "
    "print((loaded - began) * 1000, (time.perf_counter() - loaded) * 1000)"
)
WORST = ("a.", "((((", " ", "x", "1.1.1.", '"', "\n", ". ", "[", "。", "a) ", "🎉", "A. ", "! ")
MARKS = (
    "<",
    "<b>",
    '<a b="',
    "[a](",
    "](",
    "![",
    "`",
    "$a",
    "&",
    "<!--",
    "```\n",
    "http://",
    "data:image/png;base64,",
    "[1]",
)
LISTED = CASES / "marks.txt"

FIRST_USE = (
    "import time; began = time.perf_counter(); import segmenter; "
    "segmenter.plan('Wir treffen uns z. B. am 3. Oktober. Bis dann.', 'de'); "
    "print((time.perf_counter() - began) * 1000)"
)
Splitter = Callable[[str, str], list[str]]


def others() -> dict[str, Splitter]:
    """Return the other splitters that are installed."""
    made: dict[str, Callable[[], Splitter]] = {
        "sentencex": with_sentencex,
        "pysbd": with_pysbd,
        "blingfire": with_blingfire,
        "syntok": with_syntok,
        "stream2sentence": with_stream2sentence,
        "nltk": with_punkt,
    }
    missing = [name for name in PACKAGES if find_spec(name) is None]
    if missing:
        print(f"not installed, not compared: {', '.join(missing)} (requirements/bench.txt)", file=sys.stderr)
    return {name: make() for name, make in made.items() if name not in missing}


def with_sentencex() -> Splitter:
    """Return sentencex."""
    import sentencex  # noqa: PLC0415 - only measured where installed

    return lambda text, language: list(sentencex.segment(language, text))


def with_pysbd() -> Splitter:
    """Return pySBD; English rules where it has none for a language."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pysbd  # noqa: PLC0415 - likewise
        from pysbd.languages import LANGUAGE_CODES  # noqa: PLC0415 - likewise

    kept: dict[str, Any] = {}

    def split(text: str, language: str) -> list[str]:
        code = language if language in LANGUAGE_CODES else "en"
        if code not in kept:
            kept[code] = pysbd.Segmenter(language=code, clean=False)
        return [str(part) for part in kept[code].segment(text)]

    return split


def with_blingfire() -> Splitter:
    """Return blingfire."""
    import blingfire  # noqa: PLC0415 - likewise

    return lambda text, _: str(blingfire.text_to_sentences(text)).split("\n")


def with_syntok() -> Splitter:
    """Return syntok."""
    from syntok import segmenter  # noqa: PLC0415 - likewise

    def split(text: str, _: str) -> list[str]:
        paragraphs = segmenter.process(text)
        parts = (sentence for paragraph in paragraphs for sentence in paragraph)
        return ["".join(token.spacing + token.value for token in part) for part in parts]

    return split


def with_stream2sentence() -> Splitter:
    """Return stream2sentence, fed with words, as a language model writes them."""
    from stream2sentence import generate_sentences  # noqa: PLC0415 - likewise

    def split(text: str, language: str) -> list[str]:
        options = {
            "language": language,
            "minimum_sentence_length": 1,
            "quick_yield_single_sentence_fragment": False,
        }
        return list(generate_sentences(iter(re.findall(r"\s*\S+|\s+", text)), **options))

    return split


def with_punkt() -> Splitter:
    """Return Punkt without training."""
    from nltk.tokenize.punkt import PunktSentenceTokenizer  # noqa: PLC0415 - likewise

    tokenizer = PunktSentenceTokenizer()
    return lambda text, _: list(tokenizer.tokenize(text))


def plain(parts: list[str]) -> list[str]:
    """Return sentences with runs of white space made one space."""
    return [kept for part in parts if (kept := re.sub(r"\s+", " ", part).strip())]


def is_right(split: Splitter, case: dict[str, Any]) -> bool:
    """Whether a splitter finds an answer that is accepted."""
    try:
        got = plain(split(case["text"], case["lang"]))
    except Exception:  # noqa: BLE001 - a splitter that fails has not found it
        return False
    return got in [plain(answer) for answer in (case["expected"], *case.get("alt", []))]


def accuracy(splitters: dict[str, Splitter]) -> Iterator[Row]:
    """Yield a row a language: wrong cases in 100, ours beside the best of the others."""
    cases: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for file in sorted(CASES.glob("*.jsonl")):
        for line in file.read_text(encoding="utf-8").splitlines():
            case = json.loads(line)
            cases[case["lang"]].append(case)
    print(f"\n{'right, of 100':14}{'cases':>6}" + "".join(f"{name[:11]:>12}" for name in splitters))
    for language, listed in sorted(cases.items()):
        right = {
            name: 100 * sum(is_right(split, case) for case in listed) / len(listed)
            for name, split in splitters.items()
        }
        print(f"{language:14}{len(listed):6}" + "".join(f"{value:12.1f}" for value in right.values()))
        theirs = {name: 100 - value for name, value in right.items() if name != "ours"}
        best = min(theirs, key=lambda name: theirs[name], default="")
        yield Row(
            f"{language}: wrong of {len(listed)} cases",
            100 - right["ours"],
            "%",
            theirs.get(best),
            best,
            theirs.get(best),
        )


def seconds(work: Callable[[], object]) -> float:
    """Return how long some work takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def speed(splitters: dict[str, Splitter], guard: Guard, count: int) -> Iterator[Row]:
    """Yield the time of a million characters of English prose, ours beside each of the others."""
    ours: list[float] = []
    times: dict[str, list[float]] = defaultdict(list)
    long, short = PROSE * 400, PROSE * 20
    for _ in range(count):
        guard()
        ours.append(seconds(lambda: sentences(long)) / len(long) * 1e6)
        for name, split in splitters.items():
            text = short if name in {"pysbd", "stream2sentence", "syntok"} else long
            times[name].append(seconds(lambda split=split, text=text: split(text, "en")) / len(text) * 1e6)  # type: ignore[misc]
    whole = median([seconds(lambda: plan(long)) / len(long) * 1e6 for _ in range(count)])
    for name, listed in times.items():
        if name != "ours":
            value, other = 1000 * median(ours), 1000 * median(listed)
            yield Row("sentences of a million characters of prose", value, "ms", 3333, name, other)
    yield Row("plan of a million characters of prose", 1000 * whole, "ms", 3333)
    text = (PROSE * 30)[:10_000]
    firsts = [1000 * seconds(lambda: next(iter(iter_plan(text)))) for _ in range(10 * count)]
    yield Row("first segment of 10,000 characters, p50", median(firsts), "ms", 2)


def words(count: int) -> Iterator[Row]:
    """Yield the time that planning and putting into words of 10,000 characters take."""
    for name, text in WORDED.items():
        long = (text * 300)[:10_000]

        def worded(long: str = long) -> None:
            for segment in iter_plan(long):
                speakable(segment.text, is_seen=True)

        worded()
        took = median([1000 * seconds(worded) for _ in range(count)])
        yield Row(f"plan with words of 10,000 characters of {name}", took, "ms", 50)


def first_words(count: int) -> Iterator[Row]:
    """Yield the import of words, and their first use with numbers, in fresh processes."""
    command = [sys.executable, "-c", FIRST_WORDS]
    runs = [subprocess.run(command, capture_output=True, check=True).stdout.split() for _ in range(count)]
    yield Row("words: import in a fresh process, p50", median([float(run[0]) for run in runs]), "ms")
    yield Row("words: first use with numbers, p50", median([float(run[1]) for run in runs]), "ms")


def worst(size: int) -> Iterator[Row]:
    """Yield how the time of the worst inputs grows when they are eight times as long: 8 is linear."""
    grown, slowest = [], []
    for unit in WORST:
        few, many = (unit * (length // len(unit)) for length in (size // 8, size))
        base = min(seconds(lambda few=few: plan(few)) for _ in range(3))  # type: ignore[misc]
        took = min(seconds(lambda many=many: plan(many)) for _ in range(2))  # type: ignore[misc]
        grown.append((took / base, unit))
        slowest.append((took / size * 1e9, unit))
    factor, unit = max(grown)
    yield Row("worst inputs, eight times as long: times the time", factor, "", 12, spread=f"({unit!r})")
    took, unit = max(slowest)
    yield Row("worst inputs: a million characters", took, "ms", spread=f"({unit!r})")
    shorts = []
    for unit in (*WORST, *MARKS):
        text = unit * (10_000 // len(unit))
        began = time.perf_counter()
        spoken(text)
        shorts.append((time.perf_counter() - began, unit))
    took, unit = max(shorts)
    yield Row("worst inputs: 10,000 characters cut and cleaned", 1e3 * took, "ms", 50, spread=f"({unit!r})")
    text = ("x" * 300 + " ") * 700
    part = Segmenter()

    def push() -> None:
        for letter in text:
            part.push(letter)

    yield Row("pushed letter by letter, a letter", 1e6 * seconds(push) / len(text), "µs")


def spoken(text: str) -> list[str]:
    """Return the words of a text's segments."""
    return [speakable(segment.text, is_seen=True) for segment in plan(text)]


def marks() -> Iterator[Row]:
    """Yield how much of the table of marks is wrong, and how early the first words come."""
    cases = [json.loads(line) for line in LISTED.read_text(encoding="utf-8").splitlines()]

    def letters(said: str) -> str:
        return "".join(letter for letter in said if letter.isalnum())

    wrong = sum(letters("".join(spoken(case["text"]))) != letters(case["spoken"]) for case in cases)
    yield Row(f"marks: wrong of {len(cases)} cases", wrong, "", 0)
    text = (PROSE * 30)[:10_000]

    def begun() -> str:
        return speakable(next(iter(iter_plan(text))).text, is_seen=True)

    begun()
    firsts = [1000 * seconds(begun) for _ in range(50)]
    yield Row("first segment with its words of 10,000 characters, p50", median(firsts), "ms", 2)


def first_use(count: int) -> Iterator[Row]:
    """Yield import and first use together, in fresh processes."""
    command = [sys.executable, "-c", FIRST_USE]
    took = [float(subprocess.run(command, capture_output=True, check=True).stdout) for _ in range(count)]
    yield Row("import and first use in a fresh process, p50", median(took), "ms", 100)


def measured(given: argparse.Namespace, guard: Guard) -> Iterator[Row]:
    """Yield all rows."""
    splitters: dict[str, Splitter] = {"ours": sentences, **others()}
    yield from accuracy(splitters)
    yield from speed(splitters, guard, 3 if given.quick else 7)
    yield from words(3 if given.quick else 7)
    yield from marks()
    yield from worst(1_000_000 if given.quick else 10_000_000)
    yield from first_use(5 if given.quick else 11)
    yield from first_words(5 if given.quick else 11)


def main() -> int:
    """Measure and report; return 1 where a goal is missed."""
    given = parser("segmenter", "The segmenter beside other sentence splitters.").parse_args()
    guard = Guard()
    rows = list(measured(given, guard))
    report(rows, guard, given.json)
    return int(any(row.holds is False for row in rows))


if __name__ == "__main__":
    sys.exit(main())
