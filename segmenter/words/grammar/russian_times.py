"""Russian years, centuries, hours and ranges, in the case that the words around them ask for."""

import re

from segmenter.words import spelling
from segmenter.words.languages import WordTable
from segmenter.words.roman import roman_value
from segmenter.words.rules import Rule, Written

__all__ = ["time_rules", "year_rules"]

CASES = {  # of a preposition before a year, a century or an hour
    "в": "locative",
    "во": "locative",
    "о": "locative",
    "об": "locative",
    "на": "accusative",
    "при": "locative",
    "к": "dative",
    "ко": "dative",
    "по": "accusative",
    "между": "ablative",
    "перед": "ablative",
    "с": "genitive",
    "со": "genitive",
    "до": "genitive",
    "от": "genitive",
    "из": "genitive",
    "после": "genitive",
    "около": "genitive",
    "для": "genitive",
    "у": "genitive",
    "ранее": "genitive",
    "позднее": "genitive",
}
YEARS = {
    "": "год",
    "genitive": "года",
    "dative": "году",
    "accusative": "год",
    "locative": "году",
    "ablative": "годом",
}
MANY = {
    "": "годы",
    "genitive": "годов",
    "dative": "годам",
    "accusative": "годы",
    "locative": "годах",
    "ablative": "годами",
}
CENTURY = {
    "": "век",
    "genitive": "века",
    "dative": "веку",
    "accusative": "век",
    "locative": "веке",
    "ablative": "веком",
}
WRITTEN = {
    "год": "",
    "года": "genitive",
    "году": "locative",
    "годом": "ablative",
    "годе": "locative",
    "век": "",
    "века": "genitive",
    "веку": "dative",
    "веке": "locative",
    "веком": "ablative",
    "столетие": "",
    "столетия": "genitive",
    "столетии": "locative",
    "столетию": "dative",
    "тысячелетие": "",
    "тысячелетия": "genitive",
    "тысячелетии": "locative",
}
DAYS = {
    "пн": ("понедельника", "понедельник"),
    "вт": ("вторника", "вторник"),
    "ср": ("среды", "среду"),
    "чт": ("четверга", "четверг"),
    "пт": ("пятницы", "пятницу"),
    "сб": ("субботы", "субботу"),
    "вс": ("воскресенья", "воскресенье"),
}
STARTS = Written(  # words with which a new sentence begins, where a capital alone may be a name
    r"[ \u00a0](?:Он|Она|Они|Оно|Это|Эт[аои]|В|Во|"
    r"На|С|Со|Потом|Затем|Позже|После|Но|И|А|По|К|"
    r"Через|Там|Тогда|Его|Её|Их|"
    r"Мы|Я|Вы|Ты|Так|Уже|Здесь|При|За|Для|Как|Когда|"
    r"Если|До|Из|От|У|Все|Всё|Этот|Сейчас|Сегодня|"
    r"Теперь|Однако)\b"
)
PREP = r"(?P<prep>(?<!\w)(?P<word>[А-Яа-яё]{1,20})[ \u00a0])?"


def ordinal(language: WordTable, digits: str, case: str, gender: str = "masculine") -> str:
    """Return an ordinal in a case."""
    rule = "-".join(part for part in ("ordinal", gender, case) if part)
    return spelling.ordinal(language, digits, rule) or digits


def case_before(match: re.Match[str]) -> str:
    """Return the case that the word before asks for: after a noun it is the genitive."""
    word = (match["word"] or "").lower()
    return CASES.get(word, "genitive" if len(word) > 2 else "")


def last_stop(match: re.Match[str]) -> str:
    """Return the stop of an abbreviation that ends the text."""
    ends = (
        match.end() == len(match.string) or STARTS.compiled.match(match.string, match.end()) or is_last(match)
    )
    return "." if match[0].endswith(".") and ends else ""


def is_last(match: re.Match[str]) -> bool:
    """Whether a capital or a date after an abbreviation begins a sentence, after three words at least."""
    before = re.split(r"[.!?…:\n][ \u00a0]+(?=[А-ЯЁ\d])", match.string[: match.start()])[-1]
    follows = re.match(
        r"[ \u00a0]+[\"«(]?[А-ЯЁ][а-яё ]|[ \u00a0]+\d{1,2} [а-я]{3}", match.string[match.end() :]
    )
    return follows is not None and len(before.split()) >= 3


def year_rules(language: WordTable) -> list[Rule]:  # noqa: C901 - one rule a function
    """Return the rules for years and centuries."""

    def year(match: re.Match[str]) -> str:
        noun = match["noun"]
        if len(match["n"]) < 4 and (match["word"] or "").lower() == "на" and noun == "г.":
            return match[0]  # на 100 г.: grams
        if len(match["n"]) < 3 and not (match["word"] and " н" in match.string[match.end() :][:8]):
            return match[0]
        if len(match["n"]) == 3 and noun == "г." and (match["word"] or "").lower() not in CASES:
            return match[0]  # остальные — 125 г.: grams
        if match["word"] is None and re.search(
            r"\d [а-яё]{3,8}\. ?\Z", match.string[max(0, match.start() - 12) : match.start()]
        ):
            return match[0]  # 31 дек. 2024 г.: a date
        case = case_before(match) if noun.startswith("г.") else WRITTEN.get(noun, "")
        if noun == "году" and (match["word"] or "").lower() in {"к", "ко"}:
            case = "dative"
        return f"{match['prep'] or ''}{ordinal(language, match['n'], case)} {YEARS[case]}{last_stop(match)}"

    def two(match: re.Match[str]) -> str:
        last = "accusative" if match["to"] == "по" else "genitive"
        noun = f" {YEARS[last]}" if match["noun"] else ""
        return (
            f"{match['from']} {ordinal(language, match['a'], 'genitive')} "
            f"{match['to']} {ordinal(language, match['b'], last)}{noun}{last_stop(match)}"
        )

    def span(match: re.Match[str]) -> str:
        case = case_before(match) if match["word"] else ""
        noun = f" {MANY[case]}" if match["noun"] else ""
        return (
            f"{match['prep'] or ''}{ordinal(language, match['a'], case)} "
            f"— {ordinal(language, match['b'], case)}{noun}{last_stop(match)}"
        )

    def decade(match: re.Match[str]) -> str:
        word = (match["word"] or "").lower()
        noun = MANY["" if match["e"] else "locative" if word in {"в", "о"} else "genitive"]
        return match["lead"] + noun + last_stop(match)

    def century(match: re.Match[str]) -> str:
        noun = match["noun"]
        short = noun.endswith(".")
        case = case_before(match) if short else WRITTEN.get(noun, "genitive")
        gender = "neuter" if noun.startswith(("столет", "тысячелет")) else "masculine"
        first = ordinal(language, str(roman_value(match["r"])), case, gender)
        if match["r2"]:
            first += " — " + ordinal(language, str(roman_value(match["r2"])), case, gender)
        many = {"": "века", "genitive": "веков", "locative": "веках", "dative": "векам"}
        said = (many.get(case, "века") if noun == "вв." else CENTURY[case]) if short else noun
        return f"{match['prep'] or ''}{first} {said}{last_stop(match)}"

    years = r"(?P<noun>г\.(?![ \u00a0]?г\.)|год(?:а|у|ом)?(?!\w))"
    roman = r"(?P<r>[IVX]{1,6}|[IVХX]{1,6})(?:[ ]?[–-][ ]?(?P<r2>[IVX]{1,6}))?"
    four = r"(?:1\d{3}|20\d\d)"
    return [
        Rule(
            Written(r"(?<![\w.])(\d{1,2}\.\d{1,2}\.\d{4})[ \u00a0]?(?:года|г\.)(?=[ \u00a0]|[,;:)]|\Z)"),
            lambda m: m[1],
            ".",
        ),
        Rule(
            Written(
                rf"(?P<from>(?<!\w)[Сс]о?) (?P<a>{four})(?: г(?:\.|"
                rf"ода))? (?P<to>по|до) (?P<b>{four})(?P<noun>[ "
                rf"\u00a0]?(?:гг?\.|год[аы]?(?!\w)))?(?![\d.,]\d)"
            ),
            two,
        ),
        Rule(
            Written(
                rf"{PREP}(?<![\w.,:-])(?P<a>{four})[ ]?[–-][ ]?"
                rf"(?P<b>{four})(?:[ \u00a0]?(?P<noun>гг?\.|год"
                rf"(?:ы|а|ах|ов)(?!\w))|(?=\)))"
            ),
            span,
            "–-",
        ),
        Rule(
            Written(
                r"(?P<lead>(?:(?<!\w)(?P<word>[А-Яа-яё]{1,20})[ \u00a0])?\d{2,4}-(?:х|(?P<e>е))[ \u00a0])гг\."
            ),
            decade,
            {"гг"},
        ),
        Rule(
            Written(
                rf"{PREP}(?<![\w.,:/–-])(?<!\d )(?P<n>\d{{4}}|\d{{3}}"
                rf"(?=[ \u00a0]?год[уо]|[ \u00a0]?г\.)|\d{{2}}(?=[ "
                rf"\u00a0]?г\.))(?:-(?:го|м|й|му))?[ \u00a0]?{years}"
            ),
            year,
            {"г", "год", "года", "году", "годом"},
        ),
        Rule(
            Written(
                rf"{PREP}(?<![\w.-]){roman}(?:-?[а-яё]{{1,3}})?[ "
                rf"\u00a0](?P<noun>вв?\.|век\w*|столети\w*|тысячелети\w*)"
            ),
            century,
            "IVX",
        ),
    ]


def time_rules(language: WordTable) -> list[Rule]:
    """Return the rules for spans of hours and weekdays, and for hours after a preposition."""

    def clock(hour: str, minute: str, case: str, *, noun: bool) -> str:
        name = spelling.spell(language, int(hour), f"cardinal-masculine-{case}")
        if int(minute):
            zero = "ноль " if minute[0] == "0" else ""
            return f"{name} {zero}{spelling.spell(language, int(minute), f'cardinal-masculine-{case}')}"
        return name + (
            " "
            + {
                "genitive": "часа" if int(hour) in {1, 21} else "часов",
                "dative": "часу" if int(hour) in {1, 21} else "часам",
            }[case]
            if noun
            else ""
        )

    def span(match: re.Match[str]) -> str:
        bare = match["bm"] == "00"
        first = clock(match["a"], match["am"], "genitive", noun=not bare or match["am"] != "00")
        return f"с {first} до {clock(match['b'], match['bm'], 'genitive', noun=True)}"

    def after(match: re.Match[str]) -> str:
        case = "dative" if match["prep"].lower() in {"к", "ко"} else "genitive"
        return f"{match['prep']} {clock(match['h'], match['m'], case, noun=True)}"

    def week(match: re.Match[str]) -> str:
        return f"с {DAYS[match['a'].lower()][0]} по {DAYS[match['b'].lower()][1]}"

    def days(match: re.Match[str]) -> str:
        last = ordinal(language, match["b"], "accusative" if match["to"] == "по" else "genitive", "neuter")
        return f"{match['from']} {ordinal(language, match['a'], 'genitive', 'neuter')} {match['to']} {last}"

    hour = r"(?P<{0}>[01]?\d|2[0-4]):(?P<{0}m>[0-5]\d)"
    day = r"(?P<{}>(?i:пн|вт|ср|чт|пт|сб|вс))\.?"
    spans = rf"(?:(?<!\w)[Сс] )?(?<![\w:]){hour.format('a')}(?: до |[ ]?[–-][ ]?){hour.format('b')}(?![\d:])"
    months = "|".join(language.months)
    return [
        Rule(
            Written(
                rf"(?P<from>(?<!\w)[Сс]о?) (?P<a>\d{{1,2}})(?:-го)"
                rf"? (?P<to>по|до) (?P<b>\d{{1,2}})(?:-[ео]е?|-го)"
                rf"?(?= (?:{months})(?!\w))"
            ),
            days,
            {"по", "до"},
        ),
        Rule(
            Written(rf"(?P<to>(?<!\w)(?i:на|под)) (?P<d>\d{{1,2}})(?:-[ео]е?)?(?= (?:{months})(?!\w))"),
            lambda m: f"{m['to']} {ordinal(language, m['d'], '', 'neuter')}",
            {"на", "под", "На", "Под"},
        ),
        Rule(Written(spans), span, ":"),
        Rule(
            Written(
                r"(?P<prep>(?<!\w)(?i:до|после|около|с|от|к|ко)"
                r") (?P<h>[01]?\d|2[0-4]):(?P<m>[0-5]\d)(?![\d:]"
                r")"
            ),
            after,
            ":",
        ),
        Rule(Written(rf"(?<!\w){day.format('a')}[ ]?[–-][ ]?{day.format('b')}(?!\w)"), week, "–-"),
    ]
