"""What only Chinese does: years digit by digit, 两, 幺, eras, decades."""

import re

from segmenter.words.east.common import SEPARATOR, Style, Writer, rule
from segmenter.words.rules import Rule

__all__ = ["CHINESE", "chinese_rules"]

ERAS = (
    "洪武|永乐|万历|崇祯|顺治|康熙|雍正|乾隆|嘉庆|道光|咸丰|同治|光绪|宣统|贞观|开元|天宝|民国|昭和|平成|令和"
    "|大正|明治"
)
MEASURES = (
    "个|位|只|本|次|天|年(?!级)|件|张|条|台|种|名|块|元|公里|千米|米|厘米|毫米|公斤|千克|克|斤|吨|升|毫升|小时|分钟|秒|周|星期"
    "|倍|岁|家|座|辆|架|艘|部|套|双|对|把|支|枝|片|份|股|间|所|项|场|届|轮|场|句|首|篇|杯|瓶|碗|盒|箱|袋|包|棵|朵|匹"
    "|头|人|点(?!\\d)|点\\d\\d?分|点半|百|千|万|亿|代人|米|英寸|英里|英尺|平方|立方|勺|茶匙|汤匙|口|趟|遍|步|票|室(?=\\d)|厅(?!堂)|欧元|美元|日元|英镑|港元"
)
CHINESE = Style(
    to="到",
    ratio="比",
    rest="、",
    square=("平方", "的平方"),
    cube=("立方", "的立方"),
    power="的{n}次方",
    per="每{per}{n}",
    price="每{per}{n}",
    each=(
        "个?月|片|粒|颗|包|天|日|年|小时|分钟|分(?![之钟])|秒|周|季度?|人|位|公?斤|千克|吨|克|个|只|股|次|晚|平方?米|平|升|桶|盎司|瓶|盒|份|件|张|台|度"
    ),
    percent="百分之{n}",
    permille="千分之{n}",
    telephone="电话|手机|热线|拨打|致电|座机|客服|报警|传真|TEL|Tel",
    code=(
        "验证码|校验码|取件码|提取码|核销码|邀请码|邮编|邮政编码|订单|单号|编号|密码|口令|尾号|卡号|账号|帐号|身份证|学号|工号|车牌|代码|QQ|流水号"
        "|端口|发票|合同号|型号|编码|序列号|房号|航班|车次|微信号|银行卡|ISO|GB/T|国标"
    ),
    score_before="(?:比分|比例尺?|比率|配比)[是为：:]?|(?<=[以按])",
    score_after=(
        "(?:的(?:比分|比例|比率|成绩|总分))|[险完大轻小]?[战击力]?[胜败克]|战平|逼平|获胜|取胜|领先|落后|不敌|逆转|赢|输|负|平|混合"
    ),
    pair=rf"(?:{MEASURES})(?!线|号|楼|路|班)",
    plain_two=rf"第|周|星期|初|高|大|{ERAS}|农历|月|十|小数",
    two="两",
    telephone_one="幺",
    scales={"k": 10**3, "K": 10**3, "M": 10**6, "B": 10**9, "bn": 10**9},
)


def chinese_rules(writer: Writer) -> list[Rule]:
    """Return the rules that come first in Chinese."""
    return [*day_rules(writer), *year_rules(writer), *figure_rules(writer), *place_rules(writer)]


def day_rules(writer: Writer) -> list[Rule]:
    """Return the rules for 11/30 where words make a day of it, and for 9·11."""

    def day(match: re.Match[str]) -> str:
        return f"{match['lead']}{writer.whole(str(int(match['m'])))}月{writer.whole(str(int(match['d'])))}日"

    slashed = r"(?<![\d/.])(?P<m>1[0-2]|0?[1-9])/(?P<d>3[01]|[12]\d|0?[1-9])(?![\d/]|\.\d)"
    return [
        rule(rf"(?P<lead>截止到?|截至|日期[：:]?|生日[是为：:]?|定于|自){slashed}", day, "/"),
        rule(rf"(?P<lead>){slashed}(?=之?前|止|起|截止|当天|晚上?|上午|下午)", day, "/"),
        rule(
            r"(?<!\d)\d{1,2}[·•]\d{1,2}(?=[\"”]|事件|事变|地震|惨案|运动|起义|空难)", writer.each_digit, "·•"
        ),
    ]


def year_rules(writer: Writer) -> list[Rule]:
    """Return the rules for years, which are read digit by digit, and for 80后."""
    named = "财年|赛季|奥运会|世界杯|欧洲杯|亚运会|冬奥会"
    return [
        rule(rf"(?<![\d.])\d{{4}}(?={named})", writer.each_digit),
        rule(r"(?<=《)\d{4}(?=》)", writer.each_digit, "《"),
        rule(r"(?<=公元|元前)\d{3,4}(?=年)", writer.each_digit, "年"),
        rule(r"(?<![\d.,约近过有达])(?:1\d|20)\d\d(?=年(?!前|的?历史))", writer.each_digit, "年"),
        rule(r"(?<![\d.,])(?:1\d|20)(?!00)\d\d(?=年)", writer.each_digit, "年"),
        rule(r"(?<![\d.,])0\d(?=年)", writer.each_digit, "年"),
        rule(r"(?<![\d.,:第])\d[05](?=后(?![天来]|年内))", writer.each_digit, "后"),
        rule(rf"(?<=\d)年{SEPARATOR}(?=\d)", "年到", "年"),
    ]


def figure_rules(writer: Writer) -> list[Rule]:
    """Return the rules for 2、3天, 1米75, blood pressure, 5 vs 3 and No.5."""

    def about(match: re.Match[str]) -> str:
        first, last = int(match["a"]), int(match["b"])
        return writer.counting(match["a"]) + writer.whole(match["b"]) if last == first + 1 else match[0]

    def height(match: re.Match[str]) -> str:
        return writer.counting(match["m"]) + "米" + writer.digits(match["n"])

    def pressure(match: re.Match[str]) -> str:
        return match["lead"] + writer.whole(match["a"]) + "、" + writer.whole(match["b"])

    return [
        rule(rf"(?<![\d.,第、])(?P<a>[1-8])、(?P<b>[2-9])(?=[十百千万]?(?:{MEASURES}))", about, "、"),
        rule(r"(?<![\d.])(?P<m>[12])米(?P<n>\d\d)(?![\d.秒分])", height, "米"),
        rule(r"(?<=血压)(?P<lead>[为是：: ]{0,2})(?P<a>\d{2,3})/(?P<b>\d{2,3})", pressure, "/"),
        rule(r"(?:(?<![A-Za-z])N[oO]\.?|№|(?<![A-Za-z\d])#)[ ]?(?=\d)", "第", "N№#"),
        rule(r"(?<=\d)[ ]?vs\.?[ ]?(?=\d)", "对", "v"),
    ]


def place_rules(writer: Writer) -> list[Rule]:
    """Return the rules for rooms, floors, house numbers and extensions."""

    def storey(match: re.Match[str]) -> str:
        return f"{writer.whole(match['a'])}层，共{writer.whole(match['b'])}层"

    def floor(match: re.Match[str]) -> str:
        return writer.whole(match[0][:-1]) + "楼"

    return [
        rule(r"\d{3,4}(?=[室房]|包厢|包间)", writer.each_digit, "室房包"),
        rule(r"(?<![A-Za-z\d])\d{1,2}F(?![A-Za-z\d])", floor, "F"),
        rule(r"(?<=[路街道巷弄])\d{4,5}(?=号)", writer.each_digit, "号"),
        rule(r"\d{2,5}(?=号?端口)", writer.each_digit, "端"),
        rule(
            r"(?<![A-Za-z\d._-])(?:1008[056]|100[01]0|12306|12315|955\d\d)(?![\d.]|[个元人次条件台转])",
            lambda match: writer.telephone(match[0]),
            "19",
        ),
        rule(
            r"(?<=[京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼][A-Z])[·•]?\d{5}(?!\d)",
            writer.each_digit,
            "·•0123456789",
        ),
        rule(r"\d{3,4}(?=会议室|教室|阶梯教室|展厅)", writer.each_digit, "室厅"),
        rule(r"(?<=[\"“])\d{3}(?=[\"”](?:项目|工程|部队|航班|路|次列车|房间|会议))", writer.each_digit, '"“'),
        rule(
            r"(?:(?<=返回)|(?<=状态码)|(?<=错误码)|(?<=错误)|(?<=报了)|(?<=HTTP)|(?<=HTTP ))"
            r"(?:40\d|50\d)(?!\d)",
            writer.each_digit,
            "45",
        ),
        rule(r"(?<!\d)(?:19|20)\d\d(?=款|级(?:本科|新生|学生|校友)|版(?!本))", writer.each_digit, "款级版"),
        rule(r"\d\.\d(?=折)", writer.each_digit, "折"),
        rule(r"(?<![\d/.])(?P<a>\d{1,2})/(?P<b>\d{1,2})[层楼](?!\d)", storey, "/"),
        rule(r"(?<=转)\d{3,5}(?!\d)", writer.each_digit, "转"),
        rule(r"(?<=\d)#(?=[楼栋幢厅机])", "号", "#"),
    ]
