"""English codes and numbers that are read digit by digit or in pairs."""

import re

from segmenter.words import spelling
from segmenter.words.languages import WordTable
from segmenter.words.rules import Rule, Written, said_in

__all__ = ["code_rules", "digits", "pairs"]


def pairs(language: WordTable, digits: str) -> str:
    """Return a number as addresses, flights and roads have it: three fifty, two oh five, sixteen hundred."""
    if len(digits) <= 2 or len(digits) > 4 or digits.startswith("0"):
        return spelling.cardinal(language, digits)
    first, last = digits[:-2], digits[-2:]
    if last == "00":
        round_ = len(digits) == 4 and first.endswith("0")
        return spelling.cardinal(language, digits if round_ else first) + ("" if round_ else " hundred")
    after = (
        "oh " + spelling.cardinal(language, last[1]) if last[0] == "0" else spelling.cardinal(language, last)
    )
    return f"{spelling.cardinal(language, first)} {after}"


def digits(language: WordTable, written: str) -> str:
    """Return a code: its letters as they are, its digits one by one, groups apart."""
    parts = re.findall(r"[A-Za-z]+|\d+", written)
    return " ".join(spelling.digit_by_digit(language, part) if part.isdigit() else part for part in parts)


def code_rules(language: WordTable) -> list[Rule]:
    """Return the rules for what is read digit by digit: codes, service numbers, long names."""

    def spelled(match: re.Match[str]) -> str:
        return match["lead"] + digits(language, match["n"])

    def by_pairs(match: re.Match[str]) -> str:
        return (
            match["lead"].replace("-", " ")
            + pairs(language, match["n"])
            + (match.groupdict().get("end") or "")
        )

    def model(match: re.Match[str]) -> str:
        lead = match["lead"].rstrip("-")
        return f"{lead} {pairs(language, match['n'])}"

    def dashed(match: re.Match[str]) -> str:
        first, *rest = match[0].split("-")
        return ", ".join([first, *(digits(language, part) for part in rest)])

    code = (
        r"(?:[Cc]ode|PIN|[Pp]in|ZIP|[Zz]ip|[Pp]asscode|[Pp]assword|[Tt]ext|[Ee]xtension|[Ee]xt\.|ID|[Aa]ccount|"
        r"(?:[Oo]rder|[Tt]racking|[Cc]onfirmation|[Aa]ccount|[Ii]nvoice|[Cc]ase|[Tt]icket|[Rr]eference|"
        r"[Bb]ooking|[Ss]erial) (?:[Nn]umber|[Nn]o\.|#))"
    )
    return [
        Rule(
            Written(
                rf"(?<!\w)(?P<lead>{code}(?: is| was|:| #)?:? )"
                rf"(?P<n>[A-Z]{{0,3}}\d{{4,12}})(?![\w/]|[.,:-]"
                rf"\d)"
            ),
            spelled,
            said_in(code),
        ),
        Rule(
            Written(
                r"(?P<lead>\b(?:[Cc]all(?:ed|ing|s)?|[Dd]ial(?:ed|"
                r"s|ing)?)\b[^.!?\n]{0,60}?\b)(?P<n>911|999|112|"
                r"311|411|988)(?![\w/:%-]|[.,]\d)"
            ),
            spelled,
            "914",
        ),
        Rule(
            Written(
                r"(?<![\w-])(?:[A-Z]{2,5}-\d{2,8}(?:-\d{2,8}){1,"
                r"3}|[A-Z]{2,5}-0\d{1,8}|[A-Z]{1,5}-\d{4,8})(?![\w-]"
                r")"
            ),
            dashed,
            "-",
        ),
        Rule(Written(r"(?<![\w#])#(?=[A-Z]{1,3}-?\d)"), lambda _: "number ", "#"),
        Rule(
            Written(r"(?<![\w-])(?P<lead>[A-Z]{1,4})(?P<n>\d{4,12})(?![\w-])"),
            lambda m: f"{m['lead']} {digits(language, m['n'])}",
        ),
        Rule(
            Written(
                r"(?P<lead>\b(?:Boeing|Airbus|Flight|flight|Highway|"
                r"highway|Route|route|Room|room|Interstate|Bus|"
                r"bus|Peugeot|Porsche) )(?P<n>\d{3,4})(?:-(?P<more>\d{3})"
                r")?(?![\w:%]|[.,]\d)"
            ),
            lambda m: (
                m["lead"] + pairs(language, m["n"]) + (" " + pairs(language, m["more"]) if m["more"] else "")
            ),
        ),
        Rule(Written(r"(?<![\w-])(?P<lead>[A-Z]{1,2}-?)(?P<n>\d{3})(?![\w-]|[.,]\d)"), model),
        Rule(Written(r"(?<![\w-])(?P<lead>[A-Z])-(?P<n>\d{1,2})(?![\w-]|[.,]\d)"), model, "-"),
        Rule(
            Written(r"(?P<a>[$£€]\d[\d,.]{0,12})(?:pp|p\.p\.)(?!\w)"),
            lambda m: m["a"] + " per person",
            "p",
        ),
        Rule(
            Written(
                r"(?<![\w.,/:-])(?<!\) )(?<!\d )(?P<a>555)-(?P<b>\d{4})"
                r"(?![\w-])|(?P<c>\b(?:[Cc]all|[Dd]ial|[Pp]hone|"
                r"[Tt]el\.?|[Tt]ext)(?: me| us)?(?: at| on)?:? "
                r")(?P<d>\d{3})-(?P<e>\d{4})(?![\w-])"
            ),
            lambda m: (
                (m["c"] or "")
                + digits(language, m["a"] or m["d"])
                + ", "
                + digits(language, m["b"] or m["e"])
            ),
            "-",
        ),
        Rule(Written(r"(?<![\w$])401\(?k\)?(?!\w)"), lambda _: "four oh one k", "k"),
        Rule(Written(r"\b(?P<a>[A-Z]{3})/(?P<b>[A-Z]{3})\b"), lambda m: f"{m['a']} {m['b']}", "/"),
    ]
