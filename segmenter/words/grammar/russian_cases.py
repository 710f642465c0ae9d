"""Russian counts in the case that the words around them ask for."""

import re

from segmenter.words import spelling
from segmenter.words.languages import WordTable
from segmenter.words.plurals import plural_form
from segmenter.words.rules import Rule, Written, either

__all__ = ["case_rules", "number"]

GENITIVE = (
    "около|более|менее|свыше|до|от|из|после|без|для|"
    "кроме|против|среди|больше|меньше|порядка|старше|"
    "младше|моложе|"
    "выше|ниже|дороже|дешевле|не более|не менее|в течение|из-за|в размере|в возрасте|вместо|"
    "дольше|дальше|глубже|раньше|позже|длиннее|короче|тяжелее|легче|шире|быстрее|ближе|чаще|"
    "достигает|достигают|достиг|достигла|достигло|достигли|достигнет|не превышает|не превышают|не превысит|"
    "не превысил|не превысила|не хватает|с|со|у"
)
LOCATIVE, DATIVE, ABLATIVE = "в|во|на|о|об|при", "к|ко|благодаря|согласно", "между|перед|над|под"
PLURAL_ENDINGS = (
    ("ами", "ablative"),
    ("ями", "ablative"),
    ("ьми", "ablative"),
    ("ах", "locative"),
    ("ях", "locative"),
    ("ам", "dative"),
    ("ям", "dative"),
)


def number(language: WordTable, digits: str, case: str = "", gender: str = "masculine") -> str:
    """Return a whole number in a case and a gender."""
    digits = re.sub(r"\D", "", digits)
    if len(digits) > spelling.LONGEST or (digits[0] == "0" and len(digits) > 1):
        return spelling.digit_by_digit(language, digits)
    said = spelling.spell(
        language, int(digits), "-".join(part for part in ("cardinal", gender, case) if part)
    )
    return {"ноля": "нуля", "нолю": "нулю", "нолём": "нулём", "ноле": "нуле"}.get(said, said)


def case_of(prep: str, following: str, *, is_unit: bool) -> str:
    """Return the case that a preposition and the noun after the number ask for; empty: the first."""
    for ending, case in PLURAL_ENDINGS:
        if following.endswith(ending) and not is_unit and len(following) > len(ending) + 1:
            return case
    if prep in {"с", "со"}:
        return "genitive" if is_unit or following in {"до", "по", "", "утра", "лет"} else ""
    if re.fullmatch(GENITIVE, prep):
        return "genitive"
    if re.fullmatch(DATIVE, prep):
        return "dative"
    return ""


def case_rules(language: WordTable) -> list[Rule]:
    """Return the rules for counts after a preposition, or before a noun in another case than the first."""
    units = {name: noun.forms for name, noun in language.units.items()}
    units |= {name: entry.major.forms for name, entry in language.currencies.items()}
    units["%"] = language.percent.forms

    def cased(match: re.Match[str]) -> str:
        prep, following = (match["prep"] or "").strip().lower(), match["next"] or ""
        unit = units.get(following) or units.get(following.rstrip("."))
        case = case_of(prep, following, is_unit=unit is not None)
        if unit and (prep == "при" or (prep == "в" and match["far"] and following in {"км", "м", "см"})):
            case = "locative"
        if unit and case and inflected(unit, 5, case) == "":
            return match[0]
        digits = re.sub(r"\D", "", match["n"])
        if not case:
            one = (
                digits.endswith("1")
                and not digits.endswith("11")
                and re.search(r"[^у][ую]$", following)
                and not unit
            )
            return (
                match["lead"] + number(language, digits, "accusative", "feminine") + match["gap"] + following
                if one
                else match[0]
            )
        feminine = (unit and unit[0].endswith(("а", "я"))) or (
            not unit and re.search(r"[ыи]$", following) and digits.endswith("1")
        )
        sign = {"-": "минус ", "−": "минус ", "+": "плюс "}.get(match["sign"] or "", "")
        said = match["lead"] + sign + number(language, digits, case, "feminine" if feminine else "masculine")
        if not following:
            return said + match["gap"]
        after = match.string[match.end() :][:4]
        ends = "." if following.endswith(".") and re.match(r"\Z|[ \u00a0]+[\"«(]?[А-ЯЁ]", after) else ""
        return (
            f"{said} {inflected(unit, int(digits[-15:]), case)}{ends}"
            if unit
            else said + match["gap"] + following
        )

    names = either(units)
    months = "|".join(language.months)
    preps = "|".join(sorted(f"{GENITIVE}|{LOCATIVE}|{DATIVE}|{ABLATIVE}".split("|"), key=len, reverse=True))
    count = r"\d{1,3}(?:[ \u00a0]\d{3}){1,4}(?!\d)|\d{1,12}"
    return [
        Rule(
            Written(
                rf"(?P<lead>(?P<prep>(?<!\w)(?=[^\W\d][^\d\n]{{0,13}}[-−+]?\d)(?i:{preps})[ \u00a0]"
                rf")?)(?<![\w.,:/+−–-])(?P<sign>[-−+])?(?<!\d )"
                rf"(?P<n>{count})(?![\d]|[.,:/]\d|[–-]|[ \u00a0](?:{months})(?!\w))"
                rf"(?P<gap>[ \u00a0]?)(?P<next>(?<=[ \u00a0\d])"
                rf"(?:{names})(?![\w/²³])|(?<=[ \u00a0])(?!(?:{preps}|{months}|"
                rf"по|и|или|за|часа?|часов)[ \u00a0])[а-яё]{{2,"
                rf"30}}(?![\w-]))?(?=(?P<far>[ \u00a0]от\b)?)"
            ),
            cased,
        ),
    ]


def inflected(forms: tuple[str, ...], count: int, case: str) -> str:
    """Return a unit's noun in a case, empty where it is not known.

    CLDR has the nominative and the genitive of both numbers; the others are made from these.
    """
    heads, rests = zip(*(form.partition(" ")[::2] for form in forms), strict=True)
    if rests[0]:  # градус Цельсия; an adjective before its noun has only the genitive here
        if len(set(rests)) == 1:
            return f"{inflected(heads, count, case)} {rests[0]}"
        return forms[2] if case == "genitive" and plural_form("ru", count) else ""
    one, few, many = (forms * 3)[:3] if len(forms) == 1 else forms[:3]
    is_one = plural_form("ru", count) == 0
    if len(forms) == 1:
        return one
    if case == "genitive":
        return few if is_one and one[-1] not in "ая" else re.sub("[ы]$", "ы", few) if is_one else many
    endings = {"dative": ("у", "ам"), "locative": ("е", "ах"), "ablative": ("ом", "ами")}[case]
    root, soft = few[:-1], few[-1] == "я"
    if is_one:
        return root + (
            "е"
            if one[-1] in "ая" and case != "ablative"
            else {"у": "ю", "ом": "ём"}.get(endings[0], endings[0])
            if soft
            else endings[0]
        )
    return root + (endings[1].replace("а", "я", 1) if soft else endings[1])
