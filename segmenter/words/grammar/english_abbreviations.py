"""English directions, codes and short words beside numbers, which run before the other rules."""

import re

from segmenter.words import spelling
from segmenter.words.grammar.english_codes import digits, pairs
from segmenter.words.languages import WordTable
from segmenter.words.rules import Rule, Written, either, said_in

__all__ = ["short_rules"]

WINDS = {
    "N": "north", "S": "south", "E": "east", "W": "west",
    "NE": "northeast", "NW": "northwest", "SE": "southeast", "SW": "southwest",
}  # fmt: skip
ROADS = {"St": "Street", "Ave": "Avenue", "Blvd": "Boulevard", "Rd": "Road", "Dr": "Drive", "Pl": "Place"}
HOMES = "home|house|apartment|condo|lot|space|office|building|unit|property|loft|studio|store|warehouse|villa"
RESTS = "jog|rest|sprint|hold|plank|break|pause|walk|run|recovery|swim|film|drive|timer"
STREET = r"(?:St|Ave|Blvd|Rd|Dr|Ln|Ct|Pl|Street|Avenue|Road)"
PER = {
    "kg": "kilogram",
    "lb": "pound",
    "km": "kilometer",
    "m²": "square meter",
    "m³": "cubic meter",
    "ha": "hectare",
}


def short_rules(language: WordTable) -> list[Rule]:
    """Return the rules for directions, weekdays, codes and measures that natural texts have."""
    return [*direction_rules(language), *spelled_rules(language), *measure_rules(language)]


def direction_rules(language: WordTable) -> list[Rule]:
    """Return the rules for points of the compass and for weekdays before a colon."""

    def street(match: re.Match[str]) -> str:
        return WINDS[match["w"]].capitalize() + " "

    def way(match: re.Match[str]) -> str:
        return f"{match['lead']} {WINDS[match['w']]}"

    def weekday(match: re.Match[str]) -> str:
        return language.weekdays[match[1]] + match[2]

    def named(match: re.Match[str]) -> str:
        ends = re.match(r"\Z|[ \u00a0]+[A-Z]", match.string[match.end() :])
        return f" {ROADS[match[1]]}{'.' if ends else ''}"

    days = either(name for name in language.weekdays if name.isalpha())
    winds = either(WINDS)
    return [
        Rule(
            Written(rf"(?<!\w)(?P<w>{winds})\.?[ ](?=\d{{1,3}}(?:st|nd|rd|th)?[ ]{STREET}\b)"),
            street,
            set(WINDS),
        ),
        Rule(
            Written(
                rf"(?P<lead>(?<!\w)(?:(?:I|US|M|A)-?\d{{1,3}}|[Tt]rack|[Rr]oad|[Pp]ath|[Tt]rail|"
                rf"[Hh]ead|[Gg]o|[Bb]ear|"
                rf"[Dd]ue|[Mm]iles|km))[ ](?P<w>{winds})(?![\w.'-])"
            ),
            way,
            set(WINDS),
        ),
        Rule(
            Written(
                r"(?P<lead>(?<!\w)(?:[Ff]rom the|[Tt]o the|[Oo]ut of the|[Ii]n the|winds?)"
                r")[ ](?P<w>[NS][EW])(?![\w-])"
            ),
            way,
            {"NE", "NW", "SE", "SW"},
        ),
        Rule(Written(rf"(?<!\w)({days})\b\.?(:)(?= |\Z)"), weekday, set(language.weekdays)),
        Rule(Written(rf"(?<=\dst|\dnd|\drd|\dth)[ ]({either(ROADS)})\."), named, set(ROADS)),
        Rule(Written(rf"(?<=[Dd]ep\. )({days})\b\.?( )"), weekday, {"dep", "Dep"}),
    ]


def spelled_rules(language: WordTable) -> list[Rule]:
    """Return the rules for numbers that are read digit by digit or in pairs after certain words."""

    def spelled(match: re.Match[str]) -> str:
        groups = re.findall(r"\d+", match["n"])
        lead = match["lead"].replace("#", "number ").replace("number number", "number")
        return lead + ", ".join(digits(language, group) for group in groups)

    def oh(match: re.Match[str]) -> str:
        return match["lead"] + digits(language, match["n"]).replace("zero", "oh")

    def paired(match: re.Match[str]) -> str:
        return match["lead"] + pairs(language, match["n"])

    long = (
        r"(?:[Aa]ccount|[Oo]rder|[Ii]nvoice|[Rr]eference|[Bb]ooking|[Tt]racking|MLS|"
        r"[Pp]olicy|[Mm]ember|[Tt]icket|"
        r"[Cc]ase|[Ss]ort code|[Ee]nding in|[Cc]ard)(?: (?:number|no\.|No\.))?(?: is|:)?[ ]#?"
    )
    return [
        Rule(Written(r"(?P<lead>(?<!\w))(?P<n>\d\d-\d\d-\d\d \d{8})(?!\w)"), spelled, "-"),
        Rule(
            Written(
                rf"(?P<lead>(?<!\w){long})(?P<n>\d{{4,12}}(?:[ -]\d{{2,8}}){{0,4}})(?![\w%]|"
                rf"[.,:-]\d| (?:units|items|copies|pieces|boxes|more)\b)"
            ),
            spelled,
            said_in(long),
        ),
        Rule(Written(r"(?P<lead>(?<!\w)[A-Z]{2} )(?P<n>\d{3} \d{3})(?![\w]|[ ]\d|[.,]\d)"), spelled),
        Rule(
            Written(
                r"(?P<lead>(?<!\w)(?:BA|AA|UA|DL|LH|AF|KL|EK|QF|VS|FR) )(?P<n>\d{2,4})(?![\w:]|"
                r"[.,]\d)"
            ),
            spelled,
        ),
        Rule(
            Written(
                r"(?P<lead>(?<!\w)(?:[Aa]|HTTP|[Ee]rror|[Ss]tatus|[Cc]ode) )(?P<n>40[1-9](?!\(?k)|"
                r"50[1-4])(?![\w,-]|\.\d)"
            ),
            paired,
        ),
        Rule(Written(r"(?P<lead>(?<!\w)[Pp]ort )(?P<n>\d{3,4})(?![\w.,]\d|\w)"), paired),
        Rule(
            Written(
                r"(?P<lead>(?<!\w)(?:[Cc]all|[Dd]ial|[Rr]ing) )(?P<n>101|105|111|116)(?![\w/:%-]|[.,]\d)"
            ),
            oh,
            "1",
        ),
        Rule(
            Written(
                r"(?P<lead>(?<!\w)(?:average|batting|hitting|hits|hit)(?: to)? )\.(?P<n>[1-9]\d\d)(?!\d)"
            ),
            paired,
            ".",
        ),
    ]


def measure_rules(language: WordTable) -> list[Rule]:
    """Return the rules for rates, times with decimals, pictures by their pixels, kelvins and runs."""

    def timed(match: re.Match[str]) -> str:
        minutes = "minute" if match["m"] == "1" else "minutes"
        return f"{match['m']} {minutes} {match['s'].lstrip('0') or '0'}.{match['f']}"

    def picture(match: re.Match[str]) -> str:
        return f"{pairs(language, match['a'])} by {pairs(language, match['b'])}"

    def hot(match: re.Match[str]) -> str:
        return f"{match['lead']}{match['n']} kelvin"

    def run(match: re.Match[str]) -> str:
        return f"{spelling.cardinal(language, match['n'])} K"

    def room(match: re.Match[str]) -> str:
        unit = "-foot" if match["noun"] else " feet"
        return f"{match['a']}{unit} by {match['b']}{unit}"

    def tracked(match: re.Match[str]) -> str:
        return digits(language, match[0])

    return [
        Rule(
            Written(r"(?<![\w.])(?P<a>\d{1,3})'[ ]?(?:x|×|by)[ ]?(?P<b>\d{1,3})'(?=(?P<noun> [a-z]{3,})?)"),
            room,
            "'",
        ),
        Rule(
            Written(rf"(?<=\d)[ -]?(?:sq\.?[ ]?ft\.?|square feet)(?=(?: [a-z]+)? (?:{HOMES})(?!\w))"),
            lambda _: " square foot",
            {"ft", "feet"},
        ),
        Rule(
            Written(rf"(?<=\d)[ ]?(sec|min|hr)(?= (?:{RESTS})(?!\w))"),
            lambda m: {"sec": "-second", "min": "-minute", "hr": "-hour"}[m[1]],
            {"sec", "min", "hr"},
        ),
        Rule(Written(r"(?<!\w)1Z(?:[ ]?[0-9A-Z]{2,4}){4,7}(?!\w)"), tracked, "Z"),
        Rule(Written(r"(?<![\w:.,])(?P<m>\d{1,2}):(?P<s>[0-5]\d)\.(?P<f>\d{1,3})(?![\w:])"), timed, ":"),
        Rule(
            Written(r"(?<=\d:\d\d)[ ]?/[ ]?(mile|mi|km|lap)(?!\w)"),
            lambda m: " per mile" if m[1] == "mi" else f" per {m[1]}",
            "/",
        ),
        Rule(
            Written(
                r"(?<![\w.,])(?P<a>\d{3,4})[ ]?[x×][ ]?(?P<b>\d{3,4})(?=[ ](?:display|screen|"
                r"pixel|panel|resolution|image|video|px|monitor))"
            ),
            picture,
            "x×",
        ),
        Rule(
            Written(
                r"(?P<lead>(?i:temperature|heated|cooled|boils|melts)[^.!?]{0,50}?)(?P<n>(?<![\w.,])"
                r"\d[\d,.]{0,9})[ ]?K(?!\w)"
            ),
            hot,
            "K",
        ),
        Rule(
            Written(
                r"(?<![\w.,$])(?P<n>[1-9]|10|15|21|42)K(?=[ ](?:pace|run|race|time|PB|runner|walk|effort))"
            ),
            run,
            "K",
        ),
        Rule(Written(rf"(?<=[Pp]er )({either(PER)})(?![\w²³/])"), lambda m: PER[m[1]], set("kmlh")),
        Rule(
            Written(r"\((\d{1,3}(?:\.\d{1,2})?) in\)"),
            lambda m: f"({m[1]} {'inch' if m[1] == '1' else 'inches'})",
            {"in"},
        ),
    ]
