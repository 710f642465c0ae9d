"""Russian: the case of a number and of its noun, which the words around them ask for."""

import re

from segmenter.words import spelling
from segmenter.words.grammar.russian_abbreviations import place_rules, short_rules
from segmenter.words.grammar.russian_cases import GENITIVE, case_rules, number
from segmenter.words.grammar.russian_phrases import phrase_rules
from segmenter.words.grammar.russian_spans import decimal_rule, left_rule, span_rules
from segmenter.words.grammar.russian_times import time_rules, year_rules
from segmenter.words.languages import WordTable
from segmenter.words.plurals import plural_form
from segmenter.words.roman import roman_value
from segmenter.words.rules import Rule, Written, either

__all__ = ["russian_rules"]

SMALL = {
    1: "одно",
    2: "двух",
    3: "трёх",
    4: "четырёх",
    40: "сорока",
    90: "девяносто",
    100: "сто",
    1000: "тысяче",
}
COMPOUNDS = (
    "летн|дневн|минутн|часов|этажн|процентн|метров|"
    "километров|местн|томн|месячн|недельн|градусн|"
    "кратн|значн|тонн|"
    "литров|ступенчат|комнатн|серийн|звёздочн|звездочн|страничн|секундн|рублёв|рублев|битн|ядерн|дюймов|лети"
)


ADJECTIVE = r"[а-яё]{3,20}[нвктщч](?:ый|ая|ое|ые|ого|ому|ую|ым|ом|ых|ыми|ой|ий|ие|их|им|ее)"


def russian_rules(language: WordTable) -> list[Rule]:
    """Return what runs before the rules of all languages."""
    return [
        *code_rules(language),
        *short_rules(language),
        *year_rules(language),
        *time_rules(language),
        *phrase_rules(language),
        *span_rules(language),
        *ordinal_rules(language),
        decimal_rule(language),
        *part_rules(language),
        *place_rules(),
        ruler_rule(language),
        *case_rules(language),
        left_rule(language),
    ]


def code_rules(language: WordTable) -> list[Rule]:
    """Return the rules for telephone numbers and codes."""

    def grouped(match: re.Match[str]) -> str:
        groups = re.findall(r"\d+", match["n"])
        return ", ".join(spelling.digit_by_digit(language, group) for group in groups)

    spelled = spelling.after_lead(language)

    code = r"(?:[Кк]од\w*|[Ии]ндекс\w*|ПИН(?:-код\w*)?|[Пп]ин-код\w*|[Пп]арол\w*|[Нн]омер\w* заказа|ИНН|PIN)"
    return [
        Rule(
            Written(
                r"(?<![\w.,+-])(?P<n>(?<!\d )(?<!\d)\(\d{3,4}\)[ ]?\d{2,3}-\d{2}-\d{2}|"
                r"8[ -]?\(?\d{3,4}\)?[ -]?\d{2,3}-\d{2}-\d{2}|(?<!\) )(?<!\))(?<!\d )\d{2,3}-\d{2}-\d{2})"
                r"(?![\w-])"
            ),
            grouped,
            "-",
        ),
        Rule(
            Written(rf"(?P<lead>(?<!\w){code}(?: —|:)?[ \u00a0])(?P<n>\d{{4,12}})(?![\w/]|[.,:-]\d)"),
            spelled,
        ),
        Rule(
            Written(
                r"(?P<lead>(?<!\w)(?:[Зз]вон\w*|[Пп]озвон\w*|[Нн]"
                r"абер\w*|[Тт]елефон\w*)(?: по| на)? )(?P<n>112|"
                r"101|102|103|911)(?![\w-])"
            ),
            spelled,
        ),
    ]


def ordinal_rules(language: WordTable) -> list[Rule]:
    """Return the rules for ordinals with an ending, and for adjectives that begin with a number."""

    def ordinal(match: re.Match[str]) -> str:
        ending, following = match["end"], match["next"] or ""
        rule = ORDINALS[ending]
        if ending == "й" and re.search(
            r"[еиы]$" if match["prep"] else r"^(?!после|среди|перед|вместе|более)[а-яё]{3,}[еиы]$", following
        ):
            rule = "feminine-genitive"
        if ending == "е" and (re.search(r"[ыи]$", following) or match["n"].endswith("0")):
            rule = "plural"
        if ending == "м" and following.endswith(("ам", "ям")):
            rule = "plural-dative"
        if ending == "м" and (following.endswith(("ом", "ем")) or following in language.months):
            rule = "masculine-ablative"
        name = spelling.ordinal(language, match["n"], f"ordinal-{rule}") or match["n"]
        return (match["prep"] or "") + re.sub(r"^две тысяч(?=н)", "двухтысяч", name).replace(
            "двух тысячн", "двухтысячн"
        )

    def compound(match: re.Match[str]) -> str:
        return stem(language, int(match["n"])) + match["rest"]

    prep = r"(?P<prep>(?<!\w)(?i:на|в|во|с|со|от|до|к|ко|по|о|об|при|после|из|для|у|около)[ \u00a0])?"
    return [
        Rule(
            Written(
                rf"(?<![\w.,])(?P<n>\d{{1,4}})-?(?P<rest>(?<=-)(?:(?:{COMPOUNDS})\w*|{ADJECTIVE}(?!\w)))"
            ),
            compound,
            "-",
        ),
        Rule(
            Written(
                rf"{prep}(?<![\w.,-])(?P<n>\d{{1,4}})-(?P<end>{either(ORDINALS)})"
                rf"(?!\w)(?=(?:[ \u00a0](?P<next>[а-яё]+))?)"
            ),
            ordinal,
            "-",
        ),
    ]


ORDINALS = {
    "й": "masculine",
    "ый": "masculine",
    "ой": "masculine",
    "ий": "masculine",
    "я": "feminine",
    "ая": "feminine",
    "е": "neuter",
    "ое": "neuter",
    "ые": "plural",
    "го": "masculine-genitive",
    "ого": "masculine-genitive",
    "му": "masculine-dative",
    "ому": "masculine-dative",
    "м": "masculine-locative",
    "ом": "masculine-locative",
    "ым": "masculine-ablative",
    "х": "plural-genitive",
    "ых": "plural-genitive",
    "ю": "feminine-accusative",
    "ую": "feminine-accusative",
    "ми": "plural-ablative",
    "ыми": "plural-ablative",
}


def stem(language: WordTable, value: int) -> str:
    """Return a number as the beginning of an adjective: пяти(летний), двадцатипяти(этажный), сто(летие)."""
    if value in SMALL:
        return SMALL[value]
    if value < 20 or (value % 10 == 0 and value < 100):
        return number(language, str(value), "genitive")
    if value < 100:
        return stem(language, value - value % 10) + stem(language, value % 10)
    return number(language, str(value), "genitive").replace(" ", "")


def part_rules(language: WordTable) -> list[Rule]:
    """Return the rules for fractions, halves of large numbers, scales and roots."""

    def part(match: re.Match[str]) -> str:
        above, below = match["a"], match["b"]
        rule = "ordinal-feminine" if above == "1" else "ordinal-plural-genitive"
        return f"{number(language, above, '', 'feminine')} {spelling.ordinal(language, below, rule)}"

    def half(match: re.Match[str]) -> str:
        return halved(language, match)

    def added(match: re.Match[str]) -> str:
        whole, fraction = match["n"].split(",")
        spoken = spelling.decimal(language, whole, ",", fraction)
        for nominative, accusative in (
            ("одна целая", "одну целую"),
            ("одна десят", "одну десят"),
            ("одна сот", "одну сот"),
        ):
            spoken = spoken.replace(nominative, accusative)
        return (
            match["prep"]
            + re.sub(r"(одну (?:десят|сот))ая", r"\1ую", spoken)
            + ("" if match["share"] is None else " процента")
        )

    def pages(match: re.Match[str]) -> str:
        return f"{match[1]} {('страница', 'страницы', 'страниц')[plural_form('ru', int(match[1]))]}"

    def scale(match: re.Match[str]) -> str:
        return f"{match['lead']}{number(language, match['a'])} к {number(language, match['b'], 'dative')}"

    def related(match: re.Match[str]) -> str:
        words = {"≤": "меньше или равно", "≥": "больше или равно", "≠": "не равно"}[match["sign"]]
        return f" {words} {number(language, match['n'], 'dative')}"

    return [
        Rule(
            Written(
                r"(?<![\w/.,:-])(?P<a>\d{1,2}(?:,\d)?)/(?P<b>5|10|100)(?=[ \u00a0](?:балл|звёзд|звезд|очк))"
            ),
            lambda m: f"{m['a']} из {number(language, m['b'], 'genitive')}",
            "/",
        ),
        Rule(
            Written(r"(?<![\w/.,:-])(?<!\d )(?P<a>\d{1,2})/(?P<b>[5-9]|1[0-9]|20|1000?)(?![\w/]|[.,]\d| ?=)"),
            part,
            "/",
        ),
        Rule(
            Written(
                rf"(?<![\w.,])(?P<n>\d{{1,3}}),5[ \u00a0]?(?P<next>млн|"
                rf"млрд|тыс\.|миллион\w*|миллиард\w*|тысяч\w*)(?!\w)"
                rf"(?:[ \u00a0]?(?P<paid>{either(language.currencies)})"
                rf"(?!\w))?"
            ),
            half,
            ",",
        ),
        Rule(
            Written(
                r"(?P<lead>(?<!\w)(?:масштаб|пропорци|соотношени|"
                r"отношени|смеша|развест|развед|разбав)\w*(?: как)? )(?P<a>\d{1,4}):(?P<b>\d{1,"
                r"7})(?![\d:])"
            ),
            scale,
            ":",
        ),
        Rule(
            Written(r"(?<![\d:])(16|21|4|3):(9|10|3|2)(?=[ .,)]|\Z)(?<=(?:6:9|1:9|4:3|:10))"),
            lambda m: (
                m[0] if re.search(r"(?i)сч[её]т\w*\W*\Z", m.string[: m.start()]) else f"{m[1]} на {m[2]}"
            ),
            ":",
        ),
        Rule(Written(r"(?<=\()(\d{1,5}) с\.(?=\))"), pages, {"с"}),
        Rule(Written(r"[ ]?(?P<sign>[≤≥≠])[ ]?(?P<n>\d{1,12})(?!\w|[.,]\d)"), related, "≤≥≠"),
        Rule(
            Written(
                r"(?P<prep>(?<!\w)(?i:на|за|через|в)[ \u00a0])"
                r"(?P<n>\d{1,9},\d{1,2})(?![\d]|[.,]\d|[ \u00a0]"
                r"?(?:млн|млрд|тыс|миллион|миллиард|руб|₽|\$|€)"
                r")(?P<share>[ \u00a0]?%)?"
            ),
            added,
            ",",
        ),
        Rule(
            Written(r"√[ ]?\(?(\d{1,9})\)?"),
            lambda m: f"корень из {number(language, m[1], 'genitive')}",
            "√",
        ),
    ]


def halved(language: WordTable, match: re.Match[str]) -> str:
    """Return one and a half thousand, two and a half million, in the genitive after what asks for it."""
    feminine = match["next"].startswith("тыс")
    names = {"млн": "миллиона", "миллион": "миллиона", "тыс": "тысячи"}
    noun = next((name for start, name in names.items() if match["next"].startswith(start)), "миллиарда")
    before = match.string[max(0, match.start() - 14) : match.start()]
    is_oblique = re.search(rf"(?<!\w)(?i:{GENITIVE})[ \u00a0]\Z", before) is not None
    if is_oblique:
        noun = noun[:-1] + ("" if feminine else "ов")
    if match["paid"]:
        noun += " " + language.currencies[match["paid"]].major.forms[-1]
    if match["n"] == "1":
        return ("полутора " if is_oblique else "полторы " if feminine else "полтора ") + noun
    case, sex = ("genitive" if is_oblique else ""), ("feminine" if feminine else "masculine")
    return f"{number(language, match['n'], case, sex)} с половиной {noun}"


def ruler_rule(language: WordTable) -> Rule:
    """Return the rule for rulers, whose numeral follows the case of the name: при Петре I."""
    men = (
        "Пётр|Петр|Никола|Александр|Людовик|Генрих|Карл|"
        "Павел|Павл|Пи|Георг|Наполеон|Фридрих|Вильгельм|"
        "Иван|Васили|Михаил|Фёдор|Филипп|Эдуард|Ричард|"
        "Яков|Иоанн|Франциск|Бенедикт|Леопольд|Фердинанд|"
        "Рамзес|Лев"
    )
    women = "Екатерин|Елизавет|Мари|Анн|Маргарит|Изабелл"
    endings = {
        "а": "genitive",
        "я": "genitive",
        "у": "dative",
        "ю": "dative",
        "ом": "ablative",
        "ем": "ablative",
        "е": "locative",
        "и": "locative",
    }
    hers = {
        "ы": "genitive",
        "и": "genitive",
        "е": "genitive",
        "у": "accusative",
        "ю": "accusative",
        "ой": "genitive",
        "ей": "genitive",
    }

    def ruled(match: re.Match[str]) -> str:
        feminine = match["she"] is not None
        case = (hers if feminine else endings).get(match["end"], "")
        rule = "-".join(part for part in ("ordinal", "feminine" if feminine else "masculine", case) if part)
        value = str(roman_value(match["r"]))
        return f"{match['name']} {spelling.ordinal(language, value, rule) or value}"

    pattern = (
        rf"(?P<name>(?<!\w)(?:(?P<he>{men})|(?P<she>{women})"
        rf")(?P<end>й|а|я|у|ю|ом|ем|е|и|ы|ой|ей|))[ \u00a0]"
        rf"(?P<r>[IVX]{{1,6}})(?!\w)"
    )
    return Rule(Written(pattern), ruled, "IVX")
