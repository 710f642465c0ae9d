"""Russian phrases of two numbers, and Roman ordinals before a noun, in the case of their neighbours."""

import re

from segmenter.words import spelling
from segmenter.words.grammar.russian_cases import number
from segmenter.words.languages import WordTable
from segmenter.words.roman import roman_value
from segmenter.words.rules import Rule, Written

__all__ = ["phrase_rules"]

LEADS = "до|около|более|менее|свыше|от|с|из|после"  # before what is in the genitive
HERS = "половин|част|четверт|групп|степен|категори|ступен|фаз|очеред|смен"
HIS = "квартал|полугоди|этап|класс|тур|раунд|сезон|съезд|курс|тысячелети|мест|отделени|район|том"
HER_ENDINGS = {"а": "я", "я": "я", "ь": "я", "у": "ю", "ю": "ю"}
HIS_ENDINGS = {
    "": "й", "е": "е", "а": "го", "я": "го", "у": "му", "ю": "му", "и": "м", "ом": "м", "ем": "м", "о": "е",
}  # fmt: skip
IN_THE = {
    "квартале",
    "этапе",
    "классе",
    "туре",
    "раунде",
    "сезоне",
    "съезде",
    "курсе",
    "районе",
    "томе",
    "месте",
}


def phrase_rules(language: WordTable) -> list[Rule]:
    """Return the rules for 1 m 38 cm after a preposition, ages, days of a month and Roman ordinals."""

    def compound(match: re.Match[str]) -> str:
        parts = []
        for count, unit in (("a", "u"), ("b", "v")):
            noun = language.units[match[unit]]
            feminine = "feminine" if noun.forms[0].endswith(("а", "я")) else "masculine"
            is_one = match[count][-1] == "1" and not match[count].endswith("11")
            parts.append(
                f"{number(language, match[count], 'genitive', feminine)} {noun.forms[1 if is_one else 2]}"
            )
        return f"{match['lead']} {' '.join(parts)}"

    def ages(match: re.Match[str]) -> str:
        first, last = (number(language, match[part], "genitive") for part in "ab")
        return f"{first} и {last} {match['noun']}"

    def days(match: re.Match[str]) -> str:
        if int(match["a"]) >= int(match["b"]) or int(match["b"]) > 31:
            return match[0]
        first, last = (spelling.ordinal(language, match[part], "ordinal-neuter-genitive") for part in "ab")
        return f"{first} — {last}"

    def numeral(match: re.Match[str]) -> str:
        noun = match["next"]
        ending = noun.removeprefix(match["stem"])
        if match["hers"]:
            end = HER_ENDINGS.get(ending, "й")
        else:
            end = "м" if noun in IN_THE else HIS_ENDINGS.get(ending, "й")
        return f"{match['prep'] or ''}{roman_value(match['r'])}-{end} {noun}"

    def degrees(match: re.Match[str]) -> str:
        signs = {"-": "минус ", "−": "минус ", "+": "плюс ", "": ""}
        first, last = (
            signs[match[sign] or ""] + number(language, match[part], "genitive")
            for sign, part in ("sa", "tb")
        )
        return f"{match['lead']} {first} — {last} градусов"

    months = "|".join(language.months)
    stems = rf"(?P<stem>(?P<hers>{HERS})|{HIS})"
    return [
        Rule(
            Written(
                rf"(?<!\w)(?P<lead>(?i:{LEADS})) (?P<a>\d{{1,3}}) (?P<u>м|кг|ч|км|т|л|мин) (?P<b>\d{{1,3}}) "
                rf"(?P<v>см|г|мин|м|кг|мл|с|сек)(?![\w/²³])(?!\.(?! [А-ЯЁ]|\Z))"
            ),
            compound,
        ),
        Rule(Written(r"(?<=, )(?P<a>\d{1,2}) и (?P<b>\d{1,2}) (?P<noun>года|лет)(?=[,.)])"), ages),
        Rule(
            Written(
                rf"(?<![\w.,:/-])(?<!\b[Сс] )(?P<a>\d{{1,2}})[ ]?[–-][ ]?(?P<b>\d{{1,2}})"
                rf"(?=[ \u00a0](?:{months})(?!\w))"
            ),
            days,
            "–-",
        ),
        Rule(
            Written(
                r"(?<!\w)(?P<lead>[Дд]о) (?P<s>[-−+])?(?P<a>\d{1,2})(?:…|\.{3})"
                r"(?P<t>[-−+])?(?P<b>\d{1,2})[ ]?°C?"
            ),
            degrees,
            "°",
        ),
        Rule(
            Written(
                rf"(?P<prep>(?<!\w)(?i:во?|на|со?|к|по|из|до|от|за)[ \u00a0])?(?<![\w.-])(?P<r>[IVX]{{1,4}})"
                rf"[ \u00a0](?P<next>{stems}[а-яё]{{0,3}})(?!\w)"
            ),
            numeral,
            "IVX",
        ),
    ]
