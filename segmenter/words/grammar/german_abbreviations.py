"""German abbreviations and what is joined to figures: floors, dates, codes, the dative of units."""

import re

from segmenter.words import spelling
from segmenter.words.languages import WordTable
from segmenter.words.rules import Rule, Written, either

__all__ = ["short_rules"]

FLOORS = {
    "OG": ("Obergeschoss", "s"),
    "EG": ("Erdgeschoss", "s"),
    "UG": ("Untergeschoss", "s"),
    "DG": ("Dachgeschoss", "s"),
}
WINDS = {
    "N": "Nord", "S": "Süd", "O": "Ost", "W": "West", "NO": "Nordost",
    "NW": "Nordwest", "SO": "Südost", "SW": "Südwest",
}  # fmt: skip
DATIVE = "mit|nach|von|aus|oberhalb von|unterhalb von|außerhalb von"
GOODS = {"Zi": "zimmer", "Pers": "personen", "Fam": "familien"}
NEUTER = Written(
    r"(?:-|\A)(?:Set|Team|Haus|Paket|Sortiment|Programm|Service|Spiel)\Z|"
    r"(?:set|"
    r"paket|sortiment|spiel)\Z"
)
FEMININE = Written(r"(?:ung|heit|keit|schaft|ion|tät|ik|ie|ette|serie)\Z")


def short_rules(language: WordTable) -> list[Rule]:
    """Return the rules for what is short or joined to a number."""
    return [*ordinal_rules(language), *word_rules(language), *code_rules(language), *unit_rules(language)]


def ordinal_rules(language: WordTable) -> list[Rule]:
    """Return the rules for ordinals before a floor, a lower case word, another ordinal or a minute added."""

    def named(digits: str, rule: str) -> str:
        return spelling.ordinal(language, digits, rule) or digits

    def floor(match: re.Match[str]) -> str:
        noun = FLOORS[match["noun"]][0]
        rule = "ordinal-n" if match["lead"] else "ordinal-s"
        return f"{match['lead'] or ''}{named(match['n'], rule)} {noun}"

    def day(match: re.Match[str]) -> str:
        return f"{match['lead']} {named(match['n'], 'ordinal-n')}"

    def bare(match: re.Match[str]) -> str:
        if (match["lead"] or "").lower() in {"am", "vom", "zum", "der", "dem", "den", "ab", "bis", "beim"}:
            return match[0]
        lead = f"{match['lead']} " if match["lead"] else ""
        return f"{lead}{named(match['n'], 'ordinal-r')} {match['and']} "

    def pair(match: re.Match[str]) -> str:
        first, last = (named(match[part], "ordinal-n") for part in "ab")
        return f"{match['lead']} {first} {match['and']} {last}"

    def added(match: re.Match[str]) -> str:
        rule = (
            "ordinal-n"
            if re.search(r"(?i)(?<!\w)(?:in|der|zur)\b[^,.;]{0,25}\Z|und \Z", match.string[: match.start()])
            else "ordinal"
        )
        return f"{spelling.cardinal(language, match['a'])} plus {named(match['b'], rule)} Minute"

    return [
        Rule(
            Written(
                rf"(?P<lead>(?<!\w)(?i:im|vom|zum|am|dem|ins|des|bis)[ \u00a0])?(?<![\w.,])"
                rf"(?P<n>\d{{1,2}})\.[ \u00a0]?(?P<noun>{either(FLOORS)})(?!\w)"
            ),
            floor,
            set(FLOORS),
        ),
        Rule(
            Written(
                r"(?<!\w)(?P<lead>(?i:zum|am|vom|beim|dem|im|den|seit dem|ab dem))[ \u00a0](?P<n>\d{1,2})"
                r"\.(?=[ \u00a0](?:(?!und|bis|oder)[a-zäöü]|d\. )|[,;)])"
            ),
            day,
            ".",
        ),
        Rule(
            Written(
                r"(?<!\w)(?P<lead>(?i:dem|den|im|des|zum|vom|der))[ \u00a0](?P<a>\d{1,2})"
                r"\. (?P<and>und|oder|bis)(?: zum)? (?P<b>\d{1,2})\.(?= (?:Jahrhundert|Stock|"
                r"Spieltag|Lebensjahr|Platz|Kapitel|Runde|Klasse|Woche|Monat|Tag))"
            ),
            pair,
            ".",
        ),
        Rule(
            Written(
                r"(?:(?<!\w)(?P<lead>[A-Za-zäöü]{1,9})[ \u00a0])?(?<![\w.,])(?P<n>\d{1,2})\. "
                r"(?P<and>und|oder) "
                r"(?=\d{1,2}\.\d{1,2}\.(?!\d))"
            ),
            bare,
            {"und", "oder"},
        ),
        Rule(Written(r"(?<![\w.,])(?P<a>\d{2,3})\.[ ]?\+[ ]?(?P<b>\d{1,2})\.? (?:Min\.|Minute)"), added, "+"),
    ]


def word_rules(language: WordTable) -> list[Rule]:
    """Return the rules for figures joined to a short word, for winds and weekdays."""

    def joined(match: re.Match[str]) -> str:
        name = spelling.cardinal(language, match["n"], "m").replace("eins", "ein")
        flat = match["flat"]
        last = "wohnung" if flat.startswith("W") else flat.lower()
        return f"{name.capitalize()}{GOODS[match['what']]}{last}"

    def parted(match: re.Match[str]) -> str:
        noun = match["noun"]
        end = "es" if NEUTER.compiled.search(noun) else "e" if FEMININE.compiled.search(noun) else "er"
        return f"{spelling.cardinal(language, match['n'], 'm')}teilig{end} "

    def wind(match: re.Match[str]) -> str:
        return f"{match['lead']} {WINDS[match['w']]}"

    def weekday(match: re.Match[str]) -> str:
        day = match["day"]
        return match["lead"] + language.weekdays[day] + ("," if match["comma"] else "")

    days = "Mo|Di|Mi|Do|Fr|Sa|So"
    return [
        Rule(
            Written(
                rf"(?<![\w.,])(?P<n>[1-9])-(?P<what>{either(GOODS)})\.?-(?P<flat>Whg|Wohnung|"
                rf"Haushalt|Haus)\.?(?!\w)"
            ),
            joined,
            "-",
        ),
        Rule(Written(r"(?<![\w.,])(?P<n>\d{1,3})-tlg\.[ \u00a0](?=(?P<noun>[\wäöüß-]+))"), parted, {"tlg"}),
        Rule(
            Written(
                r"(?<!\w)(?P<lead>aus|nach|um|Wind|Richtung|von) "
                r"(?P<w>[NS][OW]|(?:(?<=Wind )|(?<=Richtung ))[NSOW])(?![\w.-])"
            ),
            wind,
            set(WINDS),
        ),
        Rule(
            Written(
                rf"(?<!\w)(?P<lead>(?:am|jeden|bis|ab|von|nächsten|diesen|Ihnen|dir|euch|es)"
                rf" )(?P<day>{days})\.(?P<comma>,)?(?=[ ])"
            ),
            weekday,
            set(days.split("|")),
        ),
        Rule(Written(r"(?<![\w.,])1-(?= (?:bis|oder|und) \d)"), lambda _: "ein-", "-"),
        Rule(
            Written(
                r"(?<![\w:.,])(?P<a>\d{1,3}):(?P<b>\d{1,3})(?= (?:Tor|Treffer|Punkt|Sätz|Satz|Zähler|Körb))"
            ),
            lambda m: f"{m['a']} zu {m['b']}",
            ":",
        ),
        Rule(Written(r"(?<!\w)um :(?=\d\d(?!\d))"), lambda _: "zur Minute ", ":"),
    ]


def code_rules(language: WordTable) -> list[Rule]:
    """Return the rules for words that end in "number", which name a code, and for codes after them."""

    def spelled(match: re.Match[str]) -> str:
        groups = [spelling.digit_by_digit(language, group) for group in re.findall(r"\d+", match["n"])]
        return f"{match['lead']}{', '.join(groups)}"

    names = {
        "Kat": "Katalog",
        "Art": "Artikel",
        "Best": "Bestell",
        "Kd": "Kunden",
        "Tel": "Telefon",
        "Kto": "Konto",
    }

    def worded(match: re.Match[str]) -> str:
        word = match["a"]
        return (names.get(word.rstrip("."), word)) + "nummer"

    return [
        Rule(
            Written(r"(?<![\w.])(?P<a>[A-ZÄÖÜ][a-zäöüß]+\.?)-?(?:(?<=[.\-])N|(?<![A-Z])n)r\."),
            worded,
            {"Nr", "nr"}
            | {
                "Kundennr",
                "Artikelnr",
                "Kontonr",
                "Telefonnr",
                "Bestellnr",
                "Rechnungsnr",
                "Auftragsnr",
                "Hausnr",
            },
        ),
        Rule(Written(r"(?<!\w)Nr\.(?= [A-Z]{1,5}-?\d)"), lambda _: "Nummer", {"Nr"}),
        Rule(
            Written(
                r"(?P<lead>(?<!\w)[A-ZÄÖÜ][a-zäöüß]{2,}nummer:? )(?P<n>\d{3,12}(?:-\d{1,8})"
                r"{0,3})(?![\w/.,-]\w|\w)"
            ),
            spelled,
            "0123456789",
        ),
    ]


def unit_rules(language: WordTable) -> list[Rule]:
    """Return the rules for units in the dative, and for a half before a noun in the case of a preposition."""
    metric = {name: noun for name, noun in language.units.items() if noun.forms[-1].endswith("er")}

    def dative(match: re.Match[str]) -> str:
        form = metric[match["unit"]].forms[-1]
        return f"{match['lead']}{form}n"

    return [
        Rule(
            Written(
                rf"(?P<lead>(?<!\w)(?i:{DATIVE})[ \u00a0](?:rund |etwa |ca\. |knapp |über |"
                rf"fast )?(?!1 )\d[\d.,]{{0,9}}[ \u00a0])(?P<unit>{either(metric)})(?![\w/²³])"
            ),
            dative,
        ),
    ]
