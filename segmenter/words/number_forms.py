"""Figures that are not plain numbers: powers, telephone numbers, versions, ordinals, fractions."""

import re

from segmenter.words import spelling
from segmenter.words.languages import WordTable
from segmenter.words.quantities import Number, written_number
from segmenter.words.rules import Rule, Written, either

__all__ = [
    "VULGAR",
    "account_rule",
    "coded_rule",
    "fraction_rules",
    "numbered_rule",
    "ordinal_rules",
    "power_rule",
    "telephone_rule",
    "version_rule",
]

VULGAR = "½⅓⅔¼¾"
TELEPHONE = Written(  # it begins with one set of characters, so that the search skips all others fast
    r"[+(\d](?:(?<=\+)(?<![\w+].)(?:\d{1,4}(?:(?:[ ()/-]{1,2}|\.(?=\d{2}))\d{1,9}){1,6}|\d{7,15})(?!\d)"
    r"|(?<![\w.].)(?:(?<=1)[-. ]\(?\d{3}|(?<=\()\d{3}|(?<=\d)\d{2})\)?[-. ]\d{3}[-.]\d{4}(?![\w-])"
    r"|(?<=0)(?<![\w.,:/-].)(?<!\d[ \u00a0].)\d{1,4}(?:(?:[ ]?/[ ]?|[ -])\d{2,8}){1,5}(?:-\d)?(?![\w-])"
    r"|(?<=\()(?<!\w.)0\d{1,4}\)[ ]?\d{2,8}(?:[ -]\d{2,5}){0,4}(?![\w-])"
    r"|(?<=\d)(?<![\w.,-].)\d{0,4}(?:-\d{1,7}){3,6}(?![\w-])"
    r"|(?<=\d)(?<![\w.,].)\d{3}(?: \d{4}){2,4}(?!\w))"
)
SHORTEST = 6  # digits that a telephone number has at least
IBAN = Written(r"(?<!\w)(?P<c>[A-Z]{2})(?P<n>\d{2}(?: ?[A-Z0-9]{4}){3,7}(?: ?[A-Z0-9]{1,4})?)(?!\w)")
VERSION = Written(
    r"(?<![\w.])(?P<v>[vV])?(?P<n>\d{1,9}(?:\.\d{1,9}){1,7})(?![\d]|\.\d|[ \u00a0]?%)"
    r"(?P<rest>-?(?:[a-z]{1,6}|(?:alpha|beta|preview|snapshot)\.?)\.?\d{1,4}\b)?"
)
POWER = Written(
    r"(?<![\w.])(?P<a>\d{1,15}(?:\.\d{1,15})?)(?:[eE]\+?|[ \u00a0]?[×x][ \u00a0]?10\^)(?P<b>-?\d{1,9})(?!\w)"
    r"(?:[ \u00a0](?P<unit>[^\W\d_]{1,4}(?:/[^\W\d_]{1,2})?[²³]?)(?!\w))?"
)
SLASHED = Written(
    r"(?<![\w/.,:-])(?:(?P<whole>\d{1,3})[ \u00a0])?(?P<a>\d{1,3})/(?P<b>\d{1,3})(?![\w/]|[.,]\d)"
)


def telephone_rule(language: WordTable) -> Rule:
    """Return the rule for telephone and card numbers: digit by digit, a rest between groups."""

    def spelled(match: re.Match[str]) -> str:
        if sum(map(str.isdigit, match[0])) < SHORTEST:
            return match[0]
        groups = [spelling.digit_by_digit(language, group) for group in re.findall(r"\d+", match[0])]
        plus = language.signs["plus"] + " " if match[0].startswith("+") else ""
        return plus + ", ".join(groups)

    return Rule(TELEPHONE, spelled)


def account_rule(language: WordTable) -> Rule:
    """Return the rule for an IBAN: its letters as they are, its digits by their groups."""

    def spelled(match: re.Match[str]) -> str:
        groups = match["n"].split() if " " in match["n"] else re.findall(".{1,4}", match["n"])
        return match["c"] + " " + ", ".join(read(group) for group in groups)

    def read(group: str) -> str:
        parts = re.findall(r"[A-Z]+|\d+", group)
        return " ".join(spelling.digit_by_digit(language, part) if part.isdigit() else part for part in parts)

    return Rule(IBAN, spelled)


def numbered_rule(language: WordTable) -> Rule:
    """Return the rule for what carries a number in groups: invoice no. 2024-117, digit by digit."""
    names = either(name for name, meaning in language.before.items() if meaning == language.signs["number"])
    pattern = Written(
        rf"(?P<lead>(?<!\w)(?:{names}|[#№])[ \u00a0]?)(?P<n>\d{{2,8}}(?:[-/]\d{{2,8}}){{1,3}})(?![\w/-])"
    )

    def spelled(match: re.Match[str]) -> str:
        groups = re.split("[-/]", match["n"])
        return (
            match["lead"].rstrip()
            + " "
            + ", ".join(spelling.digit_by_digit(language, group) for group in groups)
        )

    def worded(match: re.Match[str]) -> str:
        return language.signs["number"] + " " + spelled(match).removeprefix(match["lead"].rstrip() + " ")

    return Rule(pattern, worded, "-/")


def coded_rule(language: WordTable) -> Rule:
    """Return the rule for a long number after capitals and a hyphen: RE-20240517, digit by digit."""
    return Rule(
        Written(r"(?<![\w-])(?P<c>[A-ZА-ЯЁÄÖÜ]{1,5})-(?P<n>\d{4,12})(?![\w-])"),
        lambda match: f"{match['c']} {spelling.digit_by_digit(language, match['n'])}",
        "-",
    )


def version_rule(language: WordTable) -> Rule:
    """Return the rule for v2.0, 1.2.3 and 192.168.0.1; other numbers are left alone."""
    number = Written(written_number(language))

    def spelled(match: re.Match[str]) -> str:
        written = match["n"]
        if re.fullmatch(r"[1-9]\d{0,2}(?:\.\d{3}){2,}", written) and not match["v"] and not match["rest"]:
            return spelling.cardinal(language, written.replace(".", ""))
        is_number = number.compiled.fullmatch(written) and not match["v"]
        if is_number or (written.count(".") < 2 and not match["v"] and language.decimal == "."):
            return match[0]
        parts = [spelling.cardinal(language, part) for part in written.split(".")]
        is_address = len(parts) == 4 and not match["v"]
        dot = language.signs["dot" if is_address or language.decimal == "," else "point"]
        name = language.signs.get("version", "") + " " if match["v"] else ""
        if match.string[: match.start()].rstrip().lower().endswith(name.strip().lower()):
            name = ""
        return (
            name
            + f" {dot} ".join(parts)
            + (" " + match["rest"].lstrip("-").replace(".", " ") if match["rest"] else "")
        )

    return Rule(VERSION, spelled, ".")


def power_rule(language: WordTable) -> Rule:
    """Return the rule for 1.5e10 and 6×10^23."""
    signs = language.signs

    def spelled(match: re.Match[str]) -> str:
        whole, _, fraction = match["a"].partition(".")
        base = Number(whole, language.decimal if fraction else "", fraction).spelled(language)
        exponent = spelling.cardinal(language, match["b"].lstrip("-").lstrip("0") or "0")
        sign = signs["minus"] + language.space if match["b"].startswith("-") else ""
        ten = spelling.cardinal(language, "10")
        noun = language.units.get(match["unit"] or "")
        unit = [language.noun(noun, 100)] if noun else [match["unit"]] if match["unit"] else []
        return language.space.join([base, signs["times"], ten, signs["power"], sign + exponent, *unit])

    return Rule(POWER, spelled, "eE^")


def ordinal_rules(language: WordTable) -> list[Rule]:
    """Return the rules for ordinals: by their ending, by a stop before certain nouns, of years."""
    groups = language.groups.strip() or ","
    digits = rf"(?<![\w.,])(?P<n>\d{{1,3}}(?:[{groups}]\d{{3}}){{1,4}}|\d{{1,15}})"

    def ending(match: re.Match[str]) -> str:
        return by_rule(match, language.ordinals[match["end"]])

    def by_rule(match: re.Match[str], rule: str) -> str:
        return spelling.ordinal(language, re.sub(r"\D", "", match["n"]), rule) or match[0]

    def before_noun(match: re.Match[str]) -> str:
        lead = match["lead"] or ""
        is_oblique = re.fullmatch(language.date.get("oblique", "(?!)"), lead.strip(), re.IGNORECASE)
        return lead + by_rule(match, language.rules["oblique" if is_oblique else "ordinal"])

    def of_year(match: re.Match[str]) -> str:
        return by_rule(match, language.years[match["noun"]])

    found = []
    if language.ordinals:
        needs = {name if name.isascii() and name.isalpha() else name[-1] for name in language.ordinals}
        found.append(Rule(Written(rf"{digits}(?P<end>{either(language.ordinals)})(?!\w)"), ending, needs))
    if nouns := language.date.get("words"):
        lead = r"(?P<lead>(?<!\w)\w{1,5}[ \u00a0])?"
        pattern = rf"{lead}(?P<n>\d{{1,3}})\.(?=[ \u00a0](?:{nouns})(?!\w))"
        found.append(Rule(Written(pattern), before_noun, "."))
    if language.years:
        pattern = rf"(?<![\w.,])(?P<n>\d{{3,4}})(?=[ \u00a0](?P<noun>{either(language.years)})(?!\w))"
        found.append(Rule(Written(pattern), of_year, language.years))
    return found


def fraction_rules(language: WordTable) -> list[Rule]:
    """Return the rules for ½ and 1/2, and for numbers with them."""
    known = dict(zip(("1/2", "1/3", "2/3", "1/4", "3/4"), language.fractions, strict=True))
    names = dict(zip(VULGAR, language.fractions, strict=True))
    signs = language.signs

    def joined(whole: str | None, fraction: str) -> str:
        if not whole:
            return fraction
        if fraction == language.fractions[0] and "half" in signs:
            return signs["half"].replace("{n}", spelling.cardinal(language, whole))
        return language.space.join([spelling.cardinal(language, whole), signs["and"], fraction])

    def slashed(match: re.Match[str]) -> str:
        above, below = match["a"], match["b"]
        name = known.get(f"{above}/{below}") or parted(language, int(above), int(below))
        return joined(match["whole"], name)

    def vulgar(match: re.Match[str]) -> str:
        lead = " " if match[0].startswith((" ", "\u00a0")) and not match["whole"] else ""
        return lead + joined(match["whole"], names[match["f"]])

    def raised(match: re.Match[str]) -> str:
        minus = signs["minus"] + " " if match["minus"] else ""
        return f" {signs['power']} {minus}"

    return [
        Rule(Written(rf"(?P<whole>(?<!\d)\d{{1,15}})?[ \u00a0]?(?P<f>[{VULGAR}])"), vulgar, VULGAR),
        Rule(SLASHED, slashed, "/"),
        Rule(Written(r"(?<=\d)/(?=\d)"), lambda _: " ", "/"),
        Rule(Written(r"(?<=\w)\^(?P<minus>-?)(?=\d)"), raised, "^"),
        Rule(Written(r"(?<=\w)²"), lambda _: " " + signs["squared"], "²"),
        Rule(Written(r"(?<=\w)³"), lambda _: " " + signs["cubed"], "³"),
    ]


def parted(language: WordTable, above: int, below: int) -> str:
    """Return a fraction that has no name of its own."""
    first = spelling.cardinal(language, str(above))
    if language.code == "en" and above < below and (below <= 10 or below in {12, 16, 32, 64, 100, 1000}):
        part = spelling.ordinal(language, str(below)) or ""
        return f"{first} {part}{'' if above == 1 else 's'}"
    last = spelling.cardinal(language, str(below))
    over = language.signs["over"] if above < below and language.code != "en" else ""
    return f"{first} {over} {last}".replace("  ", " ")
