"""English names of models, versions and places with figures, each read as its makers and users do."""

import re

from segmenter.words import spelling
from segmenter.words.grammar.english_codes import digits, pairs
from segmenter.words.languages import WordTable
from segmenter.words.rules import Rule, Written

__all__ = ["model_rules"]

LINES = "GTX|RTX|RX|GT|MX|UHD|Ryzen [3579]|Core Ultra [579]|Xeon|Radeon|GeForce|ThinkPad|XPS|DC"
PROGRAMS = (
    "Python|Node(?:\\.js| dot JS)?|PHP|Java|Ruby|Go|Swift|Kotlin|Rust|Perl|Scala|Django|Rails|Angular|React|"
    "Vue|"
    "TypeScript|Android|iOS|iPadOS|macOS|watchOS|Ubuntu|Debian|Fedora|Alpine|Postgres(?:QL)?|MySQL|SQLite|"
    "Redis|Docker|Kubernetes|Git|Chrome|Firefox|Safari|Blender|Unity|Excel|[Vv]ersion|[Rr]elease"
)
WARM = (
    r"(?:[Aa]t|[Oo]f|[Tt]o|[Ii]s|[Ww]as|[Hh]it|[Aa]bout|[Aa]round|[Nn]ear|[Bb]elow|[Aa]bove|[Uu]nder|[Oo]ver|"
    r"[Jj]ust|[Rr]each(?:ed|es)?|[Uu]p to|[Dd]own to|[Hh]ighs?|[Ll]ows?|[Oo]ven|[Tt]emps?|[Ff]rom|"
    r"[Ff]eels like|"
    r"[Aa]lmost|[Nn]early|[Ww]ash|[Pp]reheat(?:ed)? to|[Cc]ool|[Ss]till|[Oo]nly)"
)


def model_rules(language: WordTable) -> list[Rule]:
    """Return the rules for models, versions, pictures, passwords, area codes and short temperatures."""

    def line(match: re.Match[str]) -> str:
        end = f" {match['end']}" if match["end"] else ""
        more = "," if re.match(r" \d", match.string[match.end() :]) else ""
        return f"{match['lead']} {pairs(language, match['n'])}{end}{more}"

    def chip(match: re.Match[str]) -> str:
        first, last = match["n"][:-3], match["n"][-3:]
        name = pairs(language, match["n"])
        if len(match["n"]) > 4:
            name = f"{spelling.cardinal(language, first)} {hundreds(language, last)}"
        return (
            f"i {spelling.cardinal(language, match['i'])}, {name}{' ' + match['end'] if match['end'] else ''}"
        )

    def version(match: re.Match[str]) -> str:
        minor = match["b"]
        said = f"{match['lead']} {spelling.cardinal(language, match['a'])}"
        if minor is None:
            return said
        last = f"oh {minor[1]}" if len(minor) > 1 and minor[0] == "0" else spelling.cardinal(language, minor)
        return f"{said} point {last}"

    def build(match: re.Match[str]) -> str:
        last = f" point {digits(language, match['f'][1:])}" if match["f"] else ""
        return f"{match['lead']} {pairs(language, match['n'])}{last}"

    def area(match: re.Match[str]) -> str:
        return match["lead"] + re.sub(
            r"\d+", lambda code: digits(language, code[0]).replace("zero", "oh"), match["n"]
        )

    def password(match: re.Match[str]) -> str:
        return match["lead"] + digits(language, match["n"])

    return [
        Rule(
            Written(
                rf"(?<!\w)(?P<lead>{LINES})[ -]?(?P<n>\d{{3,4}})(?P<end>Ti|XT|XTX|X|K|G)?(?![\w-]|[.,]\d)"
            ),
            line,
        ),
        Rule(Written(r"(?<!\w)(?:Core )?i(?P<i>[3579])-(?P<n>\d{4,5})(?P<end>[A-Z]{1,2})?(?!\w)"), chip, "-"),
        Rule(
            Written(r"(?<![\w.,])(?P<n>\d{3,4})(?P<p>[pi])(?!\w)"),
            lambda m: f"{pairs(language, m['n'])} {m['p'].upper()}",
            "pi",
        ),
        Rule(
            Written(rf"(?<!\w)(?P<lead>{PROGRAMS}) (?P<a>\d{{1,3}})(?:\.(?P<b>\d\d?))?(?![\w%]|[.,]\d)"),
            version,
            ".",
        ),
        Rule(
            Written(
                r"(?<!\w)(?P<lead>[Dd]river|[Bb]uild|[Ff]irmware|BIOS) (?P<n>\d{3,4})(?P<f>\.\d{1,4})?(?!\w)"
            ),
            build,
        ),
        Rule(
            Written(
                r"(?P<lead>(?<!\w)[Aa]rea codes?:? (?:is |are )?)"
                r"(?P<n>\d{3}(?:(?:,| and| or|, and) \d{3}){0,5})(?!\d)"
            ),
            area,
        ),
        Rule(
            Written(
                r"(?P<lead>(?<!\w)(?:[Pp]assword|[Pp]asscode|[Ww]i-?[Ff]i key|[Pp]assphrase|[Uu]sername)"
                r"(?: is|:)? )"
                r"(?P<n>(?=[A-Za-z]*\d)[A-Za-z\d]{4,24})(?!\w)"
            ),
            password,
        ),
        Rule(
            Written(
                rf"(?<!\w)(?P<lead>{WARM} |[(~/-])?(?P<n>-?\d{{1,3}})(?P<gap>[ ]?)(?P<u>[CF])"
                rf"(?P<fan>(?= fan| in | on | for |[,;)]))?(?![\w'+#-]|\.\d)"
            ),
            warm,
            "CF",
        ),
    ]


def hundreds(language: WordTable, written: str) -> str:
    """Return the last three digits of a chip: four hundred, six fifty, oh fifty."""
    if written.endswith("00"):
        return spelling.cardinal(language, str(int(written)))
    return "oh " + spelling.cardinal(language, written[1:]) if written[0] == "0" else pairs(language, written)


def warm(match: re.Match[str]) -> str:
    """Return a temperature with its sign of degrees, which it lacks; another number as it is."""
    if not (match["lead"] or (match["fan"] is not None and len(match["n"]) > 1 and not match["gap"])):
        return match[0]
    return f"{match['lead'] or ''}{match['n']}°{match['u']}"
