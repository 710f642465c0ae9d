"""Russian spans, decimals in the genitive, and units that stand after a number in words."""

import re

from segmenter.words import spelling
from segmenter.words.grammar.russian_cases import GENITIVE, number
from segmenter.words.languages import Noun, WordTable
from segmenter.words.plurals import plural_form
from segmenter.words.rules import Rule, Written, either

__all__ = ["decimal_rule", "left_rule", "span_rules"]

COUNT = r"\d{1,6}(?:,\d{1,2})?"
FEW, MANY = 1, 2  # forms of a noun: after a fraction, after five
IN_WORDS = (
    r"одна|одно|один|одного|одной|два|две|двух|три|трёх|четыре|четырёх|пят[ьи]|"
    r"шест[ьи]|сем[ьи]|восемь|восьми|"
    r"девят[ьи]|десят[ьи]|[а-я]{3,8}надцат[ьи]|(?:два|три)дцат[ьи]|сорока?|[а-я]{4,6}десяти?|"
    r"девяност[оа]|ст[оа]|"
    r"двести|двухсот|триста|трёхсот|четыр[её][а-я]{0,3}ст[а]?|четырёхсот|[а-я]{3,6}сот|тысяч[аи]?|"
    r"миллион(?:а|ов)?|миллиард(?:а|ов)?|триллион(?:а|ов)?|десятых|сотых|тысячных"
)
LEADS = "каждые|каждый|через|на|за|по|к|под|из|в|во|о|при|над|между|перед"  # before a span
PARTS = frozenset({"десятых", "сотых", "тысячных"})
ROOM = {"залах": "m", "вагонах": "m", "кабинетах": "m", "домах": "m", "страницах": "f", "главах": "f"}


def nouns(language: WordTable) -> dict[str, Noun]:
    """Return what is counted, by how it is written: units, currencies, scales and per cent."""
    found = {**language.units, **{name: entry.major for name, entry in language.currencies.items()}}
    found |= {
        name: Noun(tuple(forms.split("/"))) for name, forms in language.magnitudes.items() if "/" in forms
    }
    return found | {"%": language.percent}


def genitive(language: WordTable, written: str, gender: str = "masculine") -> str:
    """Return a count with or without decimals in the genitive."""
    whole, _, fraction = written.partition(",")
    whole, fraction = re.sub(r"\D", "", whole), fraction.rstrip("0")
    if not fraction:
        return number(language, whole, "genitive", gender)
    if (whole, fraction) == ("1", "5"):
        return "полутора"
    parts = [(whole, "цел"), (fraction, {1: "десят", 2: "сот", 3: "тысячн"}[len(fraction)])]
    return " ".join(
        f"{number(language, digits, 'genitive', 'feminine')} {root}{'ой' if is_one(digits) else 'ых'}"
        for digits, root in parts
    )


def is_one(digits: str) -> bool:
    """Whether a noun is in the singular after these digits."""
    return plural_form("ru", int(digits)) == 0


def ending(match: re.Match[str]) -> str:
    """Return the stop of an abbreviated unit where its sentence ends too."""
    ends = re.match(r"\Z|[ \u00a0]+[\"«(]?[А-ЯЁ]", match.string[match.end() :][:4])
    return "." if match["unit"].endswith(".") and ends else ""


def form_of(noun: Noun, index: int) -> str:
    """Return a form of a noun, the last where it has fewer."""
    return noun.forms[min(index, len(noun.forms) - 1)]


def span_rules(language: WordTable) -> list[Rule]:
    """Return the rules for spans: three-five days, from a thousand to two thousand roubles, rooms 3–5."""
    named = nouns(language)

    def span(match: re.Match[str]) -> str:
        first, last = match["a"], match["b"]
        if not float(first.replace(",", ".")) < float(last.replace(",", ".")):
            return match[0]
        noun, lead = named.get(match["unit"] or ""), match["prep"] or ""
        prep = lead.strip().lower()
        held = re.fullmatch(LEADS, prep) is not None
        feminine = "feminine" if is_feminine(noun, match["next"], last) else "masculine"
        oblique = re.fullmatch(GENITIVE, prep) is not None
        whole = "," not in first + last
        small = whole and int(last) <= 20 and not (match["next"] == "лет" and int(last) - int(first) > 3)
        if whole and (small or held):
            case = "genitive" if oblique else ""
            names = [number(language, part, case, feminine) for part in (first, last)]
            said = lead + ("-" if small else " — ").join(names)
            form = MANY if oblique else plural_form("ru", int(last))
        else:
            if held:
                return match[0]
            said = " ".join(
                ["от", genitive(language, first, feminine), "до", genitive(language, last, feminine)]
            )
            said = lead + said if not oblique else said.replace("от", lead.strip(), 1).replace(" до ", " — ")
            form = FEW if last.rstrip("0").partition(",")[2] else MANY
        per = language.per[match["per"]] if match["per"] else ""
        return said + (f" {form_of(noun, form)}{per}{ending(match)}" if noun else match["space"])

    def rooms(match: re.Match[str]) -> str:
        sex = "masculine" if ROOM[match["what"]] == "m" else "feminine"
        last = "accusative" if sex == "feminine" else ""
        rules = [f"ordinal-{sex}-genitive", "-".join(part for part in ("ordinal", sex, last) if part)]
        first, second = (
            spelling.ordinal(language, match[part], rule) or match[part]
            for part, rule in zip("ab", rules, strict=True)
        )
        return f"{match['what']} с {first} по {second}"

    def degrees(match: re.Match[str]) -> str:
        signs = {"-": "минус ", "−": "минус ", "+": "плюс ", "": ""}
        first, last = (signs[match[sign] or ""] + genitive(language, match[n]) for sign, n in ("sa", "tb"))
        noun = form_of(language.units[match["unit"]], MANY)
        return f"от {first} до {last} {noun}"

    to = r"(?:[ ]?[–~-][ ]?|…|\.{3})"
    return [
        Rule(
            Written(
                rf"(?<![\w.,])(?P<s>[-−+])(?P<a>\d{{1,3}}){to}(?P<t>[-−+])?(?P<b>\d{{1,3}})"
                rf"[ ]?(?P<unit>°[CС]?)"
            ),
            degrees,
            "°",
        ),
        Rule(
            Written(rf"(?P<what>(?<!\w)(?:{either(ROOM)})) (?P<a>\d{{1,3}})[–-](?P<b>\d{{1,3}})(?![\w-])"),
            rooms,
            set(ROOM),
        ),
        Rule(
            Written(
                rf"(?P<prep>(?<!\w)(?=[^\W\d]{{1,9}}[ \u00a0]\d)(?!стихи|строки|стр|главы|"
                rf"глав)[А-Яа-яё]{{1,9}}[ \u00a0])"
                rf"?(?<![\w.,:/–−+-])"
                rf"(?P<a>{COUNT})[ ]?[–~-][ ]?(?P<b>{COUNT})(?![\d,-])"
                rf"(?:[ \u00a0]?(?P<unit>{either(named)})(?:/(?P<per>{either(language.per)})"
                rf")?(?![\w/²³])|(?P<space>[ \u00a0])(?=(?P<next>[а-яё]+)))"
            ),
            span,
            "–~-",
        ),
    ]


def is_feminine(noun: Noun | None, following: str | None, last: str) -> bool:
    """Whether what is counted is feminine: by the noun of a unit, or by an ending after two to four."""
    if noun:
        return noun.gender == "f" or noun.forms[0].endswith(("а", "я"))
    return last in {"2", "3", "4"} and re.search(r"[ыи]$", following or "") is not None


def decimal_rule(language: WordTable) -> Rule:
    """Return the rule for decimals and sums after a preposition: до 3,7 трлн, до 96,66 руб."""
    named, money = nouns(language), language.currencies

    def spelled(match: re.Match[str]) -> str:
        unit = match["unit"] or ""
        whole, fraction = re.sub(r"\D", "", match["n"].partition(",")[0]), match["n"].partition(",")[2]
        entry = money.get(unit)
        if entry and entry.minor and len(fraction) == 2:
            pence = f" {counted(fraction, entry.minor)}" if int(fraction) else ""
            return f"{match['lead']}{counted(whole, entry.major)}{pence}{ending(match)}"
        said = match["lead"] + genitive(language, match["n"])
        if not unit:
            return said
        form = FEW if fraction.strip("0") or is_one(whole) else MANY
        form = MANY if said.endswith("полутора") else form
        if fraction == "5" and whole != "1" and unit in {"тыс.", "млн", "млрд", "трлн"}:
            sex = "feminine" if unit == "тыс." else "masculine"
            said, form = f"{match['lead']}{number(language, whole, 'genitive', sex)} с половиной", MANY
        per = language.per[match["per"]] if match["per"] else ""
        return f"{said} {form_of(named[unit], form)}{per}{ending(match)}"

    def counted(digits: str, noun: Noun) -> str:
        sex = "feminine" if noun.gender == "f" else "masculine"
        form = FEW if is_one(digits) else MANY
        return f"{number(language, str(int(digits)), 'genitive', sex)} {form_of(noun, form)}"

    preps = "|".join(sorted(GENITIVE.replace("|со|", "|").split("|"), key=len, reverse=True))
    return Rule(
        Written(
            rf"(?P<lead>(?<!\w)(?=[^\W\d][^\d\n]{{0,13}}\d)"
            rf"(?i:{preps})[ \u00a0])(?<!\b[Сс][ ](?![\d,]{{3,9}}[^.,;]{{0,15}} (?:до|"
            rf""
            rf"по) ))(?P<n>\d{{1,3}}(?:[ \u00a0]\d{{3}}|\d){{0,4}},\d{{1,3}})"
            rf"(?![\d,–-])(?:[ \u00a0]?(?P<unit>{either(named)})(?:/(?P<per>{either(language.per)})"
            rf")?(?![\w/²³]))?"
        ),
        spelled,
        ",",
    )


def left_rule(language: WordTable) -> Rule:
    """Return the rule for units that other rules leave after a number in words: тридцати тысяч руб."""
    known = {name: noun for name, noun in nouns(language).items() if name[0] not in "°%‰"}
    named = {name: noun for name, noun in known.items() if len(name) > 1}

    def spelled(match: re.Match[str]) -> str:
        last, noun = match["w"], known[match["unit"]]
        form = (
            FEW
            if last in {*PARTS, "два", "две", "три", "четыре", "одного", "одной"}
            else 0
            if last in {"один", "одна", "одно"}
            else MANY
        )
        return f"{last} {form_of(noun, form)}{ending(match)}"

    return Rule(
        Written(
            rf"(?<![\w])(?=[одтчпшсвмн][а-яё]{{1,13}}[ \u00a0](?:{either(known)})(?![\w/²³])"
            rf")(?P<w>{IN_WORDS})[ \u00a0](?P<unit>{either(named)}|(?<=ых )(?:{either(known)})"
            rf""
            rf")(?![\w/²³])"
        ),
        spelled,
        {re.findall(r"[^\W\d_]+", name)[0] if re.search(r"[^\W\d_]", name) else name[0] for name in known},
    )
