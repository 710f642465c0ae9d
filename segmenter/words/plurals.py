"""Which form of a noun a count takes: CLDR's rules for cardinals (Unicode TR 35, part 3)."""

from collections.abc import Mapping

__all__ = ["plural_form", "plural_forms"]

CATEGORIES: Mapping[str, tuple[str, ...]] = {  # CLDR's names of the forms, by a table's `plural`
    "none": ("other",),
    "one": ("one", "other"),
    "zero-one": ("one", "other"),
    "ru": ("one", "few", "many"),
    "pl": ("one", "few", "many", "other"),
    "ar": ("one", "two", "few", "many", "other"),
    "he": ("one", "two", "other"),
}


def plural_forms(rule: str, forms: Mapping[str, str]) -> tuple[str, ...]:
    """Return CLDR's forms of a noun in the order in which `plural_form` counts them."""
    return tuple(forms.get(category, forms["other"]) for category in CATEGORIES[rule])


def plural_form(rule: str, number: int | None) -> int:
    """Return which form a count takes; None is a number with decimals."""
    if rule == "none":
        return 0
    if number is None:
        return {"pl": 3, "ar": 4, "he": 2}.get(rule, 1)
    if rule == "ar":
        return arabic_form(number)
    if rule in {"ru", "pl"}:
        return slavic_form(rule, number)
    singular = (0, 1) if rule == "zero-one" else (1,)
    if rule == "he":
        return 0 if number == 1 else 1 if number == 2 else 2
    return 0 if number in singular else 1


def slavic_form(rule: str, number: int) -> int:
    """Return 0, 1 or 2: one, a few, many."""
    tens, ones = number % 100, number % 10
    if ones == 1 and tens != 11 and (rule == "ru" or number == 1):
        return 0
    return 1 if ones in {2, 3, 4} and tens not in {12, 13, 14} else 2


def arabic_form(number: int) -> int:
    """Return 0 to 4: one, two, a few, eleven and more, round hundreds."""
    if number in {1, 2}:
        return number - 1
    tens = number % 100
    return 2 if 3 <= tens <= 10 else 3 if tens >= 11 else 4
