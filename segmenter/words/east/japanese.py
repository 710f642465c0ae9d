"""What only Japanese does: eras by a letter, weekdays in brackets, addresses joined by の, H2O in English."""

import re

from segmenter.words.east.common import Style, Writer, rule
from segmenter.words.rules import Rule

__all__ = ["JAPANESE", "japanese_rules"]

JAPANESE = Style(
    to="から",
    ratio="対",
    rest="、",
    code_zero="ゼロ",
    square=("の二乗", "の二乗"),
    cube=("の三乗", "の三乗"),
    power="の{n}乗",
    per="{n}毎{per}",
    price="一{per}あたり{n}",
    each="[かヶカ]月|時間|分|秒|月|日|年|週|人|名|個|本|枚|台|回|泊|株|冊|杯|袋|箱|坪",
    percent="{n}パーセント",
    permille="{n}パーミル",
    telephone="電話|携帯|TEL|Tel|FAX|ダイヤル",
    code="番号(?=[はが：:])|(?:普通|当座)[ ]?(?=\\d{7}(?!\\d))|認証コード|暗証番号|注文番号|"
    "会員番号|予約番号|"
    "管理番号|口座番号|カード番号|追跡番号|型番|品番|パスワード|コード",
    score_before="(?:スコア|比率|比|縮尺|割合|得点)(?:は|が|を|：|:)?",
    score_after="で(?:[^。、\\d]{0,12}(?:[勝敗負破混]|下し|引き分)|の?リード|試合)|の(?:比|割合|スコア|勝|敗)",
    scales={"k": 10**3, "K": 10**3, "M": 10**6, "B": 10**9, "bn": 10**9},
)
ERAS = {"M": "明治", "T": "大正", "S": "昭和", "H": "平成", "R": "令和"}
ENGLISH = tuple(
    "ゼロ ワン ツー スリー フォー ファイブ シックス セブン エイト ナイン テン イレブン トゥエルブ".split()  # noqa: SIM905
)
NUMBERED = 10  # the last of the numbers that No. counts in English
ELEMENTS = (
    "H|He|Li|Be|B|C|N|O|F|Ne|Na|Mg|Al|Si|P|S|Cl|Ar|K|Ca|Cr|Mn|Fe|Co|Ni|Cu|Zn|Br|Ag|Sn|I|Ba|Pt|Au|Hg|Pb|U"
)
GASES = r"(?<![A-Za-z\d])(?:[HON]2|O3|Cl2)(?![A-Za-z\d.])"
RATED = "(?:評価|評点|スコア|レビュー|満足度)[はが：: ]{0,2}"  # before marks: 4.5/5
WEEKDAY = r"(?:[ ]?[(（](?P<weekday>[月火水木金土日])(?P<holiday>・?祝)?[)）])"
MONTH, DAY = r"(?P<month>1[0-2]|0?[1-9])", r"(?P<day>3[01]|[12]\d|0?[1-9])"


def english(digits: str, writer: Writer) -> str:
    """Return a small number by its English name, as in CO2 and 3D."""
    return ENGLISH[int(digits)] if int(digits) < len(ENGLISH) else writer.whole(digits)


def japanese_rules(writer: Writer) -> list[Rule]:
    """Return the rules that come first in Japanese."""
    return [*day_rules(writer), *place_rules(writer), *letter_rules(writer)]


def day_rules(writer: Writer) -> list[Rule]:
    """Return the rules for R6.4.1, S45年, 3/15(金)."""

    def era(match: re.Match[str]) -> str:
        year = ERAS[match["era"]] + writer.whole(match["year"]) + "年"
        return year + day(match) if "month" in match.re.groupindex else year

    def day(match: re.Match[str]) -> str:
        return f"{writer.whole(str(int(match['month'])))}月{writer.whole(str(int(match['day'])))}日"

    def weekday(match: re.Match[str]) -> str:
        return f"{match['weekday']}曜日" + ("祝日" if match["holiday"] else "")

    def other_day(match: re.Match[str]) -> str:
        return f"{writer.whole(match['d'])}日{weekday(match)}"

    def days(match: re.Match[str]) -> str:
        return f"{match[1]}曜から{match[2]}曜"

    letter = r"(?<![A-Za-z\d])(?P<era>[MTSHR])(?P<year>\d{1,2})"
    return [
        rule(rf"{letter}\.{MONTH}\.{DAY}(?!\d)", era),
        rule(rf"{letter}年", era),
        rule(r"'(?=\d\d年)", ""),
        rule(rf"(?<![A-Za-z\d.,:/-]){MONTH}/{DAY}{WEEKDAY}", lambda match: day(match) + weekday(match)),
        rule(rf"(?<=日){WEEKDAY}", weekday),
        rule(rf"(?<=[・、〜])(?P<d>3[01]|[12]\d|[1-9]){WEEKDAY}", other_day),
        rule(rf"(?<![A-Za-z\d.,:/-]){MONTH}/{DAY}(?=まで|から|付け?|締|開催|発売|〆)", day, "/"),
        rule(rf"(?<![A-Za-z\d.,:/-]){MONTH}/(?P<day>3[01]|1[1-9]|2\d)(?=に|は|、)", day, "/"),
        rule(
            r"(?<![一-龥])([月火水木金土日])[〜～~-]([月火水木金土日])(?=[のはがに、（( ]|\Z)", days, "〜～~-"
        ),
        rule("(?<=円)[〜～](?![\\d¥￥])", "から"),
    ]


def place_rules(writer: Writer) -> list[Rule]:
    """Return the rules for postal codes, addresses, rooms and floors."""

    def postal(match: re.Match[str]) -> str:
        return match["lead"] + writer.figures(match["a"]) + "の" + writer.figures(match["b"])

    def joined(match: re.Match[str]) -> str:
        return "の".join(writer.whole(part) for part in match[0].split("-"))

    def floor(match: re.Match[str]) -> str:
        return ("地下" if match["b"] else "") + writer.whole(match["n"]) + "階"

    return [
        rule(r"(?P<lead>郵便番号[はが：:]?[ ]?)(?P<a>\d{3})-(?P<b>\d{4})(?!\d)", postal),
        rule(r"(?<![A-Za-z\d.,:/+-])[1-9]\d{0,3}(?:-[1-9]\d{0,3}){2,3}(?![\d-])", joined),
        rule(r"(?<=丁目)[1-9]\d{0,3}-[1-9]\d{0,3}(?![\d-])", joined),
        rule(r"(?<=内線)\d{2,5}(?!\d)", lambda match: writer.figures(match[0])),
        rule(
            r"(?:(?<=ステータスが)|(?<=ステータス)|(?<=エラー)|(?<=コード)|(?<=HTTP)|(?<=HTTP ))"
            r"(?:40\d|50\d)(?!\d)",
            lambda match: writer.figures(match[0]),
            "45",
        ),
        rule(r"\d{3,4}(?=号室)", lambda match: writer.figures(match[0])),
        rule(r"(?<![A-Za-z\d])(?P<b>B)?(?P<n>\d{1,2})F(?![A-Za-z\d])", floor),
    ]


def letter_rules(writer: Writer) -> list[Rule]:
    """Return the rules for figures among letters, which Japanese says in English: H2O, 3D, No.1."""

    def english_number(match: re.Match[str]) -> str:
        return english(match[0], writer)

    def formula(match: re.Match[str]) -> str:
        return re.sub(r"\d+", english_number, match[0])

    def rated(match: re.Match[str]) -> str:
        return f"{match['lead']}{writer.whole(match['b'])}点満点の{writer.number(match['a'])}"

    def filed(match: re.Match[str]) -> str:
        return f"ナンバー{writer.figures(match['a'])}の{writer.whole(match['b'])}"

    def numbered(match: re.Match[str]) -> str:
        small = int(match["n"]) <= NUMBERED
        return "ナンバー" + (english(match["n"], writer) if small else writer.whole(match["n"]))

    elements = rf"(?<![A-Za-z\d])(?:(?:{ELEMENTS})\d{{0,2}}){{2,12}}(?![A-Za-z\d.])"
    return [
        rule(r"(?:(?<![A-Za-z])N[oO]\.?|№)[ ]?(?P<a>\d{2,8})-(?P<b>\d{1,6})(?![\d.-])", filed),
        rule(r"(?:(?<![A-Za-z])N[oO]\.?|№)[ ]?(?P<n>\d{1,4})(?![\d.])", numbered),
        rule(rf"(?P<lead>{RATED})(?P<a>\d{{1,2}}(?:\.\d)?)/(?P<b>5|10|100)(?!\d)", rated, "/"),
        rule(r"(?<![A-Za-z])M(?=\d\.\d(?!\d))", "マグニチュード"),
        rule(r"(?<![A-Za-z])[Vv]er\.?[ ]?(?=\d)", "バージョン"),
        rule(r"(?<=MP)[34](?![A-Za-z\d])", english_number),
        rule(r"(?<![A-Za-z])[Vv]ol\.[ ]?(?=\d)", "ボリューム"),
        rule(f"{elements}|{GASES}", formula),
        rule(r"(?<![A-Za-z\d])\d(?=[DG](?![A-Za-z\d]))", english_number),
        rule(r"(?<=[A-Z])[24](?=[A-Z](?![a-z]))", english_number),
    ]
