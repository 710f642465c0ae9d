"""English measures: signs of feet, inches and degrees, and the singular before a noun."""

import re
from collections.abc import Callable

from segmenter.words import spelling
from segmenter.words.languages import WordTable
from segmenter.words.rules import Rule, Written

__all__ = ["attribute_rules", "shape_rules"]

COUNTED = (  # what follows a number whose noun is not a thing of that size: 5 km of, 5 km long
    "of|and|or|in|on|at|to|from|by|for|with|is|was|"
    "are|were|has|had|will|can|may|wide|long|high|"
    "tall|deep|thick|thin|"
    "heavy|old|away|east|west|north|south|per|a|an|"
    "the|than|more|less|off|each|that|which|as|but|"
    "if|when|so|after|"
    "before|up|down|above|below|under|over|across|"
    "about|into|onto|out|back|today|now|every|plus|"
    "minus|apart|ago|"
    "later|earlier|it|he|she|they|we|you|I|this|and|"
    "further|between|through|within|without|until|"
    "since|while|would"
)
DETERMINER = (
    r"(?:[Aa]n?|[Tt]he|[Oo]ne|[Tt]his|[Tt]hat|[Ee]"
    r"ach|[Ee]very|[Aa]nother|[Hh]is|[Hh]er|[Mm]y|"
    r"[Yy]our|[Oo]ur|[Tt]heir|[Ii]ts|'s|[Pp]er)"
)
UNITS = (
    r"V|W|kW|MW|kWh|mAh|A|Hz|kHz|MHz|GHz|kB|KB|MB|"
    r"GB|TB|km|m|cm|mm|mi|ft|yd|kg|g|mg|lb|oz|L|"
    r"l|ml|mL|°C|°F|°|"
    r"mph|km/h|kph|min|hr|h|sec|s|ms|dB|hp|px|MP|kcal|gal|psi|cc"
)
NUMBER = r"\d{1,3}(?:,\d{3}){1,4}|\d{1,12}(?:\.\d{1,6})?"


def shape_rules(language: WordTable) -> list[Rule]:
    """Return the rules for signs of feet, inches and degrees, and for spans of time."""

    def inches(match: re.Match[str]) -> str:
        quotes = re.findall(r'(?<!\d)"', match.string[max(0, match.start() - 300) : match.start()])
        if len(quotes) % 2:
            return match[0]
        is_noun = re.match(
            rf" (?:\d+K |[A-Z]{{2,5}} )?(?!(?:{COUNTED}|x|by)\b)[a-z]+", match.string[match.end() :][:30]
        )
        return f"{match['n']} inch" if match["n"] == "1" or is_noun else f"{match['n']} inches"

    def place(match: re.Match[str]) -> str:
        found = [f"{match['d']} degrees"]
        found += [f"{match['m']} minutes"] if match["m"] else []
        found += [f"{match['s']} seconds"] if match["s"] else []
        return " ".join(found) + " " + {"N": "north", "S": "south", "E": "east", "W": "west"}[match["to"]]

    def minute(match: re.Match[str]) -> str:
        more = f" plus {spelling.cardinal(language, match['more'])}" if match["more"] else ""
        return f"({spelling.ordinal(language, match['n'])} minute{more})"

    return [
        Rule(Written(r"(?<=\d)(?P<q>[\"'])[ ]?[x×][ ]?(?=\d)"), lambda m: f"{m['q']} by ", "\"'"),
        Rule(Written(r"(?<=\d) ?[x×] ?(?=[$€£]\d)"), lambda _: " times ", "x×"),
        Rule(Written(r"(?<=\d:\d\d)Z\b"), lambda _: " UTC", "Z"),
        Rule(
            Written(
                r"(?P<lead>\b(?:BP|[Bb]lood pressure|[Pp]ressure)"
                r"\b[^.!?\n]{0,20}?)(?P<a>\d{2,3})/(?P<b>\d{2,"
                r"3})\b"
            ),
            lambda m: f"{m['lead']}{m['a']} over {m['b']}",
            "/",
        ),
        Rule(
            Written(
                r"(?<![\w.])(?P<d>\d{1,3}(?:\.\d{1,6})?)°[ ]?(?:"
                r"(?P<m>\d{1,2}(?:\.\d{1,4})?)'[ ]?)?(?:(?P<s>\d{1,"
                r"2}(?:\.\d{1,3})?)(?:\"|'')[ ]?)?(?P<to>[NSEW]"
                r")(?!\w)"
            ),
            place,
            "°",
        ),
        Rule(Written(r"\((?P<n>\d{1,3})(?:\+(?P<more>\d{1,2}))?'\)"), minute, "'"),
        Rule(Written(r"(?<![\w.'])(?P<n>\d{1,3}(?:\.\d{1,2})?)\"(?![\w\"])"), inches, '"'),
        Rule(
            Written(r"(?<![\w.])(\d{1,3})' ?(?=(?:wide|long|high|tall|deep|by|x)\b)"),
            lambda m: f"{m[1]} feet ",
            "'",
        ),
        Rule(
            Written(r"(?<![\w.])(?P<n>\d{1,3}) ?(?:h|hr|hrs)\.?[ ]?(?P<m>\d{1,2}) ?(?:m|min|mins)(?!\w)"),
            lambda m: f"{m['n']} h {m['m']} min",
            "h",
        ),
        Rule(
            Written(r"(?<![\w.])(?P<n>\d{1,3}) ?(?:m|min|mins)[ ]?(?P<m>\d{1,2}) ?(?:s|sec|secs)(?!\w)"),
            lambda m: f"{m['n']} min {m['m']} s",
            "m",
        ),
        Rule(
            Written(
                r"(?<=\d)-(?=(?:min|hr|sec|lb|oz|km|mm|cm|kg|ft|yd|mi|in|yr|wk|gal|"
                r"qt|mph|[kM]?W|V|[GT]B|MP)\b ?[a-z])"
            ),
            lambda _: "\u2011",
            "-",
        ),
        Rule(Written(r"(?<![\w:])(?P<b>0?0):00(?![\w:])"), lambda _: "midnight", ":"),
        Rule(Written(r"(?<![\w:])00?:(?=[0-5]\d(?![\w:]))"), lambda _: "12:", ":"),
        Rule(
            Written(
                r"(?<![\w$€£.,])(?![48]K)(?P<n>\d{1,4}(?:\.\d{1,3})?)[ "
                r"]?(?P<s>k|K|M|(?<!(?<![\d.])\d)B|B(?= [a-z]{3,"
                r"15}s\b)|bn|mn)(?= [a-z]{2}|[.,;)]? ?\Z|[,;)]"
                r")(?! (?:screen|tv|video|display|resolution|monitor|"
                r"[Tt]elevision|quality|footage|run\b))"
            ),
            scaled(),
            "kKMBbm",
        ),
        Rule(Written(r"(?<=\d),(?=\d (?:thousand|million|billion|trillion)\b)"), lambda _: ".", ","),
        Rule(
            Written(r"(?<![\w.,])([13]/[2-8]|[13]/16)-(?=inch|mile|hour|cup|pound|acre|ton|day)"),
            lambda m: fraction_of(language, m[1]),
            "/",
        ),
        Rule(
            Written(
                r"(?<![\w/.,])(?<!\d )(?P<f>[2-7]/[3-8]) (?P<u>cups?|"
                r"teaspoons?|tablespoons?|tsp\.?|tbsp\.?|miles?|"
                r"inch|pounds?|hour)(?!\w)"
            ),
            lambda m: f"{m['f']} of {article(m['u'])}",
            "/",
        ),
    ]


def scaled() -> Callable[[re.Match[str]], str]:
    """Return what says 10k and 2.5M."""
    names = {
        "k": "thousand",
        "K": "thousand",
        "M": "million",
        "mn": "million",
        "B": "billion",
        "bn": "billion",
    }
    return lambda match: f"{match['n']} {names[match['s']]}"


def fraction_of(language: WordTable, written: str) -> str:
    """Return a fraction before a measure that it makes an adjective with: one-half-inch."""
    above, below = written.split("/")
    first = spelling.cardinal(language, above)
    name = {"2": "half", "4": "quarter"}.get(below) or spelling.ordinal(language, below) or below
    return f"{first}-{name}-"


def article(unit: str) -> str:
    """Return a unit of which a part is taken: a cup, an inch, an hour."""
    full = {"tsp": "teaspoon", "tbsp": "tablespoon"}.get(unit.rstrip("."), unit.rstrip("s"))
    return ("an " if full[0] in "ih" else "a ") + full


def attribute_rules() -> list[Rule]:
    """Return the rules for a measure or an amount before its noun, which has no plural: a 5 km race.

    A word joiner after the unit marks the singular for the rules that follow.
    """
    noun = rf"(?= (?!(?:{COUNTED})\b)[a-zA-Z]|[ ]\([^()]{{1,20}}\) (?!(?:{COUNTED})\b)[a-z])"
    unit = Written(
        rf"(?<![\w.-])(?P<lead>{DETERMINER} (?:[a-z]{{3,"
        rf"12}} )?)(?P<n>{NUMBER})[ \u00a0-]?(?P<u>{UNITS})"
        rf"{noun}"
    )
    glued = Written(
        rf"(?<![\w.$€£-])(?P<lead>)(?P<n>{NUMBER}) ?(?P<u>V|"
        rf"W|mm|mg|GB|TB|MB|MP|km)(?= [a-z]{{3,15}}s\b(?<!was)"
        rf")"
    )
    inner = Written(rf"(?<=\u2060 )\((?P<n>{NUMBER})[ \u00a0]?(?P<u>{UNITS})\)")
    money = Written(
        rf"(?<![\w.-])(?P<lead>{DETERMINER} (?:[a-z]{{3,"
        rf"12}} )?[$£€](?:{NUMBER})(?:[ -](?:thousand|million|"
        rf"billion|trillion)|[kKMB]|bn|mn)?)(?= (?!(?:{COUNTED})"
        rf"\b)[a-z])"
    )
    return [
        Rule(unit, lambda m: f"{m['lead']}{m['n']} {m['u']}\u2060"),
        Rule(glued, lambda m: f"{m['n']} {m['u']}\u2060"),
        Rule(inner, lambda m: f"({m['n']} {m['u']}\u2060)", "\u2060"),
        Rule(money, lambda m: f"{m['lead']}\u2060", "$£€"),
    ]
