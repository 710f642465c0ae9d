"""Russian abbreviations and signs beside numbers, in the case that the words around them ask for."""

import re

from segmenter.words import spelling
from segmenter.words.grammar.russian_cases import number
from segmenter.words.languages import WordTable
from segmenter.words.rules import Rule, Written, either

__all__ = ["place_rules", "short_rules"]

PLACES = {  # of a book or a text: nominative, accusative, locative, genitive
    "с.": ("страница", "страницу", "странице", "страницы"),
    "стр.": ("страница", "страницу", "странице", "страницы"),
    "рис.": ("рисунок", "рисунок", "рисунке", "рисунка"),
    "табл.": ("таблица", "таблицу", "таблице", "таблицы"),
    "гл.": ("глава", "главу", "главе", "главы"),
    "п.": ("пункт", "пункт", "пункте", "пункта"),
    "ст.": ("статья", "статью", "статье", "статьи"),
    "§": ("параграф", "параграф", "параграфе", "параграфа"),
    "кв.": ("квартира", "квартиру", "квартире", "квартиры"),
    "д.": ("дом", "дом", "доме", "дома"),
}
NUMBERED = {  # after an ordinal: nominative, genitive, dative, locative, accusative
    "мин": ("минута", "минуты", "минуте", "минуте", "минуту"),
    "км": ("километр", "километра", "километру", "километре", "километр"),
    "эт": ("этаж", "этажа", "этажу", "этаже", "этаж"),
    "кл": ("класс", "класса", "классу", "классе", "класс"),
}
WEEK = {
    "пн": ("понедельник", "понедельникам"),
    "вт": ("вторник", "вторникам"),
    "ср": ("среду", "средам"),
    "чт": ("четверг", "четвергам"),
    "пт": ("пятницу", "пятницам"),
    "сб": ("субботу", "субботам"),
    "вс": ("воскресенье", "воскресеньям"),
}
SPOONS = {"ст": "столов", "ч": "чайн", "дес": "десертн"}
VERBS = (
    "залить|залейте|залейте|запить|запивать|запивают|запейте|разбавить|разбавьте|развести|полить|дополнить"
)


def short_rules(language: WordTable) -> list[Rule]:
    """Return the rules for abbreviations beside numbers."""
    return [
        *counting_rules(language),
        *date_rules(language),
        *house_rules(language),
        *sign_rules(language),
    ]


def counting_rules(language: WordTable) -> list[Rule]:
    """Return the rules for pages, ordinals before a unit, days of the week, spoons and what is poured."""

    def place(match: re.Match[str]) -> str:
        prep = match["prep"].lower()
        form = 1 if prep in {"см.", "смотри"} else 2 if prep in {"на", "в", "о"} else 3
        lead = "смотри" if prep == "см." else match["prep"]
        return f"{lead} {PLACES[match['what']][form]} "

    def numbered(match: re.Match[str]) -> str:
        prep, end = (match["prep"] or "").lower(), match["end"]
        low = prep in {"на", "в", "о", "к", "по"}
        form = {"я": 0, "го": 1, "му": 2, "м": 3, "ю": 4, "й": 0}[end]
        if match["unit"] == "мин" and end == "й":
            form = 3 if low else 1
        lead = f"{match['prep']} " if match["prep"] else ""
        return f"{lead}{match['n']}-{end} {NUMBERED[match['unit']][form]}"

    def week(match: re.Match[str]) -> str:
        form = 1 if match["prep"].lower() == "по" else 0
        more = re.sub(either(WEEK), lambda day: WEEK[day[0]][form], match["more"])
        return f"{match['prep']} {WEEK[match['a']][form]}{more}"

    def spoons(match: re.Match[str]) -> str:
        many = match["n"] != "1"
        noun = f"{SPOONS[match['what']]}{'ыми ложками' if many else 'ой ложкой'}"
        return f"{match['prep']} {number(language, match['n'], 'ablative', 'feminine')} {noun}"

    def poured(match: re.Match[str]) -> str:
        forms = language.units[match["unit"]].forms
        root = forms[1][:-1]
        half = " с половиной" if match["half"] else ""
        one = match["n"] == "1" and not half
        if (match["n"], half) == ("1", " с половиной"):
            return f"{match['verb']} полутора {root}ами"
        said = number(language, match["n"], "ablative", "masculine")
        return f"{match['verb']} {said}{half} {root}{'ом' if one else 'ами'}"

    def portion(match: re.Match[str]) -> str:
        feminine = match["next"].endswith(("е", "и"))
        return f"{match['prep']} {'одной' if feminine else 'одному'} {match['next']}"

    days = either(WEEK)
    return [
        Rule(
            Written(
                rf"(?<!\w)(?P<prep>[Сс]м\.|[Сс]мотри|(?i:на|в|о|из|до|с|по|у|от|около))[ \u00a0]"
                rf"(?P<what>{either(PLACES)})"
                rf"[ \u00a0]?(?=\d)"
            ),
            place,
            ".§",
        ),
        Rule(
            Written(
                rf"(?:(?P<prep>(?<!\w)(?i:на|в|о|к|по|до|с|от|после))[ \u00a0])?(?<![\w.,-])(?P<n>\d{{1,4}})-"
                rf"(?P<end>й|я|го|му|м|ю)[ \u00a0](?P<unit>{either(NUMBERED)})\.?(?!\w)"
            ),
            numbered,
            set(NUMBERED),
        ),
        Rule(
            Written(
                rf"(?<!\w)(?P<prep>[Вв]о?|[Пп]о)[ \u00a0](?P<a>{days})(?P<more>(?:(?:, | и |"
                rf" или )(?:{days}))*)(?!\w)"
            ),
            week,
            set(WEEK),
        ),
        Rule(
            Written(r"(?<!\w)(?P<prep>[Сс])[ \u00a0](?P<n>[1-9])[ \u00a0](?P<what>ст|ч|дес)\.[ \u00a0]?л\."),
            spoons,
            {"л"},
        ),
        Rule(
            Written(
                rf"(?<!\w)(?P<verb>(?i:{VERBS}))[ \u00a0](?P<n>\d{{1,4}})(?P<half>,5)?[ \u00a0](?P<unit>л|"
                rf"мл)(?!\w)"
            ),
            poured,
            {"л", "мл"},
        ),
        Rule(
            Written(r"(?<!\w)(?P<prep>[Пп]о)[ \u00a0]1[ \u00a0](?P<next>[а-яё]{3,}[еиую])(?!\w)"),
            portion,
            {"по", "По"},
        ),
        Rule(Written(r"(?<!\w)([Пп]о)[ \u00a0](?:½|1/2)(?=[ \u00a0])"), lambda m: f"{m[1]} половине", "½/"),
    ]


def date_rules(language: WordTable) -> list[Rule]:
    """Return the rules for a month of a year in digits, the last day of a span and hours with a stop."""
    nominative = language.date["nominative"].split()

    def month(match: re.Match[str]) -> str:
        prep = (match["prep"] or "").lower()
        first = nominative[int(match["m"]) - 1]
        name = first if not prep or prep == "по" else language.months[int(match["m"]) - 1]
        name = name[:-1] + "е" if prep in {"в", "на"} else name
        lead = f"{match['prep']} " if prep else ""
        return f"{lead}{name} {match['y']} года"

    def until(match: re.Match[str]) -> str:
        name = next(
            name for name in language.months if name[:2] == match[3][:2] and name[2] in match[3] + "я"
        )
        return f"{match[1]} {spelling.ordinal(language, match[2], 'ordinal-neuter') or match[2]} {name}"

    def clock(match: re.Match[str]) -> str:
        return f"{match[1]} {match[2]}:{match[3]}"

    months = either([*language.months, *language.date["abbreviated"].replace("/", " ").split()])
    return [
        Rule(
            Written(
                r"(?:(?P<prep>(?<!\w)(?i:до|с|от|после|по|в|на|из))[ \u00a0])?(?<![\w./,-])"
                r"(?P<m>0[1-9]|1[0-2])[./](?P<y>20\d\d)(?![\w./]\d|\w)(?! г)"
            ),
            month,
            "./",
        ),
        Rule(
            Written(
                rf"(?<!\w)(?<!\d[ \u00a0])(?<!го[ \u00a0])([Пп]о)[ \u00a0]"
                rf"(\d{{1,2}})[ \u00a0]({months})\b\.?(?!\w)"
            ),
            until,
            {"по", "По"},
        ),
        Rule(
            Written(r"(?<!\w)([Вв])[ \u00a0]([01]?\d|2[0-3])\.([0-5][05])(?![\d%]|[.,]\d|[ \u00a0]?раз)"),
            clock,
            ".",
        ),
    ]


def house_rules(language: WordTable) -> list[Rule]:
    """Return the rules for numbers with a slash or a letter after a name: № 47/2, поезд № 016А, 7/9 эт."""

    def slashed(match: re.Match[str]) -> str:
        return f"{match['lead']}{match['a']} дробь {match['b']}"

    def lettered(match: re.Match[str]) -> str:
        digits = match["n"]
        zeros = len(digits) - len(digits.lstrip("0"))
        said = "ноль " * zeros + (
            spelling.cardinal(language, digits.lstrip("0")) if digits.strip("0") else ""
        )
        lead = match["lead"].replace("№", "номер").rstrip()
        return f"{lead} {said.strip()} {match['letter']}"

    def floor(match: re.Match[str]) -> str:
        first = spelling.ordinal(language, match["a"], "ordinal-masculine")
        return f"{first} этаж из {number(language, match['b'], 'genitive')}"

    def rooms(match: re.Match[str]) -> str:
        many = {"1": "одно", "2": "двух", "3": "трёх", "4": "четырёх", "5": "пяти"}[match["n"]]
        taken = re.search(
            r"(?i)(?<!\w)(?:сдам|продам|сниму|куплю|продаю|сдаю|ищу|снимем)\Z",
            match.string[: match.start()].rstrip(),
        )
        return f"{many}комнатн{'ую квартиру' if taken else 'ая квартира'}"

    lead = (
        r"(?P<lead>(?<!\w)(?:[Дд]ом\w{0,2}|[Дд]\.|кв\.|[Вв]агон\w{0,2}|[Мм]ест[оаеу]|"
        r"[Кк]абинет\w{0,2}|[Рр]ейс\w{0,2}|[Пп]оезд\w{0,2}|[Аа]втобус\w{0,2}|[Пп]одъезд\w{0,2}|"
        r"[Вв]ыход\w{0,2}|[Кк]орпус\w{0,2}|[Рр]яд\w{0,2}|"
        r"[Пп]латформ\w{1,2}|ул\. [А-Я]\w+,|№)[ \u00a0]?(?:№[ \u00a0]?)?)"
    )
    return [
        Rule(Written(rf"{lead}(?P<a>\d{{1,4}})/(?P<b>\d{{1,3}})(?![\w/-])"), slashed, "/"),
        Rule(Written(rf"{lead}(?P<n>\d{{1,4}})(?P<letter>[А-ЯA-Z])(?!\w)"), lettered),
        Rule(
            Written(r"(?<![\w/.,])(?P<a>\d{1,2})/(?P<b>\d{1,3})[ \u00a0-]?эт(?:\.|аж)(?!\w)"),
            floor,
            {"эт", "этаж"},
        ),
        Rule(
            Written(r"(?<![\w/.,])(?P<n>[1-5])-?к(?:омн)?\.?[ \u00a0]кв(?:\.|артира)(?!\w)(?![ \u00a0]м)"),
            rooms,
            {"кв", "квартира"},
        ),
    ]


def sign_rules(language: WordTable) -> list[Rule]:
    """Return the rules for signs: pieces at a price, sizes, a temperature, whole sums."""
    money = either(language.currencies)

    def scaled(match: re.Match[str]) -> str:
        return f"{match[1]} {language.units[match[2]].forms[-1]}"

    return [
        Rule(
            Written(
                rf"(?<=\d)([ \u00a0]?(?:тыс\.|млн|млрд|трлн))[ \u00a0]({either(language.units)})(?![\w/²³])"
            ),
            scaled,
            {"тыс", "млн", "млрд", "трлн"},
        ),
        Rule(Written(r"(?<!\w)м\.[ \u00a0](?=[\"«][А-ЯЁ])"), lambda _: "метро ", {"м"}),
        Rule(
            Written(
                r"(?<=[\w.)])[ \u00a0]?[×x][ \u00a0]?(?=\d[\d \u00a0]*(?:,\d\d)?[ \u00a0]?(?:"
                + money
                + r")(?!\w))"
            ),
            lambda _: " по ",
            "×x",
        ),
        Rule(
            Written(r"(?<=\d)[ \u00a0]?[×xх][ \u00a0]?(?=\d[\d,]*[ \u00a0]?(?:[×xх]|(?:см|мм|м|км)(?!\w)))"),
            lambda _: " на ",
            "×xх",
        ),
        Rule(
            Written(r"(?<!\w)(?P<prep>[Пп]ри[ \u00a0])?t[ ]?°(?=[ \u00a0])"),
            lambda m: "при температуре" if m["prep"] else "температура",
            "°",
        ),
        Rule(Written(r"(?<=\d)[ \u00a0]?г\.[ \u00a0]?в\."), lambda _: " года выпуска", {"в"}),
        Rule(
            Written(r"(?<![\d,.])(\d{1,3}(?:[ \u00a0]\d{3}|\d){0,4}),00?(?![\d%]|[.,]\d)"),
            lambda m: m[1],
            ",",
        ),
    ]


def place_rules() -> list[Rule]:
    """Return the rules for streets and towns, in the case that their preposition asks for."""
    names = {
        "ул": ("улица", "улице", "улицы"),
        "г": ("город", "городе", "города"),
        "пр": ("проспект", "проспекте", "проспекта"),
        "просп": ("проспект", "проспекте", "проспекта"),
        "пер": ("переулок", "переулке", "переулка"),
        "пл": ("площадь", "площади", "площади"),
        "наб": ("набережная", "набережной", "набережной"),
        "ш": ("шоссе", "шоссе", "шоссе"),
        "обл": ("область", "области", "области"),
        "пос": ("посёлок", "посёлке", "посёлка"),
        "им": ("имени", "имени", "имени"),
        "р": ("река", "реке", "реки"),
    }

    def named(match: re.Match[str]) -> str:
        prep = (match["prep"] or "").strip().lower()
        form = (
            1
            if prep in {"в", "на", "по", "о", "при"}
            else 2
            if prep in {"с", "из", "от", "до", "у", "около"}
            else 0
        )
        if (
            form == 1
            and match["name"] == "ул"
            and re.match(r"[А-ЯЁ]\w*[ую]ю(?!\w)", match.string[match.end() :])
        ):
            return match["prep"] + "улицу "
        return (match["prep"] or "") + names[match["name"]][form] + " "

    pattern = (
        rf"(?P<prep>(?<!\w)(?i:в|на|по|о|при|с|из|от|до|"
        rf"у|около)[ \u00a0])?(?<![\w.])(?<!\d )(?P<name>{either(names)})"
        rf"\.[ \u00a0]?(?=[А-ЯЁ])"
    )
    return [Rule(Written(pattern), named, set(names))]
