"""Signs and abbreviations beside numbers, put into words before the numbers themselves."""

import re

from segmenter.words import spelling
from segmenter.words.languages import WordTable
from segmenter.words.quantities import Number, written_number
from segmenter.words.rules import Rule, Written, either

__all__ = ["rewriting_rules"]

HOUR_MINUTE = r"\d{1,2}:\d{2}"
ALONE = r"(?<![\w.,:/+-])"  # what may not touch a span such as 10-20, and what may
GLUED = (
    "bn|mn|tn|[kKMBm]|hrs?|mins?|secs?|yrs?|wks?|kg|km|cm|mm|ml|mL|mg|lbs?|oz|ft|mph|pts|[ghsLlWV]|GB|MB|TB"
)
LAST = rf"(?:(?![\w/-]|:\S|[.,]\d)|(?=[AaPp]\.?[Mm]\b|(?:{GLUED})(?![\w-])))"
SIGNS = (  # a pattern, the names of the words that it stands for, and what a text must have
    (r"(?:(?<!\w)[#№]|№)[ \u00a0]?(?=\d)", "number", "#№"),
    (r"(?<![\w)\].^%°])[-−](?=[$€£¥]?\d)", "minus", "-−"),
    (r"(?<=\d) [-−] (?=\d)|(?<=\d)−(?=\d)", "minus", "-−"),
    (r"(?<=\d)[ \u00a0]?[×*][ \u00a0]?(?=\d)(?!10\^)", "times", "×*"),
    (r"(?<=[\d)]) [·⋅∙] (?=[\d(])|(?<=\d)[·⋅∙](?=\d)|(?<=[\d)])[ \u00a0]?×[ \u00a0]?(?=\()", "times", "·⋅∙×"),
    (r"(?<=\d)[ \u00a0]?÷[ \u00a0]?(?=\d)", "over", "÷"),
    (r"(?<=\d)[ \u00a0]?[+][ \u00a0]?(?=\d)|(?<![\w+)])\+(?=[$€£¥]?\d)", "plus", "+"),
    (r"(?<=[\d)²³])[ \u00a0]?=[ \u00a0]?(?=[\d(-])", "equals", "="),
    (r"(?<![\w)])(?<!\d )[≈~∼][ \u00a0]?(?=[$€£¥]?\d)", "about", "≈~∼"),
    (r"(?<=[A-Za-z])~(?=\d)", "tilde", "~"),
    (r"±[ \u00a0]?(?=\d)", "plus minus", "±"),
    (r"[<≤][ \u00a0]?(?=\d)", "less", "<≤"),
    (r"[>≥][ \u00a0]?(?=\d)", "greater", ">≥"),
    (r"(?<=\d) ?x ?(?=\d)", "by", "x"),
)
SETS = Written(r"(?<![\w/.-])[0-7][-–][0-7](?:, [0-7][-–][0-7]){1,4}(?![\w/-]|[.,]\d)")  # tennis: 6-4, 7-6
FOLD = (  # 2x täglich, up 7x in, but not 6x plus 4y
    r"(?<![\w.,])(?P<n>\d{1,3}(?:[.,]\d)?)(?:x(?= (?!{signs})[^\W\d_]|[,;.)](?!\w))"
    r"|[ \u00a0]?[x×](?= (?!{signs})[^\W\d_]{3}))"
)
GAPS = Written(r"(?<![\d.,:/-])(?<!\d )[1-9]\d{0,2}(?:(?: \d{3}){2,5}| 000)(?! ?\d)")  # 12 000 000
HALVES = Written(r"(?<=[\d .])([AaPp]\.?[Mm]\.?)[ \u00a0]?[–-][ \u00a0]?(?=\d)")
FEET = Written(r"(?<!\w)(\d{1,2})'[ ]?(\d{1,2})(?:\"|'')")
NORTH = Written(r"°(?=[NSEW]\b)")
DECADE = Written(r"(?<!\w)'?(?P<n>\d0|\d{3}0)'?s(?!\w)")


def rewriting_rules(language: WordTable) -> list[Rule]:
    """Return the rules that put signs beside numbers into words and leave the digits for later."""
    abbreviations = language.before
    short = Written(rf"(?<!\w)(?P<a>{either(abbreviations)})[ \u00a0]?(?=\d)")
    found = [
        foreign_rule(language),
        *([] if " " in language.groups else [Rule(GAPS, lambda match: match[0].replace(" ", ""), " ")]),
        Rule(short, lambda match: abbreviations[match["a"]] + " ", {key[-1] for key in abbreviations}),
        *span_rules(language),
        *(sign_rule(language, *sign) for sign in SIGNS),
    ]
    if "fold" in language.signs:
        signs = either(language.signs[name] for name in ("plus", "minus", "times", "over", "equals"))
        fold = Written(FOLD.replace("{signs}", signs))
        found.insert(0, Rule(fold, lambda match: folded(language, match["n"]), "x×"))
    if language.code == "en":
        found += [
            Rule(FEET, lambda match: f"{match[1]} foot {match[2]}", "'"),
            Rule(NORTH, lambda _: "° ", "°"),
        ]
        found.insert(0, Rule(DECADE, lambda match: decade(language, match["n"]), "s"))
    if language.decimal == ".":
        found.append(Rule(Written(r"(?<![\w.,])\.(?=\d)"), lambda _: "0.", "."))
    return found


def foreign_rule(language: WordTable) -> Rule:
    """Return the rule for numbers that are plainly in the other convention: 1,000.50 in Spanish."""
    mark, group = language.decimal, "," if language.decimal == "." else "."
    written = rf"(?<![\d.,])\d{{1,3}}(?:\{mark}\d{{3}}){{1,5}}\{group}\d{{1,2}}(?![\d.,]*\d)"
    pattern = Written(written)
    return Rule(pattern, lambda match: match[0].replace(mark, "").replace(group, mark), ",")


def sign_rule(language: WordTable, pattern: str, names: str, needs: str) -> Rule:
    """Return the rule for one sign."""
    words = " ".join(language.signs.get(name, name) for name in names.split())
    pad = language.space
    return Rule(Written(pattern), lambda _: pad + words + pad, needs)


def span_rules(language: WordTable) -> list[Rule]:
    """Return the rules for spans: 10-20, 10 – 20, 9:00-17:00, $5-10."""
    token = rf"[$€£¥]?(?:{HOUR_MINUTE}|{written_number(language)})[%°]?"
    ends = rf"(?P<first>{token})(?:{{}})(?P<last>{token}){LAST}"

    def span(match: re.Match[str]) -> str:
        first, last = match["first"], match["last"]
        if any(re.match(r"0\d(?!:)", part) for part in (first, last)):
            return match[0]
        sign = first[0] if first[0] in "$€£¥" and last[0].isdigit() else ""
        return language.space.join([first.removeprefix(sign), language.signs["to"], sign + last])

    def spaced(match: re.Match[str]) -> str:
        first, last = (Number.read(language, match[part]) for part in ("first", "last"))
        rises = first.count is not None and last.count is not None and first.count < last.count
        return span(match) if rises else match[0]

    return [
        Rule(SETS, lambda match: re.sub("[-–]", language.space or "、", match[0]), "-–"),
        Rule(Written(ALONE + ends.replace("{}", "[ \u00a0]-[ \u00a0]") + "(?! ?=)"), spaced, "-"),
        Rule(Written(ALONE + ends.replace("{}", r"[ \u00a0]?[–〜～~∼-]")), span, "–〜～~∼-"),
        Rule(HALVES, lambda match: f"{match[1]} {language.signs['to']} ", "–-"),
        Rule(Written(ALONE + ends.replace("{}", r"[ \u00a0]–[ \u00a0]")), span, "–"),
    ]


def decade(language: WordTable, digits: str) -> str:
    """Return an English decade: 1990s, '90s."""
    spelled = spelling.year(language, digits) if len(digits) == 4 else spelling.cardinal(language, digits)
    return spelled[:-1] + "ies" if spelled.endswith("y") else spelled + "s"


def folded(language: WordTable, digits: str) -> str:
    """Return how many times: four times, viermal."""
    gender = "f" if "f" in language.rules and language.code != "de" else "m"
    number = Number.read(language, digits).spelled(language, gender)
    return language.signs["fold"].replace("{n}", number)
