"""English: what stands beside a number and decides how it is read."""

import re

from segmenter.words import spelling
from segmenter.words.grammar.english_abbreviations import short_rules
from segmenter.words.grammar.english_addresses import address_rules
from segmenter.words.grammar.english_codes import code_rules, pairs
from segmenter.words.grammar.english_measures import attribute_rules, shape_rules
from segmenter.words.grammar.english_models import model_rules
from segmenter.words.languages import WordTable
from segmenter.words.rules import Rule, Written, numeric

__all__ = ["english_rules"]

PLURAL_NOUN = (
    r"(?:(?!(?:was|is|has|as|its|this|us|plus|thus|"
    r"does|goes|says|his|yes|across|towards|always|"
    r"besides|sales|votes|"
    r"elections|games|championships|elections|olympics|riots|protests|releases|news|series|census|campaigns|"
    r"finals|years|models|editions|results|figures|"
    r"levels|prices)\b)[a-z]{2,20}s|people|men|women|"
    r"children|feet|sheep|staff)"
)


def english_rules(language: WordTable) -> list[Rule]:
    """Return what runs before the rules of all languages."""
    return [
        *short_rules(language),
        *address_rules(language),
        *numeric(model_rules(language)),
        *numeric([*figure_rules(language), *moment_rules(language), *year_rules(language)]),
        *code_rules(language),
        *numeric([*shape_rules(language), *attribute_rules()]),
    ]


def plural(name: str) -> str:
    """Return the plural of a number's name: sixes, thirties, forty-nines."""
    if name.endswith("y"):
        return name[:-1] + "ies"
    return name + ("es" if name.endswith("x") else "s")


def figure_rules(language: WordTable) -> list[Rule]:
    """Return the rules for plurals of figures, and for grades out of a whole."""

    def many(match: re.Match[str]) -> str:
        written, lead = match["n"], match["lead"]
        if (
            lead is None
            and re.search(
                r"(?:[Ii]n|[Ff]or|[Aa]fter|t[oa][ok][ke]s?|[Ww]ait|[Ee]very|[Aa]bout|[Ww]ithin|[,(~])[ ]?\Z",
                match.string[max(0, match.start() - 8) : match.start()],
            )
            and len(written) < 3
            and not written.endswith("0")
        ):
            return match[0]
        name = (
            pairs(language, written) if len(written) == 3 else spelling.cardinal(language, str(int(written)))
        )
        if len(written) == 4:
            name = spelling.year(language, written)
        return (lead.rstrip("-") + " " if lead else "") + plural(name)

    def out_of(match: re.Match[str]) -> str:
        return f"{match['a']} out of {match['b']}"

    def age(match: re.Match[str]) -> str:
        return spelling.cardinal(language, match["n"]).removesuffix("e") + "er" + match["s"]

    return [
        Rule(
            Written(r"(?<![\w.,$€£:/'])(?P<lead>(?<![\w-])[A-Z]{1,3}-?)?(?P<n>\d{1,4})'?s(?![\w'])"),
            many,
            "s",
        ),
        Rule(Written(r"(?<![\w.,])(?P<n>\d{2})er(?P<s>s?)(?!\w)"), age, {"er", "ers"}),
        Rule(
            Written(
                r"(?<![\w./])(?P<a>\d{1,2}(?:\.\d{1,2})?)/(?P<b>10|100|"
                r"(?<=\.\d/)\d{1,2}(?:\.0)?|(?<=\.\d\d/)\d{1,2}(?:\.0)?)(?![\w/=]|\.\d| ?=| of)"
            ),
            out_of,
            "/",
        ),
        Rule(
            Written(r"(?<=\b[Ss]tep )(?P<a>\d{1,3})/(?P<b>\d{1,3})(?![\w/])"),
            lambda m: f"{m['a']} of {m['b']}",
            "/",
        ),
        Rule(
            Written(
                r"(?:(?<=\b[Pp]age )|(?<=\b[Pp]art )|(?<=\b[Ss]lide ))(?P<a>\d{1,3})/(?P<b>\d{1,3})(?![\w/])"
            ),
            lambda m: f"{m['a']} of {m['b']}",
            "/",
        ),
        Rule(Written(r"(?<![\w/.-])50[-/]50(?![\w/]|[.,]\d|-\d)"), lambda _: "fifty-fifty", "-/"),
        Rule(
            Written(
                r"\b((?:Genesis|Exodus|Psalms?|Proverbs|Isaiah|"
                r"Matthew|Mark|Luke|John|Acts|Romans|Corinthians|"
                r"Ephesians|Hebrews|Revelation|[Vv]erse) \d{1,"
                r"3}):(\d{1,3})"
            ),
            lambda m: f"{m[1]} {m[2]}",
            ":",
        ),
    ]


def moment_rules(language: WordTable) -> list[Rule]:
    """Return the rules for days in digits without a year, and for minutes with seconds."""

    def dated(match: re.Match[str]) -> str:
        first, second = int(match["a"]), int(match["b"])
        if not (12 < first < 32 and 0 < second <= 12):
            return match[0]
        day = spelling.ordinal(language, str(first))
        return f"{match['lead']} the {day} of {language.months[second - 1]}"

    def weekday_date(match: re.Match[str]) -> str:
        first, second = int(match["a"]), int(match["b"])
        month, day = (first, second) if first <= 12 else (second, first)
        if not (0 < month <= 12 and 0 < day < 32):
            return match[0]
        return f"{match['lead']} {language.months[month - 1]} {spelling.ordinal(language, str(day))}"

    def timed(match: re.Match[str]) -> str:
        seconds = spelling.cardinal(language, match["s"].lstrip("0") or "0")
        zero = "oh " if match["s"][0] == "0" and match["s"] != "00" else ""
        return f"{match['lead']} {spelling.cardinal(language, match['m'])} {zero}{seconds}"

    return [
        Rule(
            Written(
                r"(?<!\w)(?P<lead>(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]{0,6}\.?,?|ETA:?|[Dd]eadline:?|"
                r"[Ee]xpires:?|"
                r"[Dd]ue:|[Rr]eleased)) (?P<a>\d{1,2})/(?P<b>\d{1,2})(?![\w/]|[.,]\d)"
            ),
            weekday_date,
            "/",
        ),
        Rule(
            Written(
                r"(?<!\w)(?P<lead>(?:in|of|was|time:?|PB:?|best:?|[Rr]untime:?|[Ll]ength:?|lasts|clocked)) "
                r"(?P<m>2[5-9]|[3-9]\d|1\d\d):(?P<s>[0-5]\d)(?![\d:]|\.\d)"
            ),
            timed,
            ":",
        ),
        Rule(
            Written(
                r"(?<!\w)(?P<lead>(?i:on|until|by|before|from|to|till|after|since|due|ends|between|and)) "
                r"(?P<a>\d\d)/(?P<b>\d{1,2})(?![\w/]|[.,]\d)"
            ),
            dated,
            "/",
        ),
    ]


def year_rules(language: WordTable) -> list[Rule]:
    """Return the rules for years that do not look like one, and for counts that do."""

    def counted(match: re.Match[str]) -> str:
        return spelling.cardinal(language, match["n"])

    def short(match: re.Match[str]) -> str:
        return (
            "oh " + spelling.cardinal(language, match["n"][1])
            if match["n"][0] == "0"
            else spelling.cardinal(language, match["n"])
        )

    def year(match: re.Match[str]) -> str:
        return match["lead"] + spelling.year(language, match["n"])

    lead = (
        r"(?<![\w'])(?:[Ii]n|[Ss]ince|[Oo]f|[Bb]y|[Uu]"
        r"ntil|[Ff]rom|[Tt]o|[Yy]ear|[Aa]round|[Cc]irca|"
        r"AD|[Bb]efore|[Aa]fter|[Tt]ill|[Tt]he) "
    )
    return [
        Rule(
            Written(r"(?<!\w)(?:ca?\.) ?(?=\d{3,4}\b)"),
            lambda m: "around " if m[0][1] == "." else "about ",
            "c",
        ),
        Rule(
            Written(
                rf"(?P<n>[12](?<![\w$€£.,'/–-].)(?<!\bin .)(?<!\bIn .)(?<!\bsince "
                rf".)(?<!\bof .)(?<!\bthe .)(?<!\bThe .)(?<!\bby .)(?<!\bto "
                rf".)(?<!\bfrom .)(?<!\band .)(?:(?<=1)[1-9]|(?<=2)0)"
                rf"\d\d)(?= (?:{PLURAL_NOUN})(?!\w))"
            ),
            counted,
        ),
        Rule(
            Written(rf"(?P<lead>{lead}|(?<=\())(?P<n>10\d\d)(?![\w:%]|[.,]\d| (?:{PLURAL_NOUN})(?!\w))"),
            year,
            "1",
        ),
        Rule(
            Written(r"(?<![\w'])(?P<lead>FY|CY|AD)[ ]?(?P<n>1[0-9]\d\d|20\d\d)(?!\w)"),
            lambda m: f"{m['lead']} {spelling.year(language, m['n'])}",
            "YD",
        ),
        Rule(Written(r"(?<![\w'])(?P<lead>)(?P<n>[1-9]\d00)(?= (?:BCE?|CE|AD)\b)"), year, "BCA"),
        Rule(
            Written(
                r"(?:(?<=\b[Aa] )|(?<=\b[Aa]n )|(?<=\b[Mm]y )|(?<=[Oo]f )|(?<=[Ii]n )|(?<=[Ss]ummer of "
                r")|(?<=[Ss]ince )|(?<=[Ff]rom )|(?<=[Tt]o ))'"
                r"(?P<n>\d\d)(?![\w'])"
            ),
            short,
            "'",
        ),
    ]
