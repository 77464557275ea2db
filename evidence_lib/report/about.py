"""What a page says about itself: its audience and use, blinding, governance, and the abbreviations it uses."""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import unescape

from evidence_lib.report.context import View

ABBREVIATIONS = {
    "ADaM": "abbreviation.ADaM",
    "ALT": "abbreviation.ALT",
    "ANCOVA": "abbreviation.ANCOVA",
    "AST": "abbreviation.AST",
    "CDISC": "abbreviation.CDISC",
    "CI": "abbreviation.CI",
    "CMH": "abbreviation.CMH",
    "df": "abbreviation.df",
    "HR": "abbreviation.HR",
    "ICH": "abbreviation.ICH",
    "ITT": "abbreviation.ITT",
    "LS": "abbreviation.LS",
    "MHLW": "abbreviation.MHLW",
    "MMRM": "abbreviation.MMRM",
    "NE": "abbreviation.NE",
    "RMST": "abbreviation.RMST",
    "SD": "abbreviation.SD",
    "SE": "abbreviation.SE",
    "SHA": "abbreviation.SHA",
    "sHR": "abbreviation.sHR",
    "ECOG": "abbreviation.ECOG",
    "RECIST": "abbreviation.RECIST",
    "REML": "abbreviation.REML",
}
# What an abbreviation means where tumour response is spoken of; SD is a standard deviation elsewhere.
OF_RESPONSE = {
    "CR": "abbreviation.CR",
    "DCR": "abbreviation.DCR",
    "ORR": "abbreviation.ORR",
    "PD": "abbreviation.PD",
    "PR": "abbreviation.PR",
    "SD": "abbreviation.stable",
}


def facts(at: View) -> list[tuple[str, str]]:
    """What the study file says about the page itself: audience, use, side effects, governance, disclosure control."""
    say, context = at.words, at.context
    facts = [
        (say(key), say.say(context.page[name]))
        for key, name in (
            ("page.audience", "audience"),
            ("page.use", "use"),
            ("page.safety_contact", "safety_contact"),
        )
        if context.page.get(name)
    ]
    state = context.blinding.get("state")
    if state:
        facts.append((say("page.blinding"), _blinding(at, state)))
    for name, value in context.governance.items():
        heading = f"{say('page.governance')}: {str(name).replace('_', ' ')}"
        facts.append((heading, at.words.form(value)))
    if context.disclosure.get("preset"):
        reason = at.words.form(context.disclosure.get("reason", ""))
        facts.append(
            (say("page.disclosure"), say("page.disclosure_text", preset=context.disclosure["preset"], reason=reason))
        )
    return facts


def _blinding(at: View, state: str) -> str:
    """The state of blinding; for unblinded data since when, to whom and why."""
    say, given = at.words, at.context.blinding.get("unblinded", {})
    if state != "unblinded":
        return say(f"page.blinding.{state}")
    date = given["date"]
    since = say.date(date["date"]) if date.get("date") else say.say(date["unknown"])
    return say("page.blinding.unblinded", since=since, person=given["person"], reason=given["reason"])


def abbreviations(at: View, texts: Sequence[str]) -> list[tuple[str, str]]:
    """The abbreviations that the page uses, with their meaning."""
    text = " ".join(unescape(re.sub(r"<[^>]+>", " ", part)) for part in texts)
    known = {**ABBREVIATIONS, **(OF_RESPONSE if at.context.notebook == "trial/response" else {})}
    found = [short for short in sorted(known, key=str.lower) if re.search(rf"(?<!\w){short}(?![\w-])", text)]
    return [(short, at.words(known[short])) for short in found]
