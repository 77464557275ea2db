"""What the columns of a doctor's spreadsheet are, from their headings, Chinese or English."""

from __future__ import annotations

import re
from typing import Literal

from evidence_lib.data.values import half_width

Role = Literal["personal", "id", "birth", "arm", "time", "status", "start", "end", "death", "other"]

ENDPOINTS = {
    "OS": "Overall survival",
    "PFS": "Progression-free survival",
    "DFS": "Disease-free survival",
    "RFS": "Relapse-free survival",
    "EFS": "Event-free survival",
}
CHINESE_ENDPOINTS = {"总生存": "OS", "无进展生存": "PFS", "无病生存": "DFS", "无复发生存": "RFS", "无事件生存": "EFS"}
UNITS = {
    "days": r"天数?|日|days?|d",
    "weeks": r"周数?|weeks?|wks?|w",
    "months": r"个?月数?|months?|mos?|m",
    "years": r"年数?|years?|yrs?|y",
}
SHORT_UNITS = ("d", "w", "m", "y", "日", "mos?")  # only after a sign: "(m)" is months, the m of "histogram" is not
_CODE = "(" + "|".join([*ENDPOINTS, *CHINESE_ENDPOINTS]).lower() + ")?"
_DATE = "(日期|时间|日|date|dt)?"

# Each pattern matches a whole heading in lower case, without spaces, signs and unit.
PATTERNS: dict[Role, str] = {
    "personal": (
        r"(患者|病人)?姓名?|名字|.*(身份证|证件号|手机|电话|联系方式|联系人|住址|地址|邮箱|微信|家属|医生|医师|护士|签名|社保|医保).*"
        r"|(patient|full|first|last|sur|given|family)?names?|initials|.*(phone|mobile|email|address|passport|ssn).*"
        r"|tel|telephone|idcard|idnumber|doctor|physician|surgeon|postcode|zipcode|zip"
    ),
    "id": (
        r".*(编号|号码?|序号|流水号|患者id|病人id)|受试者|id|.*(patient|subject|record|case|hospital)(id|no|number|code)"
        r"|patid|pid|subjid|usubjid|subject|mrn|no|number|rownames|index|unnamed0|studyid"
    ),
    "birth": r"(出生|生日).*|birth.*|dob|dateofbirth|brthdt.*",
    "arm": (
        r"治疗(分?组别?|方案|方式|措施)?|分组|组别|组|方案|用药(方案)?|药物|干预(措施|组)?|处理组?|随机分组|试验分组|研究组别"
        r"|arm|group|treatment|trt|treat|therapy|rx|trtp|trt01p|treatment(arm|group)|studyarm|regimen|drug|horth|hormon"
    ),
    "death": r"死亡(日期|时间|日)|dateofdeath|death(date|dt)|dod|dthdt",
    "end": (
        rf"(末次|最后|最近)(随访|联系|复查|访视){_DATE}|随访(日期|截止日期|终点日期|结束日期)|截止日期|结束日期|终点日期"
        r"|(dateof)?last(followup|fu|contact|visit|seen|known|alive)(date|dt)?|fu(date|dt)|followupdate|enddate|enddt"
    ),
    "start": (
        rf"(入组|入选|入院|开始|起始|治疗开始|开始治疗|首次(用药|给药|治疗)|手术|确诊|诊断|随机化?|基线|用药){_DATE}"
        r"|(dateof)?(start|enrol(l)?ment|enrol(l)?ed|randomi[sz]ation|rand|baseline|diagnosis|dx|surgery|entry|inclusion"
        r"|admission|treatmentstart|index)(date|dt)?"
    ),
    "status": (
        rf"{_CODE}(状态|结局|事件|event|status|evt|censor|censored|cens|cnsr)|(生存|随访|最终|临床|存活|患者)(状态|结局)"
        r"|是否(死亡|存活|复发|进展|删失|发生事件)|死亡|死亡状态|转归|预后|复发|删失|outcome|dead|death|died|deceased|alive"
        r"|vitalstatus|censoring|iscensored|fustat|eventstatus|fstat|delta|relapse|relapsed|recurrence|progression"
    ),
    "time": (
        rf"{_CODE}(时间|期|time|t)|(os|pfs|dfs|rfs|efs)|生存(时间|期)?|存活(时间|期)?|随访(时间|期|时长)?|观察(时间|期)"
        r"|survtime|survivaltime|survival|followup|followuptime|futime|futimes?|stime|timetoevent|tte|duration|ttime|fu"
    ),
}
ROLE_ORDER: tuple[Role, ...] = ("personal", "id", "birth", "arm", "death", "end", "start", "status", "time")
CENSORING_HEADINGS = re.compile(r".*(删失|censor|cnsr).*")
ALIVE_HEADINGS = re.compile(r"alive|是否存活")


def role_of(heading: str) -> Role:
    """The role of a column by its heading; ``other`` for everything that is not recognised."""
    base, unit = split_unit(heading)
    for role in ROLE_ORDER:
        if re.fullmatch(PATTERNS[role], base):
            return role
    return "time" if unit is not None and base == "" else "other"


def split_unit(heading: str) -> tuple[str, str | None]:
    """The heading in lower case without spaces, signs and unit; and the unit of time it ends with, or None.

    ``生存时间（月）``, ``OS_months``, ``随访月数`` and ``followup.days`` name one; a lone ``d`` only after a sign.
    """
    text = half_width(str(heading)).lower()
    for unit, words in UNITS.items():
        long = "|".join(word for word in words.split("|") if word not in SHORT_UNITS)
        for pattern in (rf"[\s(\[_./\-,:]+({words})\s*[)\]]*", rf"({long})"):
            found = re.search(pattern + r"$", text)
            if found and not re.search(r"(出生|入|手术|诊断|发病)$", text[: found.start()]):
                return squeezed(text[: found.start()]), unit
    return squeezed(text), None


def squeezed(text: str) -> str:
    """Letters, digits and Chinese characters only."""
    return re.sub(r"[^0-9a-z一-鿿]", "", text.lower())


def without_brackets(heading: str) -> str:
    """The heading without what stands in brackets at its end, such as a unit or the meaning of codes."""
    return re.sub(r"\s*[(（\[].*[)）\]]\s*$", "", heading).strip() or heading


def endpoint_of(heading: str) -> str | None:
    """The endpoint that a heading names: ``PFS_months`` and ``无进展生存期`` give PFS."""
    base, _ = split_unit(heading)
    for chinese, code in CHINESE_ENDPOINTS.items():
        if base.startswith(chinese):
            return code
    starts = r"(?![a-z])|{0}(time|event|status|evt|cens|censor|cnsr|t)"
    return next((code for code in ENDPOINTS if re.match(code.lower() + starts.format(code.lower()), base)), None)


NAMES = {
    "性别": "SEX", "sex": "SEX", "gender": "SEX", "年龄": "AGE", "age": "AGE", "分期": "STAGE", "临床分期": "STAGE",
    "tnm分期": "STAGE", "病理分期": "STAGE", "stage": "STAGE", "体重": "WEIGHTBL", "身高": "HEIGHTBL", "bmi": "BMIBL",
    "体重指数": "BMIBL", "吸烟": "SMOKE", "吸烟史": "SMOKE", "饮酒": "ALCOHOL", "饮酒史": "ALCOHOL",
    "分化程度": "DIFFGR",
    "肿瘤大小": "TSIZE", "肿瘤直径": "TSIZE", "淋巴结转移": "LNMETA", "病理类型": "HISTOL",
    "组织学类型": "HISTOL",
    "民族": "ETHNIC", "绝经状态": "MENOSTAT", "高血压": "HTN", "糖尿病": "DM", "婚姻": "MARITAL", "婚姻状况": "MARITAL",
    "乙肝": "HBV", "转移": "METAST", "部位": "SITE", "肿瘤部位": "SITE", "化疗": "CHEMO", "放疗": "RADIO",
}  # fmt: skip


def column_name(heading: str, taken: set[str]) -> str:
    """An ADaM-like name (at most 8 of A to Z, 0 to 9) for a heading, different from those taken."""
    base, _ = split_unit(heading)
    plain = without_brackets(heading)
    known = next((NAMES[form] for form in (squeezed(heading), base, squeezed(plain)) if form in NAMES), None)
    name = known or re.sub(r"[^A-Z0-9]", "", half_width(plain).upper())[:8]
    if not re.match(r"[A-Z]", name) or not name.isascii():
        name = "VAR"
    number, candidate = 1, name if name != "VAR" else "VAR1"
    while candidate in taken:
        number += 1
        candidate = f"{name[: 8 - len(str(number))]}{number}"
    return candidate
