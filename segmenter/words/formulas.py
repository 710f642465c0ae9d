"""Mathematics and chemistry: relations, roots, charges."""

from segmenter.words.languages import WordTable
from segmenter.words.rules import Rule, Written

__all__ = ["formula_rules", "plain_formulas"]

CHARGE = Written(r"(?<=[A-Za-z₀-₉)\]])([²³⁴]?)([⁺⁻])(?![⁰¹²³⁴-⁹\w])")
BASE = Written(r"\blog([₀-₉]{1,3})[ ]?(?=[\w(])")
OPERAND = r"(?<=[\w)²³%°∞π])"
RELATIONS = (("≤", "le"), ("≥", "ge"), ("≠", "ne"), ("≈", "about"), ("<", "less"), (">", "greater"))
LETTER = r"(?<![\w.'’])(?:[a-zA-Zα-ω]|\d{1,15}(?:[.,]\d{1,9})?)[²³]?"


def plain_formulas(text: str, language: WordTable | None) -> str:
    """Return the text with what digits alone would lose in words; TeX is plain before."""
    if language is None:
        return text
    if "log" in text:
        log = language.signs.get("log", "log {n}")
        text = BASE.compiled.sub(lambda match: log.replace("{n}", unsubscripted(match[1])) + " ", text)
    names = {"⁺": language.signs["plus"], "⁻": language.signs["minus"]}
    return CHARGE.compiled.sub(
        lambda match: f" {match[1] and '²³⁴'.index(match[1]) + 2} {names[match[2]]}".replace("  ", " "), text
    )


def unsubscripted(digits: str) -> str:
    """Return subscript digits as plain ones."""
    return "".join(chr(ord(digit) - ord("₀") + ord("0")) for digit in digits)


def formula_rules(language: WordTable) -> list[Rule]:
    """Return the rules for relations, roots, powers and operations between letters and numbers."""
    return [*relation_rules(language), *sign_rules(language), *operation_rules(language)]


def relation_rules(language: WordTable) -> list[Rule]:
    """Return the rules for relations: between operands, and before a number alone."""
    signs, verb = language.signs, language.signs.get("is", "")
    found = []
    for sign, name in RELATIONS:
        if name not in signs:
            continue
        gap = r"[ \u00a0]" if sign in "<>" else r"[ \u00a0]?"
        between = Written(rf"{OPERAND}{gap}{sign}{gap}(?=[\w(√∞π−-])")
        if verb:  # x < 5 is a sentence, "slept < 6 hours" is not
            alone = Written(rf"(?<![^\W\d_][\w])(?:{between.pattern})")
            found.append(saying(alone, f" {verb} {signs[name]} ", sign))
        found.append(saying(between, f" {signs[name]} ", sign))
        if name in {"le", "ge", "ne"}:
            found.append(saying(Written(rf"{sign}[ \u00a0]?(?=\d)"), signs[name] + " ", sign))
    return found


def saying(pattern: Written, spoken: str, needs: str) -> Rule:
    """Return the rule that puts the same words for whatever a pattern matches."""
    return Rule(pattern, lambda _: spoken, needs)


def sign_rules(language: WordTable) -> list[Rule]:
    """Return the rules for roots, infinity, pi and powers after a bracket."""
    signs = language.signs
    named = {"root": r"√[ ]?\(?(?=\w)", "infinity": "∞", "pi": "π"}
    if language.code == "el":
        del named["pi"]  # there it is a letter of words
    found = [
        saying(Written(pattern), f" {signs[name]} ", {"root": "√", "infinity": "∞", "pi": "π"}[name])
        for name, pattern in named.items()
        if name in signs
    ]
    return [
        *found,
        saying(Written(r"(?<=[\w)])\^2(?!\d)"), "²", "^"),
        saying(Written(r"(?<=[\w)])\^3(?!\d)"), "³", "^"),
        saying(Written(r"(?<=\d)\^-(?=\d)"), f" {signs['power']} {signs['minus']} ", "^"),
        saying(Written(r"(?<=\d)\^(?=\d)"), f" {signs['power']} ", "^"),
        saying(Written(r"(?<=\))²"), " " + signs["squared"], "²"),
        saying(Written(r"(?<=\))³"), " " + signs["cubed"], "³"),
    ]


def operation_rules(language: WordTable) -> list[Rule]:
    """Return the rules for operations; a hyphen and a slash are such only before an equals sign."""
    signs = {name: f" {language.signs[name]} " for name in ("minus", "over", "plus", "times", "equals")}
    operand, equation = r"(?=[\w(√])", r"(?=[\w.,()²³ +*/−-]{1,40}=)"
    left = r"(?<=[\d)²³])[ ]?"
    return [
        saying(Written(rf"{left}[-−–][ ]?{operand}{equation}"), signs["minus"], "="),
        saying(Written(rf"{left}/[ ]?(?=[\d(√]|[a-z]\b){equation}"), signs["over"], "="),
        saying(Written(rf"(?<=[=(+×÷/]) ?[-−](?={LETTER})"), signs["minus"], "-−"),
        saying(Written(rf"(?<=\w) − {operand}"), signs["minus"], "−"),
        saying(
            Written(
                r"(?<=\b[A-Za-z])[ ]?\+[ ]?(?=[\w(]\b)|"
                rf"(?<=[)²³])[ ]?\+[ ]?{operand}|(?<=\d)\+(?=[a-zA-Z]\b)"
            ),
            signs["plus"],
            "+",
        ),
        saying(Written(rf"(?<=\w) × {operand}"), signs["times"], "×"),
        saying(Written(rf"(?<=\w) ÷ {operand}"), signs["over"], "÷"),
        saying(
            Written(rf"(?<=[\w)²³])[ ]?=[ ]?(?=[\d(√−-])|{left}=[ ]?{operand}"),
            signs["equals"],
            "=",
        ),
    ]
