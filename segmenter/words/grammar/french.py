"""French: telephone numbers in pairs, halves, Roman ordinals, hours."""

import re

from segmenter.words import spelling
from segmenter.words.dates_times import spelled_date
from segmenter.words.languages import WordTable
from segmenter.words.roman import roman_value
from segmenter.words.rules import Rule, Written

__all__ = ["french_rules"]

WOMEN = Written(
    r"(?:heure|minute|seconde|tasse|cuillère|page|"
    r"semaine|journée|année|livre|tonne|pomme|bouteille|"
    r"\w+(?:ion|té|ée|ette|ence|ance|aine|ille|esse|"
    r"ise|ine))s?$"
)


def french_rules(language: WordTable) -> list[Rule]:
    """Return what runs before the rules of all languages."""
    return [
        *name_rules(),
        *number_rules(language),
        *telephone_rules(language),
        *hour_rules(),
        *part_rules(language),
        *roman_rules(language),
    ]


def telephone_rules(language: WordTable) -> list[Rule]:
    """Return the rules for telephone numbers, read in pairs, and for codes."""

    def pair(digits: str) -> str:
        if digits[0] == "0" and len(digits) == 2:
            return " ".join(spelling.cardinal(language, digit) for digit in digits)
        return spelling.cardinal(language, digits)

    def paired(match: re.Match[str]) -> str:
        groups = re.findall(r"\d+", match["n"])
        if len(groups) == 1:
            groups = re.findall(r"\d\d", match["n"])
        plus = (
            language.signs["plus"] + " " + spelling.cardinal(language, match["to"]) + ", "
            if match["to"]
            else ""
        )
        return plus + ", ".join(pair(group) for group in groups)

    spelled = spelling.after_lead(language)

    number = (
        r"(?<![\w.,-])(?:\+(?P<to>33)[ .]?(?:\(0\))?)?"
        r"(?P<n>(?(to)\d|0\d)(?:[ .\u00a0-]?\d{2}){4})"
        r"(?![\w-]|[.,]\d)"
    )
    code = (
        r"(?:[Cc]ode(?: PIN| d'accès| postal| secret)?|"
        r"PIN|[Mm]ot de passe|[Nn]uméro de (?:commande|"
        r"client|dossier))"
    )
    return [
        Rule(Written(number), paired, "0+"),
        Rule(
            Written(rf"(?P<lead>(?<!\w){code}(?: est| :|:)?[ \u00a0])(?P<n>\d{{4,12}})(?![\w/]|[.,:-]\d)"),
            spelled,
        ),
    ]


def number_rules(language: WordTable) -> list[Rule]:
    """Return the rules for days with a slash, ages, firms' numbers and short telephone numbers."""

    def dated(match: re.Match[str]) -> str:
        said = spelled_date(language, int(match["d"]), int(match["m"]))
        return f"{match['lead']} {said}" if said else match[0]

    def grouped(match: re.Match[str]) -> str:
        groups = re.findall(r"\d{1,3}", re.sub(r"\D", "", match["n"])[:9]) + (
            [match["more"]] if match["more"] else []
        )
        return match["lead"] + ", ".join(spelling.cardinal(language, group) for group in groups)

    def ages(match: re.Match[str]) -> str:
        return f"{spelling.cardinal(language, match[1])}-{spelling.cardinal(language, match[2])}"

    def short(match: re.Match[str]) -> str:
        return match["lead"] + " ".join(spelling.cardinal(language, match[part]) for part in "ab")

    calls = r"(?:[Aa]ppel|[Cc]ompos|[Rr]enseign|[Tt]él|[Jj]oign|[Ii]nfo|[Rr]éserv)\w*"
    return [
        Rule(
            Written(
                r"(?P<lead>(?<!\w)(?i:le|du|au|lundi|mardi|mercredi|jeudi|vendredi|samedi|"
                r"dimanche)) (?P<d>[0-3]?\d)"
                r"/(?P<m>0?[1-9]|1[0-2])"
                r"(?![\w/]|[.,]\d)"
            ),
            dated,
            "/",
        ),
        Rule(
            Written(
                r"(?P<lead>(?<!\w)SIRE[NT](?: :|:)?[ \u00a0])(?P<n>\d{3}[ \u00a0]?\d{3}[ \u00a0]?\d{3})"
                r"(?:[ \u00a0]?(?P<more>\d{5}))?(?!\d)"
            ),
            grouped,
            {"SIRET", "SIREN"},
        ),
        Rule(Written(r"(?<=les )(\d{2})[–-](\d{2})(?= ans)"), ages, "–-"),
        Rule(
            Written(
                rf"(?P<lead>(?<!\w){calls}[^.!?\d]{{0,40}}(?<!\w)(?:au|le) )(?P<a>[1-9]\d)"
                rf"(?P<b>\d\d)(?![\d/ ]*\d|,\d)"
            ),
            short,
        ),
    ]


def hour_rules() -> list[Rule]:
    """Return the rules for spans of hours and for hours with minutes."""

    def span(match: re.Match[str]) -> str:
        return f"{match['a']}h{match['am'] or ''} à {match['b']}h{match['bm'] or ''}"

    hours = (
        r"(?<![\w.,:])(?P<a>\d{1,2})[ \u00a0]?h[ \u00a0]"
        r"?(?P<am>\d{2})?[ \u00a0]?[–-][ \u00a0]?(?P<b>\d{1,"
        r"2})[ \u00a0]?h(?P<bm>\d{2})?(?!\w)"
    )
    minutes = (
        r"(?<![\w.,:])(\d{1,3})[ \u00a0]?h[ \u00a0]?(\d{1,2})[ \u00a0]?min\b(?:\.(?=[ ]?[,;:)]|[ ][a-zà-ü]))?"
    )

    def lasting(match: re.Match[str]) -> str:
        return (
            f"{match[1]} heure{'s' if int(match[1]) > 1 else ''} "
            f"{match[2]} minute{'s' if int(match[2]) > 1 else ''}"
        )

    return [Rule(Written(hours), span, "h"), Rule(Written(minutes), lasting, "h")]


def part_rules(language: WordTable) -> list[Rule]:
    """Return the rules for halves, other parts, notes out of ten or twenty, and scales."""

    def half(match: re.Match[str]) -> str:
        article = "une" if WOMEN.compiled.match(match["next"]) else "un"
        return f"{article} demi-{match['next']}"

    def and_half(match: re.Match[str]) -> str:
        return f"{match['n']} {match['next']} et demi{'e' if WOMEN.compiled.match(match['next']) else ''}"

    def part(match: re.Match[str]) -> str:
        above, below = match["a"], match["b"]
        if (above, below) in {("1", "2"), ("1", "3"), ("2", "3"), ("1", "4"), ("3", "4")}:
            return match[0]
        name = (
            {"2": "demi", "3": "tiers", "4": "quart"}.get(below) or spelling.ordinal(language, below) or below
        )
        many = "" if above == "1" or name.endswith("s") else "s"
        return f"{spelling.cardinal(language, above, 'm')} {name}{many}"

    def wide(match: re.Match[str]) -> str:
        return f"{spelling.cardinal(language, match[1])} {spelling.ordinal(language, match[2])}s"

    return [
        Rule(
            Written(r"(?<![\w/.,])(?P<n>\d{1,3})[ \u00a0]?(?:½|1/2)[ \u00a0](?P<next>[a-zéèà]{3,})"),
            and_half,
            "½/",
        ),
        Rule(
            Written(r"(?<![\w/.,])(?:½|1/2)[ \u00a0](?P<next>(?!de\b|du\b|des\b|et\b|ou\b)[a-zéèàœ]{3,})"),
            half,
            "½/",
        ),
        Rule(
            Written(r"(?<![\w/.,])(\d{1,3}(?:,\d{1,2})?)/(10|20|100)(?![\w/]|[.,]\d)"),
            lambda m: f"{m[1]} sur {m[2]}",
            "/",
        ),
        Rule(
            Written(r"(?<![\w/.,:-])(?<!\d )(?P<a>\d{1,2})/(?P<b>[2-9]|1[0-9])(?![\w/]|[.,]\d| ?=)"),
            part,
            "/",
        ),
        Rule(
            Written(
                r"(?<![\w:])(16|21|4|3):(9|10|3|2)(?=\b(?!:)[^\d]|\Z)(?<=(?:6:9|1:9|4:3|3:2|:10))(?<!\D3:2)"
            ),
            wide,
            ":",
        ),
        Rule(
            Written(r"(?<=chelle )(?:de )?1:(\d{2,7})(?!\d)"),
            lambda m: f"un {spelling.ordinal(language, m[1])}",
            ":",
        ),
    ]


def roman_rules(language: WordTable) -> list[Rule]:
    """Return the rules for ordinals in Roman numerals: XXIe, Ier, Ire."""

    def ordinal(match: re.Match[str]) -> str:
        feminine = match["end"] in {"re", "ère", "ière"}
        rule = "ordinal-feminine" if feminine else "ordinal-masculine"
        return spelling.ordinal(language, str(roman_value(match["r"])), rule) or match[0]

    return [
        Rule(
            Written(r"(?<!\w)(?P<r>I(?=er|re|ère)|[VX](?=e)|[IVXL]{2,7})(?P<end>er|re|ère|e|ᵉ|ème|es)(?!\w)"),
            ordinal,
            "IVXL",
        )
    ]


def name_rules() -> list[Rule]:
    """Return the rules for saints, streets and second things."""
    streets = {
        "bd": "boulevard",
        "bd.": "boulevard",
        "Bd": "Boulevard",
        "av.": "avenue",
        "Av.": "Avenue",
        "pl.": "place",
        "Pl.": "Place",
        "imp.": "impasse",
        "chem.": "chemin",
    }
    street = Written(
        rf"(?<!\w)({'|'.join(map(re.escape, streets))})"
        rf"(?![ \u00a0]J\.)(?=[ \u00a0](?:d[eu]s? |de la "
        rf"|l')?[A-ZÉÈ])"
    )
    return [
        Rule(
            Written(r"(?<![\w.])(S(?:t|te))-(?=[A-ZÉÈ])"),
            lambda m: {"St": "Saint-", "Ste": "Sainte-"}[m[1]],
            {"St", "Ste"},
        ),
        Rule(
            Written(r"(?<=[IVX][eᵉ] )s\.|(?<=[IVX][eᵉ]\u00a0)s\.|(?<=IV[eᵉ]s )s\."),
            lambda m: "siècle" + ("." if m.end() == len(m.string) else ""),
            {"s"},
        ),
        Rule(
            Written(r"(?<=[IVX][eᵉ] )arr\.(?=(?P<end>\Z|[ ]+[A-ZÉÈ])?)"),
            lambda m: "arrondissement" + ("" if m["end"] is None else "."),
            {"arr"},
        ),
        Rule(
            Written(r"(?<!\w)(\d{1,2})[ ]?(j|h)[ ]?/[ ]?(7|24)(?!\d)"),
            lambda m: f"{m[1]} {'jours' if m[2] == 'j' else 'heures'} sur {m[3]}",
            "/",
        ),
        Rule(street, lambda m: streets[m[1]], {name.rstrip(".") for name in streets}),
        Rule(
            Written(r"(?<![\w.,])2(nde?)s?(?!\w)"),
            lambda m: "seconde" if m[1] == "nde" else "second",
            {"nd", "nde", "ndes", "nds"},
        ),
        Rule(Written(r"(?<=nnées )['’](?=\d\d(?!\d))"), lambda _: "", "'"),
        Rule(
            Written(r"(?P<a>(?<!\w)\d[\d ]{0,9})€ (?P<b>HT|TTC)\b"),
            lambda m: f"{m['a']}€ {'hors taxes' if m['b'] == 'HT' else 'toutes taxes comprises'}",
            "€",
        ),
    ]
