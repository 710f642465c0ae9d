"""How many cases each class has in each language: `python -m tests.segmenter.words.classes` writes the page.

A class is a line `# name` in `cases/LANGUAGE.txt`; its cases are the `written → spoken` lines below it.
"""

from collections import Counter
from pathlib import Path

__all__ = ["CLASSES", "PAGE", "counted", "table", "with_table"]

CASES = Path(__file__).parent / "cases"
PAGE = Path(__file__).parents[3] / "docs" / "reference" / "words.md"
BEGIN, END = "<!-- classes: written by tests/segmenter/words/classes.py -->", "<!-- end of classes -->"
SUPPORTED = 6  # cases that a class has at least where it counts as supported
CLASSES = {  # as the headings of the cases name it, and what it is
    "cardinal": "whole numbers",
    "decimal": "decimals",
    "ordinal": "ordinals",
    "fraction": "fractions",
    "percent": "percentages and their changes",
    "year": "years",
    "era": "eras",
    "decade": "decades",
    "date": "dates",
    "time": "times of day",
    "duration": "durations",
    "range": "ranges",
    "score": "scores and ratios",
    "money": "money",
    "measure": "measures",
    "telephone": "telephone numbers",
    "code": "digit strings and codes",
    "address": "street addresses",
    "electronic": "URLs, e-mail, handles",
    "roman": "Roman numerals",
    "mathematics": "mathematics",
    "chemistry": "chemistry",
    "version": "versions and file names",
    "abbreviation": "abbreviations and titles",
    "initialism": "initialisms",
    "plural": "plurals of figures",
}


def counted(language: str) -> Counter[str]:
    """Return the number of cases below each heading of a language's file."""
    found: Counter[str] = Counter()
    heading = ""
    for line in (CASES / f"{language}.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith("# ") and " → " not in line:
            heading = line.removeprefix("# ").strip()
        elif " → " in line:
            found[heading] += 1
    return found


def table() -> str:
    """Return the page's table: the cases of each class in each language, or "not"."""
    languages = sorted(file.stem for file in CASES.glob("*.txt"))
    counts = {language: counted(language) for language in languages}
    head = f"| class | {' | '.join(languages)} |\n|---|{'---|' * len(languages)}\n"
    rows = []
    for name, meaning in CLASSES.items():
        numbers = [counts[language][name] for language in languages]
        cells = [str(number) if number >= SUPPORTED else "not" for number in numbers]
        rows.append(f"| {meaning} | {' | '.join(cells)} |\n")
    return head + "".join(rows)


def with_table(page: str) -> str:
    """Return the page with the table as it is now."""
    before, _, rest = page.partition(BEGIN)
    after = rest.partition(END)[2]
    return f"{before}{BEGIN}\n{table()}{END}{after}"


if __name__ == "__main__":
    PAGE.write_text(with_table(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
