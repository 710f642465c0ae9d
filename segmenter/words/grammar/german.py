"""German: endings after articles, figures that are parts of words, times, streets."""

import re

from segmenter.words import spelling
from segmenter.words.abbreviations import sentence_goes_on
from segmenter.words.grammar.german_abbreviations import short_rules
from segmenter.words.grammar.german_nouns import gender
from segmenter.words.languages import WordTable
from segmenter.words.roman import roman_value
from segmenter.words.rules import Rule, Written, either

__all__ = ["german_rules"]

PREPOSITION = (
    "in|aus|mit|nach|von|zu|bei|seit|auf|unter|an|vor|hinter|neben|zwischen|über|während|trotz|wegen|ab|außer"
)
N_ENDING = (
    "den|dem|des|im|am|zum|zur|beim|vom|deren|dessen|bis|"
    "(?:ein|mein|dein|sein|ihr|unser|eur|kein)(?:em|en|er|es)|(?:jed|dies|jen|manch|welch)(?:em|en)"
)
E_ENDING = (
    "die|das|(?:jed|dies|jen|manch|welch)(?:er|e|es)|(?:ein|mein|dein|sein|ihr|unser|eur|kein)e|ins|ans|alle"
)
MIXED = "ein|kein|sein|ihr|mein|dein|unser|euer"
STARTS = r"(?:Sie|Er|Es|Das|Die|Der|Wir|Ich|Dann|Danach|Dort|Hier|Da|Man|Aber|Und|Doch|Jetzt|Heute|Nun|So)\b"
TAILS = (
    "minütig|stündig|tägig|jährig|wöchig|monatig|"
    "köpfig|stellig|seitig|fach|mal|teilig|bändig|"
    "stöckig|spurig|türig|prozentig|malig"
)
HALF = {  # before a noun alone, after a preposition with the dative, and with the accusative
    "": {"m": "ein halber", "f": "eine halbe", "n": "ein halbes"},
    "dative": {"m": "einem halben", "f": "einer halben", "n": "einem halben"},
    "accusative": {"m": "einen halben", "f": "eine halbe", "n": "ein halbes"},
}


def german_rules(language: WordTable) -> list[Rule]:
    """Return what runs before the rules of all languages."""
    return [
        *short_rules(language),
        *word_rules(language),
        *ordinal_rules(language),
        *part_rules(language),
        *one_rules(language),
        *code_rules(language),
    ]


def word_rules(language: WordTable) -> list[Rule]:
    """Return the rules for figures that are part of a word, for streets and times."""

    def counted(match: re.Match[str]) -> str:
        digits = match["n"]
        name = (
            spelling.year(language, digits)
            if re.fullmatch(r"1[1-9]\d\d", digits)
            else spelling.cardinal(language, digits)
        )
        name = {"eins": "einser", "sieben": "siebener"}.get(
            name, name.removeprefix("ein") if digits in {"100", "1000"} else name
        )
        name = name if name.endswith("er") and digits in {"1", "7"} else name + "er"
        return name + match["end"]

    def joined(match: re.Match[str]) -> str:
        return spelling.cardinal(language, match["n"], "m") + match["tail"].replace("%", "prozent").lstrip(
            "-"
        )

    def street(match: re.Match[str]) -> str:
        full = {"s": "straße", "S": "Straße", "p": "platz", "P": "Platz"}[match["kind"][0]]
        ends = match.end() == len(match.string) or not (
            sentence_goes_on(match.string, match.end()) or match.string[match.end() :][:2].strip().isdigit()
        )
        return match["lead"] + full + ("." if ends else "")

    def compound(match: re.Match[str]) -> str:
        unit = language.units[match["u"]]
        name = unit.forms[-1 if "stunde" in unit.forms[0] else 0]
        return f"{spelling.cardinal(language, match['n'], 'm')}-{name}-"

    units = either(name for name in language.units if name.isalpha())
    return [
        Rule(
            Written(r"(?<![\w.,])(?P<n>\d{1,4})er(?P<end>[ns]?)(?![a-zäöüß])"),
            counted,
            {"er", "ern", "ers"},
        ),
        Rule(
            Written(
                rf"(?<![\w.,])(?P<n>\d{{1,4}})(?P<tail>(?:[ ]?%|"
                rf"-)(?:ige?[rnms]?)(?!\w)|-?(?:{TAILS})(?:e[rnms]"
                rf"?)?(?!\w))"
            ),
            joined,
        ),
        Rule(Written(rf"(?<![\w.,])(?P<n>\d{{1,4}})-(?P<u>{units})-(?=[A-ZÄÖÜ])"), compound, "-"),
        Rule(
            Written(
                r"(?P<lead>[a-zäöüß]{3}|(?<!\w))(?P<kind>[sS]tr|"
                r"[pP]l)\.(?=[ \u00a0]\d|[,;)]|[ \u00a0][a-z]|"
                r"\Z|[ \u00a0][A-ZÄÖÜ])"
            ),
            street,
            ".",
        ),
        Rule(
            Written(r"(?<![\w.,:])(\d{1,2})\.(\d{2})[ ]?[–-][ ]?(\d{1,2})\.(\d{2})(?= (?:Uhr|h)\b)"),
            lambda m: f"{m[1]}:{m[2]}–{m[3]}:{m[4]}",
            {"Uhr", "h"},
        ),
        Rule(Written(r",(?:--?|–|—)(?=[ ]?(?:€|EUR|Euro|CHF))"), lambda _: "", ","),
    ]


def ordinal_rules(language: WordTable) -> list[Rule]:
    """Return the rules for ordinals, whose ending the article and the noun decide."""

    def spelled(match: re.Match[str]) -> str:
        article, noun = (match["article"] or "").lower(), match["noun"]
        stop = "." if re.match(STARTS, noun) else ""
        rule = "ordinal"
        if re.fullmatch(N_ENDING, article) or (
            article == "der" and not stop and (match["prep"] or gender(noun) == "f")
        ):
            rule = "ordinal-n"
        elif article in MIXED.split("|"):
            rule = "ordinal-s" if gender(noun) == "n" else "ordinal-r"
        name = spelling.ordinal(language, match["n"], rule) or match["n"]
        name = name.replace("siebent", "siebt") if language.code == "de" else name
        return (match["prep"] or "") + (match["article"] + " ") + name + stop

    articles = f"der|{N_ENDING}|{E_ENDING}|{MIXED}"
    article = rf"(?P<prep>(?<!\w)(?i:{PREPOSITION})[ \u00a0])?(?<!\w)(?P<article>(?i:{articles}))[ \u00a0]"
    dated = either([*language.months, *(name.removesuffix(".") for name in language.short_months)])
    noun = (
        rf"(?=[ \u00a0](?!(?:{dated})\b)(?P<noun>[A-ZÄÖÜ]"
        rf"[\wäöüß-]+|(?:große|kleine|neue|offizielle|deutsche|"
        rf"internationale)\w*|(?:und|bis)\b(?![ \u00a0]\d{{1,2}}\.[ \u00a0](?:{dated})\b)))"
    )
    day = Written(
        r"(?P<article>(?<!\w)(?i:(?:am|vom|zum|bis)(?:[ "
        r"\u00a0](?:Mon|Diens|Donners|Frei|Sams|Sonn)tag,"
        r"?|[ \u00a0]Mittwoch,?)?|den|dem|"
        r"ab|seit|der)[ \u00a0])?(?<![\w.,])(?P<d>\d{1,"
        r"2})\.(?P<m>\d{1,2})\.(?!\d)"
    )

    def short_date(match: re.Match[str]) -> str:
        if not (0 < int(match["d"]) < 32 and 0 < int(match["m"]) < 13):
            return match[0]
        lead = (match["article"] or "").strip().lower().split(" ")[0]
        rule = "ordinal" if lead == "der" else "ordinal-n" if lead else "ordinal-r"
        day, month = (spelling.ordinal(language, str(int(match[part])), rule) for part in ("d", "m"))
        begins = re.match(rf"[ \u00a0]{STARTS}", match.string[match.end() :])
        stop = "." if match.end() == len(match.string) or begins else ""
        article = match["article"] or ""
        return f"{article}{'dem ' if lead in {'ab', 'seit'} else ''}{day} {month}{stop}"

    def ruler(match: re.Match[str]) -> str:
        article = "den" if match["prep"].lower() in ACCUSATIVE else "dem"
        name = spelling.ordinal(language, str(roman_value(match["r"])), "ordinal-n")
        ends = not sentence_goes_on(match.string, match.end())
        return f"{match['prep']} {match['name']} {article} {name}{'.' if ends else ''}"

    def reigning(match: re.Match[str]) -> str:
        oblique = (match["prep"] or "").lower() in DATIVE
        name = spelling.ordinal(language, str(roman_value(match["r"])), "ordinal-n" if oblique else "ordinal")
        ends = not sentence_goes_on(match.string, match.end())
        lead = f"{match['prep']} " if match["prep"] else ""
        return f"{lead}{match['name']} {'der' if oblique else 'die'} {name}{'.' if ends else ''}"

    women = (
        r"(?:(?:Königin|Kaiserin|Zarin) )?"
        r"(?:Elisabeth|Katharina|Maria|Margarethe|Margrethe|Viktoria|Christina)"
    )
    queen = rf"(?:(?<!\w)(?P<prep>(?i:{either(DATIVE)})) )?(?<!\w)(?P<name>{women}) (?P<r>[IVX]{{1,6}})\."
    preps = either(DATIVE | ACCUSATIVE | {"unter"})
    names = language.roman["names"]
    king = rf"(?<!\w)(?P<prep>(?i:{preps})) (?P<name>(?:{names})) (?P<r>[IVX]{{1,6}})\."
    numeral = Written(rf"{article}(?P<r>[IVXL]{{1,7}})\.(?=[ \u00a0][A-ZÄÖÜ])")
    return [
        Rule(Written(queen), reigning, "IVX"),
        Rule(Written(king), ruler, "IVX"),
        Rule(
            Written(r"(?<!\w)(als|Als) (?P<n>\d{1,2})\.(?= [a-zäöü])"),
            lambda m: f"{m[1]} {spelling.ordinal(language, m['n'], 'ordinal-r')}",
            {"als", "Als"},
        ),
        Rule(
            Written(
                r"(?P<article>(?<!\w)(?i:am|vom|bis|zum|dem|den))[ \u00a0]"
                r"(\d{1,2})\. (\d{1,2})\.(?! ?\d)(?! [A-ZÄÖÜ][a-zäöü]+ (?:des|der)\b)"
            ),
            lambda m: f"{m['article']} {m[2]}.{m[3]}.",
            ".",
        ),
        Rule(numeral, lambda m: f"{m['prep'] or ''}{m['article']} {roman_value(m['r'])}.", "IVXL"),
        Rule(Written(rf"{article}(?P<n>\d{{1,3}})\.{noun}"), spelled, "."),
        Rule(day, short_date, "."),
    ]


def part_rules(language: WordTable) -> list[Rule]:
    """Return the rules for fractions: a half in the gender of its noun, parts by their names."""

    def half(match: re.Match[str]) -> str:
        unit = language.units.get(match["next"])
        noun = unit.forms[0] if unit else match["next"]
        lead = (match["lead"] or "").strip().lower()
        case = "dative" if lead in DATIVE else "accusative" if lead in ACCUSATIVE else ""
        return f"{match['lead'] or ''}{HALF[case][(unit.gender if unit else gender(noun)) or 'm']} {noun}"

    def part(match: re.Match[str]) -> str:
        above, below = match["a"], match["b"]
        name = (spelling.ordinal(language, below) or below).replace("siebent", "siebt")
        first = "ein" if above == "1" else spelling.cardinal(language, above)
        return f"{first} {(name[:-1] + 'el').capitalize()}"

    units = either(name for name in language.units if name.isalpha())
    return [
        Rule(
            Written(r"(?<![\w/.,])(?P<a>\d{1,2}(?:,\d)?)/(?P<b>10|100|5)(?= (?:Punkte|Sterne)\w?)"),
            lambda m: f"{m['a']} von {m['b']}",
            "/",
        ),
        Rule(
            Written(rf"(?<![\d/.,])1[ \u00a0]?(?:½|1/2)(?![\d/])(?:[ \u00a0](?P<u>{units})(?![\w/²³]))?"),
            lambda m: "eineinhalb" + (f" {language.units[m['u']].forms[-1]}" if m["u"] else ""),
            "½/",
        ),
        Rule(
            Written(
                rf"(?P<lead>(?<!\w)(?i:{either(DATIVE | ACCUSATIVE)})[ \u00a0])?(?<![\d/.,])(?<!\d )(?:½|1/2)"
                rf"[ \u00a0]?(?P<next>(?:{units})(?![\w/²])|[A-ZÄÖÜ][a-zäöüß]+)"
            ),
            half,
            "½/",
        ),
        Rule(
            Written(
                r"(?<![\w/.,:-])(?<!\d )(?P<a>\d{1,2})/(?P<b>[3-9]|1[0-9]|20|100|1000)(?![\w/]|[.,]\d| ?=)"
            ),
            part,
            "/",
        ),
    ]


def one_rules(language: WordTable) -> list[Rule]:
    """Return the rule for a one before a noun: its gender, and the case that a preposition asks for."""
    cases = {
        "dative": {"m": "einem", "n": "einem", "f": "einer"},
        "accusative": {"m": "einen", "n": "ein", "f": "eine"},
        "": {"m": "ein", "n": "ein", "f": "eine"},
    }

    def one(match: re.Match[str]) -> str:
        unit = language.units.get(match["next"])
        sex = (unit.gender if unit else gender(match["next"])) or "m"
        lead = (match["lead"] or "").strip().lower()
        if lead in {"und", "oder"}:  # mit 1 Ei und 1 Prise: the case of the first
            earlier = JOINED.compiled.search(match.string[max(0, match.start() - 50) : match.start()])
            lead = earlier[1].lower() if earlier else ""
        case = "dative" if lead in DATIVE else "accusative" if lead in ACCUSATIVE else ""
        return (match["lead"] or "") + cases[case][sex] + " " + (unit.forms[0] if unit else match["next"])

    leads = either(DATIVE | ACCUSATIVE | {"und", "oder"})
    units = either(name for name in language.units if name.rstrip(".").isalpha())
    return [
        Rule(
            Written(
                rf"(?P<lead>(?<!\w)(?i:{leads})[ \u00a0])?(?<![\w.,"
                rf":/–-])1[ \u00a0](?P<next>(?:{units})(?![\w/²³]"
                rf")|(?!Uhr)[A-ZÄÖÜ][a-zäöüß]{{1,}})"
            ),
            one,
        )
    ]


DATIVE = {"nach", "mit", "von", "aus", "bei", "seit", "zu", "vor", "in", "an", "ab"}
JOINED = Written(r"(?i)(?<!\w)(mit|aus|nach|von|bei|für|ohne|durch) [^,.;:!?()]*\Z")
ACCUSATIVE = {"für", "durch", "um", "ohne", "gegen"}


def code_rules(language: WordTable) -> list[Rule]:
    """Return the rules for postcodes, codes and emergency numbers."""
    spelled = spelling.after_lead(language)

    code = (
        r"(?:PLZ|Postfach|PIN|Pin|Code|Kennwort|Passwort|"
        r"Kundennummer|Bestellnummer|Durchwahl|Zugangscode|"
        r"Postleitzahl)"
    )
    called = r"(?:Notruf|Notfall|[Ww]ähl\w*|[Rr]uf\w*)\b[^.!?\n]{0,25}?(?<!\w)"
    return [
        Rule(
            Written(
                rf"(?P<lead>(?<!\w){code}(?: ist| lautet| war|:)"
                rf"?[ \u00a0])(?P<n>\d{{3,12}})(?![\w/]|[.,:-]\d)"
            ),
            spelled,
        ),
        Rule(Written(r"(?P<lead>, |\AD-|\A|[(]|\n)(?P<n>\d{5})(?=[ \u00a0][A-ZÄÖÜ][a-zäöüß])"), spelled),
        Rule(Written(rf"(?P<lead>{called})(?P<n>110|112|115|911)(?![\w/:%-]|[.,]\d)"), spelled, "1"),
    ]
