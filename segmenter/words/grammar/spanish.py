"""Spanish: halves and parts, telephone numbers, hours of the day, Roman ordinals, streets."""

import re

from segmenter.words import spelling
from segmenter.words.dates_times import spelled_date
from segmenter.words.languages import WordTable
from segmenter.words.roman import roman_value
from segmenter.words.rules import Rule, Written, either

__all__ = ["spanish_rules"]

PARTS = {
    "5": "quinto",
    "6": "sexto",
    "7": "séptimo",
    "8": "octavo",
    "9": "noveno",
    "10": "décimo",
    "100": "centésimo",
    "1000": "milésimo",
    "11": "onceavo",
    "12": "doceavo",
    "15": "quinceavo",
    "16": "dieciseisavo",
    "20": "veinteavo",
}
WOMEN = Written(r"(?:\w+(?:a|ción|sión|dad|tud)s?|noche|tarde|clase|vez)$")
EVENTS = (
    "Guerra|Congreso|Edición|edición|Feria|República|Concilio|Juegos|Jornadas|Festival|Premios?|Copa|Conferencia|"
    "Asamblea|Encuentro|Semana|Bienal|Cumbre|Plan|Legislatura|Certamen|Maratón|Simposio|Internacional|Reich|"
    "Imperio"
)
STREETS = {
    "C/": "Calle",
    "c/": "calle",
    "Cl.": "Calle",
    "Avda.": "Avenida",
    "Av.": "Avenida",
    "Pza.": "Plaza",
    "Plza.": "Plaza",
    "Pº": "Paseo",
    "P.º": "Paseo",
    "Ctra.": "Carretera",
    "apto.": "apartamento",
    "Apto.": "Apartamento",
    "Urb.": "Urbanización",
    "Col.": "Colonia",
    "Dpto.": "Departamento",
}
SIDES = "derecha|izquierda|dcha|izda|izq|centro|interior|exterior"  # of a landing: 1.º dcha.
QUEENS = "Isabel|Catalina|Cristina|María|Juana|Margarita|Ana"


def spanish_rules(language: WordTable) -> list[Rule]:
    """Return what runs before the rules of all languages."""
    return [*digit_rules(language), *part_rules(language), *hour_rules(language), *name_rules(language)]


def digit_rules(language: WordTable) -> list[Rule]:
    """Return the rules for telephone numbers, emergency numbers, postcodes and codes."""

    def grouped(match: re.Match[str]) -> str:
        groups = [spelling.digit_by_digit(language, group) for group in re.findall(r"\d+", match["n"])]
        return ("más tres cuatro, " if match["to"] else "") + ", ".join(groups)

    spelled = spelling.after_lead(language)

    def dated(match: re.Match[str]) -> str:
        said = spelled_date(language, int(match["d"]), int(match["m"]))
        return f"{match['lead']} {said}" if said else match[0]

    number = (
        r"[6-9]\d{2}[ -]\d{3}[ -]\d{3}|9\d[ -]\d{3}[ -]"
        r"\d{2}[ -]\d{2}|[6-9]\d{2}[ -]\d{2}[ -]\d{2}[ "
        r"-]\d{2}|[67]\d{8}"
    )
    code = (
        r"(?:[Cc]ódigo(?: postal| PIN| de \w+)?|PIN|CP|"
        r"C\.P\.|[Cc]ontraseña|[Cc]lave|[Nn]úmero de (?:pedido|"
        r"cliente|cuenta))"
    )
    called = r"(?:[Ll]lam\w*|[Mm]arc\w*|[Tt]eléfono|[Ee]mergencias?)(?: al| el| a)?"
    return [
        Rule(
            Written(
                r"(?P<lead>(?<!\w)(?i:el|del|al|día|lunes|martes|miércoles|jueves|viernes|"
                r"sábado|domingo)) (?P<d>[0-3]?\d)/(?P<m>0?[1-9]|1[0-2])(?![\w/]|[.,]\d)"
            ),
            dated,
            "/",
        ),
        Rule(Written(rf"(?<![\w.,-])(?P<to>\+34 ?)?(?P<n>{number})(?![\w-]|[.,]\d)"), grouped),
        Rule(
            Written(rf"(?P<lead>(?<!\w){called} )(?P<n>112|091|061|092|911|016)(?![\w/:%-]|[.,]\d)"),
            spelled,
        ),
        Rule(Written(rf"(?P<lead>(?<!\w){code}(?: es| :|:)? )(?P<n>\d{{4,12}})(?![\w/]|[.,:-]\d)"), spelled),
        Rule(Written(r"(?P<lead>, |\A|\n)(?P<n>\d{5})(?= [A-ZÁÉÍÓÚ][a-záéíóúñ])"), spelled),
    ]


def part_rules(language: WordTable) -> list[Rule]:
    """Return the rules for halves, other parts, marks out of ten and ordinals before a noun."""

    def half(match: re.Match[str]) -> str:
        return f"{'media' if WOMEN.compiled.match(match['next']) else 'medio'} {match['next']}"

    def and_half(match: re.Match[str]) -> str:
        return f"{match['n']} {match['next']} y {'media' if WOMEN.compiled.match(match['next']) else 'medio'}"

    def part(match: re.Match[str]) -> str:
        above, below = match["a"], match["b"]
        name = PARTS.get(below)
        if name is None:
            return match[0]
        return f"{spelling.cardinal(language, above, 'm')} {name}{'' if above == '1' else 's'}"

    def short(match: re.Match[str]) -> str:
        return spelling.ordinal(language, match["n"], "ordinal-masculine-adjective") or match[0]

    def wide(match: re.Match[str]) -> str:
        return f"{spelling.cardinal(language, match[1])} {PARTS.get(match[2], 'tercio')}s"

    return [
        Rule(
            Written(r"(?<![\w/.,])(?P<n>\d{1,3})[ \u00a0]?(?:½|1/2)[ \u00a0](?P<next>[a-záéíóúñ]{3,})"),
            and_half,
            "½/",
        ),
        Rule(
            Written(r"(?<![\w/.,])(?:½|1/2)[ \u00a0](?P<next>(?!del?\b|con\b|por\b)[a-záéíóúñ]{3,})"),
            half,
            "½/",
        ),
        Rule(
            Written(r"(?<![\w/.,])(\d{1,3}(?:,\d{1,2})?)/(10|20|100)(?![\w/]|[.,]\d)"),
            lambda m: f"{m[1]} sobre {m[2]}",
            "/",
        ),
        Rule(
            Written(r"(?<![\w/.,:-])(?<!\d )(?P<a>\d{1,2})/(?P<b>[5-9]|1[0-9]|1000?)(?![\w/]|[.,]\d| ?=)"),
            part,
            "/",
        ),
        Rule(Written(r"(?<![\w:])(16|21):(9)(?![\d:])"), wide, ":"),
        Rule(
            Written(
                rf"(?<![\w.,])(?P<n>\d{{0,3}}[13])\.?º"
                rf"(?=[ \u00a0](?!y\b|o\b|de\b|en\b|a\b|{SIDES})[a-záéíóúñ]{{3}})"
            ),
            short,
            "º",
        ),
        Rule(Written(r"(?<=ños )['’](?=\d\d(?!\d))"), lambda _: "", "'"),
    ]


def hour_rules(language: WordTable) -> list[Rule]:
    """Return the rule for hours with a. m. or p. m.: of the morning, the afternoon, the night."""

    def spelled(match: re.Match[str]) -> str:
        hour, minute, is_late = int(match["h"]), int(match["m"] or 0), match["half"] in "pP"
        if not 1 <= hour <= 12 or minute > 59:
            return match[0]
        part = (
            ("tarde" if hour < 8 or hour == 12 else "noche")
            if is_late
            else "madrugada"
            if hour < 6
            else "mañana"
        )
        name = spelling.cardinal(language, str(hour), "f")
        minutes = f" y {spelling.cardinal(language, str(minute))}" if minute else ""
        ends = match["stop"] and match.end() == len(match.string)
        return f"{name}{minutes} de la {part}{'.' if ends else ''}"

    pattern = (
        r"(?<![\w:.,])(?P<h>\d{1,2})(?::(?P<m>\d{2}))?[ "
        r"\u00a0]?(?P<half>[aApP])(?:\.[ \u00a0]?m(?P<stop>\.)"
        r"|m\b)"
    )
    return [Rule(Written(pattern), spelled, "mM")]


def name_rules(language: WordTable) -> list[Rule]:
    """Return the rules for Roman ordinals before a noun, for queens, and for streets."""

    def event(match: re.Match[str]) -> str:
        feminine = WOMEN.compiled.match(match["next"].lower())
        rule = "ordinal-feminine" if feminine else "ordinal-masculine-adjective"
        return f"{spelling.ordinal(language, str(roman_value(match['r'])), rule)} {match['next']}"

    def queen(match: re.Match[str]) -> str:
        return (
            f"{match['lead']}{spelling.ordinal(language, str(roman_value(match['r'])), 'ordinal-feminine')}"
        )

    def centuries(match: re.Match[str]) -> str:
        first, last = (spelling.cardinal(language, str(roman_value(match[part]))) for part in "ab")
        return f"{match['lead']} {first}{match['and'].replace('–', ' a ').replace('-', ' a ')}{last}"

    def other(match: re.Match[str]) -> str:
        return f"({spelling.ordinal(language, str(roman_value(match[1])), 'ordinal-masculine')}"

    pair = (
        r"(?P<lead>(?<!\w)(?:[Ss]iglos?|ss?\.)) (?P<a>[IVX]{1,6})(?P<and> y | o |"
        r" a | al |, |[–-])(?P<b>[IVX]{1,6})(?!\w)"
    )
    street = Written(rf"(?<!\w)({either(STREETS)})(?=[ \u00a0]?(?:[A-ZÁÉÍÓÚ\d]|del? |la ))")
    century = Written(r"(?<!\w)(ss?)\.[ \u00a0](?=[IVX]+\b)")
    return [
        Rule(Written(r"\(([IVX]{1,5})(?= de [A-ZÁÉÍÓÚ])"), other, "IVX"),
        Rule(Written(pair), centuries, "IVX"),
        Rule(century, lambda m: "siglo " if m[1] == "s" else "siglos ", {"s", "ss"}),
        Rule(Written(rf"(?<!\w)(?P<r>[IVX]{{1,5}})[ \u00a0](?P<next>{EVENTS})(?!\w)"), event, "IVX"),
        Rule(Written(rf"(?P<lead>(?<!\w)(?:{QUEENS}) )(?P<r>I{{1,3}}|IV|V)(?!\w)"), queen, "IV"),
        Rule(
            street,
            lambda m: (
                STREETS[m[1]] + (" " if m[1].endswith("/") and m.string[m.end() : m.end() + 1] != " " else "")
            ),
            "./º",
        ),
    ]
