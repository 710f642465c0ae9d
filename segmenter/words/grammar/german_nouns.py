"""The likely gender of a German noun: by its last part, which decides in a compound, or by its ending."""

import re

from segmenter.words.rules import Written

__all__ = ["gender"]

MEN = frozenset(  # which an ending would make feminine or neuter
    "Käse Name Junge Löwe Affe Buchstabe Gedanke Wille Hase Kunde Deutsche Kollege Zeuge Biologe".split()  # noqa: SIM905
)
FEMININE = (  # last parts of feminine nouns that no ending shows
    "mark|prise|dose|zwiebel|kartoffel|nudel|muskel|regel|schachtel|schüssel|tafel|gabel|wurzel|insel|kugel|formel|"
    "klingel|fackel|schaufel|nadel|ampel|fabel|vokabel|orgel|feder|mauer|leiter|butter|nummer|kammer|steuer|feier|"
    "mutter|schwester|tochter|oper|faser|schulter|ziffer|hand|wand|bank|nuss|kuh|maus|gans|braut|haut|faust|brust|"
    "luft|kunst|macht|nacht|schlacht|fracht|sicht|schicht|pflicht|schrift|frist|wurst|angst|burg|tür|uhr|"
    "zahl|wahl|form|norm|uni|frau|stadt|saat|naht|fahrt|ankunft|zukunft|kraft|arbeit|zeit|welt|antwort|"
    "gewalt|gegend|tugend|jugend|person|million|milliarde|box|mail|cd|dvd|sms|saison|mannschaft|hälfte|liga|"
    "klasse|paprika|aubergine|zucchini|avocado|kiwi|mango|pizza|pasta|sauna|kamera|firma|couch|kur|figur|kultur|"
    "natur|temperatur|einheit|heirat|heimat|geburt|gefahr|schuld|geduld|hüfte|milch|mehrheit|ration|schnur|spur|tour|wg"
)
NEUTER = (
    "kind|jahr|mal|spiel|buch|kapitel|jahrhundert|haus|semester|quartal|album|bild|zimmer|kilo|glas|pfund|stück|"
    "programm|prozent|gramm|(?<!ant)wort|tier|land|viertel|drittel|leben|team|brot|blatt|dorf|tuch|pferd|huhn|schwein|schaf|"
    "auto|foto|video|radio|kino|sofa|büro|konto|café|ticket|paket|fenster|messer|wasser|feuer|lager|muster|kloster|"
    "theater|opfer|ufer|alter|leder|pflaster|bett|hemd|kleid|schild|feld|geld|gold|silber|licht|gesicht|gewicht|"
    "gericht|gedicht|netz|herz|schloss|fass|gras|boot|brett|rad|bad|bier|paar|haar|meer|heer|ohr|rohr|bein|papier|"
    "klavier|turnier|prinzip|ziel|glück|werk|volk|kraut|öl|mehl|salz|filet|kotelett|steak|tablett|ballett|hotel|"
    "restaurant|gerät|gebäude|gebiet|gebot|gesetz|geschäft|geschenk|getränk|gemüse|gewürz|ende|auge|interesse|"
    "hähnchen|würstchen|brötchen|päckchen|angebot|projekt|objekt|produkt|institut|unternehmen|treffen|essen|"
    "training|meeting|holz|metall|material|signal|lokal|regal|ideal|original|festival|krankenhaus|museum|zentrum"
)
WOMEN = Written(
    rf"(?:bar|post|sau|app|axt|tat|art|\w*(?:{FEMININE})|\w*(?:[bdfghklmnprstvwxz]erei|[lt]ei|zei|ung|heit|keit|schaft|ion|tät|ik|ur|e))$",
    re.IGNORECASE,
)
THINGS = Written(
    rf"(?:ei|tor|eigentor|los|gas|stadion|\w*(?:{NEUTER})|\w*(?:chen|lein|um|ment|tum|nis))$", re.IGNORECASE
)


def gender(word: str) -> str:
    """Return "m", "f" or "n" for a noun."""
    if word in MEN:
        return "m"
    return "n" if THINGS.compiled.match(word) else "f" if WOMEN.compiled.match(word) else "m"
