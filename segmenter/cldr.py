"""Takes what CLDR knows of each language into `words/cldr/*.json`: `python -m segmenter.cldr`.

Run by hand when a release is made: Babel, which holds CLDR, costs a process 50 ms and is needed by
nothing else. `pip install babel` first.
"""

import json
import re
import sys
from collections.abc import Mapping
from typing import Any

from segmenter.words.languages import CLDR_FOLDER, TABLES, symbols

__all__ = ["main"]


UNUSED = re.compile(
    r"-jp|-person|imperial|-metric|^rin|sun|shaku|^ken|^ri$|^cho|^sai|^koku|ofglucose|earth|solar|^x-"
)


def plain(data: Any) -> Any:
    """Return Babel's lazy tables as plain ones."""
    return {key: plain(value) for key, value in data.items()} if hasattr(data, "items") else data


def form(pattern: str) -> str:
    """Return a pattern such as `{0} kilometers` as the tables write it: see `Noun`."""
    text = pattern.replace("\u00a0", " ").replace("\u202f", " ").replace("\u200f", "")
    if text.startswith("{0}") and text.count("{0}") == 1:
        return text.removeprefix("{0}").strip()
    return text.replace("{0}", "{n}") if "{0}" in text else "=" + text


def unit_names(patterns: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """Return the forms of the units in use, by their names without CLDR's category."""
    found: dict[str, dict[str, str]] = {}
    for name, widths in patterns.items():
        short = name.partition("-")[2]
        if not UNUSED.search(short) and "other" in (long := widths.get("long", {})):
            found[short] = {count: form(pattern) for count, pattern in sorted(long.items())}
    return found


def taken(code: str) -> dict[str, Any]:
    """Return what is kept of one language."""
    from babel import Locale  # noqa: PLC0415 - of this command alone

    data = plain(Locale.parse(code)._data)  # noqa: SLF001 - Babel's own accessors leave out plurals
    names = data["currency_names_plural"]
    singular = data["currency_names"]
    calendars = (data["months"], data["days"])
    months, days = ({**kind.get("stand-alone", {}), **kind["format"]} for kind in calendars)
    return {
        "units": unit_names(data["unit_patterns"]),
        "per": data["compound_unit_patterns"]["per"]["long"]["compound"],
        "currencies": {
            name: names.get(name) or {"other": singular[name]}
            for name in symbols()["currencies"].split()
            if name in singular
        },
        "months": [months["wide"][number] for number in range(1, 13)],
        "short_months": [months["abbreviated"][number] for number in range(1, 13)],
        "days": [days["wide"][number] for number in range(7)],
        "short_days": [days["abbreviated"][number] for number in range(7)],
    }


def main() -> int:
    """Write one file a language that has a table."""
    try:
        import babel  # noqa: PLC0415 - of this command alone
    except ImportError:
        print("Babel is not installed: pip install babel", file=sys.stderr)  # noqa: T201 - a command line prints
        return 1
    CLDR_FOLDER.mkdir(exist_ok=True)
    for file in sorted(TABLES.glob("??.toml")):
        found = {"source": f"CLDR, by Babel {babel.__version__}", **taken(file.stem)}
        text = json.dumps(found, ensure_ascii=False, indent=0, sort_keys=True)
        (CLDR_FOLDER / f"{file.stem}.json").write_text(text + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
