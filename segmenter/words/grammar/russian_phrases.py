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
        *place_rules(language),
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


def place_rules(language: WordTable) -> list[Rule]:
    """Return the rules for places and days whose ordinal or count stands in the case of a preposition."""

    def placed(match: re.Match[str]) -> str:
        name = spelling.ordinal(language, match["n"], "ordinal-masculine-locative")
        return f"{match['prep']} {name} {match['noun']}"

    def towards(match: re.Match[str]) -> str:
        return f"{match['prep']} {spelling.ordinal(language, match['n'], 'ordinal-neuter-dative')}"

    def among(match: re.Match[str]) -> str:
        first, last = (number(language, match[part], "ablative") for part in "ab")
        return f"{match['prep']} {first} и {last}"

    def short_day(match: re.Match[str]) -> str:
        day, month = int(match["d"]), int(match["m"])
        if not (0 < day < 32 and 0 < month < 13):
            return match[0]
        accusative = match["prep"].lower() in {"на", "по", "под"}
        rule = "ordinal-neuter" if accusative else "ordinal-neuter-genitive"
        return f"{match['prep']} {spelling.ordinal(language, str(day), rule)} {language.months[month - 1]}"

    def warmer(match: re.Match[str]) -> str:
        first, last = (number(language, match[part], "genitive") for part in "ab")
        sign = "минус " if match["t"] in "-−" else "плюс "
        return f"от {first} до {sign}{last} градусов"

    months = "|".join(language.months)
    return [
        Rule(
            Written(
                r"(?<!\w)(?P<prep>(?i:на|в)) (?P<n>\d{1,3}) "
                r"(?P<noun>этаже|курсе|классе|месте|вагоне|подъезде|кабинете|"
                r"зале|ряду|километре|"
                r"томе|разделе|параграфе|пункте|канале|туре|раунде|сезоне)(?!\w)"
            ),
            placed,
        ),
        Rule(Written(rf"(?<!\w)(?P<prep>[Кк]о?) (?P<n>\d{{1,2}})(?= (?:{months})(?!\w))"), towards),
        Rule(Written(r"(?<!\w)(?P<prep>[Мм]ежду) (?P<a>\d{1,9}) и (?P<b>\d{1,9})(?= [а-яё])"), among),
        Rule(
            Written(
                r"(?<!\w)(?P<prep>(?i:доставка|до|с|от|после|срок|дата|на|по|под|"
                r"вылет|заезд|выезд|отправка|сдача):?) "
                r"(?P<d>\d{2})\.(?P<m>0[1-9]|1[0-2])(?=\.?(?:\Z|[ ]+[А-ЯЁ])|"
                r"[,;)]| (?:по|до|в|включительно)(?!\w))"
            ),
            short_day,
            ".",
        ),
        Rule(
            Written(
                r"(?<![\w.,+−-])(?<!\b[Дд]о )(?P<a>\d{1,2})(?:…|\.{3})(?P<t>[-−+])(?P<b>\d{1,2})[ ]?°C?(?!\w)"
            ),
            warmer,
            "°",
        ),
    ]
