"""Figures that count nothing: telephone and card numbers, codes, and the words before them."""

import re

from segmenter.words.east.common import AFTER, Writer, rule
from segmenter.words.rules import Rule, Written

__all__ = ["code_rules"]

SHORTEST = 7  # digits of a telephone number that nothing names as one
BEFORE = r"(?<![A-Za-z\d,+-])(?<!\d[ .])"
SHAPES = (
    r"(?<![A-Za-z\d+])\+\d{1,4}(?:[ ()-]{1,2}\d{1,9}){1,6}(?!\d)|(?<![A-Za-z\d+])\+\d{7,15}(?![\d.])"
    rf"|{BEFORE}(?:[(（]0\d{{1,4}}[)）][ -]?|0\d{{1,4}}[ -])\d{{2,4}}[ -]?\d{{3,4}}{AFTER}"
    rf"|{BEFORE}0\d{{1,4}}[(（]\d{{2,4}}[)）]\d{{3,4}}{AFTER}"
    rf"|{BEFORE}[48]00-\d{{3,4}}-\d{{3,4}}{AFTER}"
    rf"|{BEFORE}\d{{3}}-\d{{3,4}}-\d{{4}}{AFTER}"
    rf"|{BEFORE}1[3-9]\d[ ]\d{{4}}[ ]\d{{4}}{AFTER}"
)
GROUPED = Written(r"(\d{3})(\d{4})(\d{4})")
CODE = r"\d{2,20}(?:[ -]\d{2,8}){0,5}"
LINK = r"[ ]?(?:号码|番号)?(?:是|为|は|が)?[：:]?[ ]?"  # between a code and the word that names it
CARD = rf"{BEFORE}\d{{4}}(?: \d{{4}}){{2,4}}(?: \d{{1,3}})?{AFTER}"
LETTERED = r"(?<![A-Za-z\d-])(?P<letters>[A-Z]{1,3})(?P<n>\d{3,8})(?![A-Za-z\d.,]|-\d)"


def code_rules(writer: Writer) -> list[Rule]:
    """Return the rules for telephone numbers, for cards and codes, for A1024."""
    return [*telephone_rules(writer), *figure_rules(writer)]


def telephone_rules(writer: Writer) -> list[Rule]:
    """Return the rules for telephone numbers, by their shape and after words such as 电话."""

    def shaped(match: re.Match[str]) -> str:
        if sum(letter.isdigit() for letter in match[0]) < SHORTEST:
            return match[0]
        return (writer.language.signs["plus"] if match[0][0] == "+" else "") + writer.telephone(match[0])

    def mobile(match: re.Match[str]) -> str:
        return writer.telephone(GROUPED.compiled.sub(r"\1-\2-\3", match[0]))

    def named(match: re.Match[str]) -> str:
        return match["lead"] + re.sub(r"\d+(?:-\d+)*", lambda number: writer.telephone(number[0]), match["n"])

    numbers = r"\d{3,12}(?:-\d{3,8}){0,3}(?:[或、和及]\d{3,8}){0,3}"
    counted = r"(?![\d.,%％]|[多余]?[次个人元部台件条円回本通万])"
    return [
        rule(SHAPES, shaped, "+-)） ("),
        rule(r"(?<![A-Za-z\d.,-])(?:1[3-9]\d{9}|0[5-9]0\d{8})(?![\d.,])", mobile),
        rule(rf"(?P<lead>(?:{writer.style.telephone}){LINK})(?P<n>{numbers}){counted}", named),
    ]


def figure_rules(writer: Writer) -> list[Rule]:
    """Return the rules for what is read figure by figure: codes, cards, 978-7-108, A1024."""
    between = {" ": writer.style.rest, "-": writer.language.signs["hyphen"]}

    def code(match: re.Match[str]) -> str:
        groups = re.split("([ -])", match["n"])
        return match["lead"] + "".join(between.get(group) or writer.figures(group) for group in groups)

    def lettered(match: re.Match[str]) -> str:
        return match["letters"] + writer.figures(match["n"])

    hyphened = rf"{BEFORE}(?<![/:])(?P<n>\d{{1,6}}(?:-\d{{1,7}}){{2,6}})(?![\d.]|-\d)"
    return [
        rule(rf"(?P<lead>(?:{writer.style.code}){LINK}[A-Za-z]{{0,5}}[ -]?)(?P<n>{CODE})(?![\d.,])", code),
        rule(rf"(?P<lead>)(?P<n>{CARD})", code, " "),
        rule(rf"(?P<lead>){hyphened}", code, "-"),
        rule(LETTERED, lettered),
    ]
