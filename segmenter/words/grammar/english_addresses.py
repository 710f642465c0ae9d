"""Streets and states as English addresses write them."""

import re

from segmenter.words import spelling
from segmenter.words.abbreviations import sentence_goes_on
from segmenter.words.grammar.english_codes import pairs
from segmenter.words.languages import WordTable
from segmenter.words.rules import Rule, Written, either

__all__ = ["address_rules"]

STREETS = {
    "St": "Street",
    "Ave": "Avenue",
    "Av": "Avenue",
    "Blvd": "Boulevard",
    "Rd": "Road",
    "Dr": "Drive",
    "Ln": "Lane",
    "Ct": "Court",
    "Pl": "Place",
    "Sq": "Square",
    "Hwy": "Highway",
    "Pkwy": "Parkway",
    "Ter": "Terrace",
    "Cir": "Circle",
}
WAYS = (
    "Street|Avenue|Boulevard|Road|Drive|Lane|Court|"
    "Place|Square|Highway|Parkway|Terrace|Way|Circle|"
    "Row|Gardens"
)
TOWARDS = {
    "N": "North",
    "S": "South",
    "E": "East",
    "W": "West",
    "NE": "Northeast",
    "NW": "Northwest",
    "SE": "Southeast",
    "SW": "Southwest",
}
STATES = {
    "AL": "Alabama",
    "AK": "Alaska",
    "AZ": "Arizona",
    "AR": "Arkansas",
    "CA": "California",
    "CO": "Colorado",
    "CT": "Connecticut",
    "DE": "Delaware",
    "FL": "Florida",
    "GA": "Georgia",
    "HI": "Hawaii",
    "ID": "Idaho",
    "IL": "Illinois",
    "IN": "Indiana",
    "IA": "Iowa",
    "KS": "Kansas",
    "KY": "Kentucky",
    "LA": "Louisiana",
    "ME": "Maine",
    "MD": "Maryland",
    "MA": "Massachusetts",
    "MI": "Michigan",
    "MN": "Minnesota",
    "MS": "Mississippi",
    "MO": "Missouri",
    "MT": "Montana",
    "NE": "Nebraska",
    "NV": "Nevada",
    "NH": "New Hampshire",
    "NJ": "New Jersey",
    "NM": "New Mexico",
    "NY": "New York",
    "NC": "North Carolina",
    "ND": "North Dakota",
    "OH": "Ohio",
    "OK": "Oklahoma",
    "OR": "Oregon",
    "PA": "Pennsylvania",
    "RI": "Rhode Island",
    "SC": "South Carolina",
    "SD": "South Dakota",
    "TN": "Tennessee",
    "TX": "Texas",
    "UT": "Utah",
    "VT": "Vermont",
    "VA": "Virginia",
    "WA": "Washington",
    "WV": "West Virginia",
    "WI": "Wisconsin",
    "WY": "Wyoming",
    "DC": "DC",
}
SHORT_STATES = {
    "Ala.": "Alabama",
    "Ariz.": "Arizona",
    "Ark.": "Arkansas",
    "Calif.": "California",
    "Colo.": "Colorado",
    "Conn.": "Connecticut",
    "Del.": "Delaware",
    "Fla.": "Florida",
    "Ga.": "Georgia",
    "Ill.": "Illinois",
    "Ind.": "Indiana",
    "Kan.": "Kansas",
    "Ky.": "Kentucky",
    "La.": "Louisiana",
    "Md.": "Maryland",
    "Mass.": "Massachusetts",
    "Mich.": "Michigan",
    "Minn.": "Minnesota",
    "Miss.": "Mississippi",
    "Mo.": "Missouri",
    "Mont.": "Montana",
    "Neb.": "Nebraska",
    "Nev.": "Nevada",
    "N.H.": "New Hampshire",
    "N.J.": "New Jersey",
    "N.M.": "New Mexico",
    "N.Y.": "New York",
    "N.C.": "North Carolina",
    "N.D.": "North Dakota",
    "Okla.": "Oklahoma",
    "Ore.": "Oregon",
    "Pa.": "Pennsylvania",
    "R.I.": "Rhode Island",
    "S.C.": "South Carolina",
    "S.D.": "South Dakota",
    "Tenn.": "Tennessee",
    "Tex.": "Texas",
    "Vt.": "Vermont",
    "Va.": "Virginia",
    "Wash.": "Washington",
    "W.Va.": "West Virginia",
    "Wis.": "Wisconsin",
    "Wyo.": "Wyoming",
}
CITY = r"(?<=[a-z.], )"
DIRECTION = r"NE|NW|SE|SW|[NSEW]"
NAME = r"(?:[A-Z][\w'’]{1,20}|\d{1,3}(?:st|nd|rd|th))"


def address_rules(language: WordTable) -> list[Rule]:
    """Return the rules for numbers of houses, kinds of streets, states and their codes."""
    kinds = either(STREETS)
    house = Written(
        rf"(?<![\w.,$€£:/-])(?P<no>No\. )?(?P<n>\d{{1,5}})(?P<letter>[A-Z])? (?:(?P<to>{DIRECTION})\.? )?"
        rf"(?P<name>{NAME}(?: {NAME}){{0,2}}) (?P<kind>"
        rf"(?:{kinds})\b\.?|(?:{WAYS})\b)(?: (?P<post>{DIRECTION})"
        rf"\b\.?)?"
    )
    street = Written(rf"(?P<name>(?<!\w){NAME}) (?P<kind>{kinds})\b\.?(?=[,;)])")
    ways = Written(
        rf"(?P<name>(?<!\w){NAME}) (?P<kind>Ave|Blvd|Rd|"
        rf"Hwy|Pkwy|(?<=(?:st|nd|rd|th) )St)\b(?:\.(?=[ "
        rf"]?[,;:)a-z])|(?!\.))"
    )
    state = Written(rf"{CITY}(?P<s>[A-Z]{{2}}) (?P<zip>\d{{5}})(?:-(?P<more>\d{{4}}))?(?![\w-])")
    bare = Written(
        rf"{CITY}(?P<s>{either(set(STATES) - {'OK', 'IN', 'OR', 'ME', 'HI', 'DC'})})(?=[,.;)]|\Z| [a-z])"
    )
    short = Written(rf"{CITY}(?P<s>{either(SHORT_STATES)})(?!\w)")

    def housed(match: re.Match[str]) -> str:
        parts = [
            "number" if match["no"] else "",
            pairs(language, match["n"]),
            match["letter"],
            TOWARDS.get(match["to"] or ""),
        ]
        parts += [match["name"], kind(match), TOWARDS.get(match["post"] or "")]
        return " ".join(part for part in parts if part) + kept_stop(match)

    def coded(match: re.Match[str]) -> str:
        if match["s"] not in STATES:
            return match[0]
        more = ", " + spelling.digit_by_digit(language, match["more"]) if match["more"] else ""
        return f"{STATES[match['s']]} {spelling.digit_by_digit(language, match['zip'])}{more}"

    return [
        Rule(house, housed),
        Rule(street, lambda m: f"{m['name']} {STREETS[m['kind']]}", set(STREETS)),
        Rule(ways, lambda m: f"{m['name']} {STREETS[m['kind']]}", {"Ave", "Blvd", "Rd", "Hwy", "Pkwy", "St"}),
        Rule(state, coded, ","),
        Rule(bare, lambda m: STATES[m["s"]], set(STATES)),
        Rule(short, lambda m: SHORT_STATES[m["s"]] + kept_stop(m), ","),
    ]


def kind(match: re.Match[str]) -> str:
    """Return the kind of a street in full."""
    written: str = match["kind"].rstrip(".")
    return STREETS.get(written, written)


def kept_stop(match: re.Match[str]) -> str:
    """Return the stop of an abbreviation where it ends its sentence too."""
    is_end = match[0].endswith(".") and not sentence_goes_on(match.string, match.end())
    return "." if is_end else ""
