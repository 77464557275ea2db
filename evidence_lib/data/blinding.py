"""Data as a blinded team may see them: with dummy arms for a rehearsal, or with all arms made one.

Treatment columns are known by the names of ADaM and SDTM. What else tells the arm is found by its name (doses, crossing
over, randomisation and kit numbers), by a text that holds the name of an arm, or because each of its values occurs in
one arm only (in ADSL: because one value does, and many subjects have it). Such columns are taken out, and a note says
so. Outcomes stay: an adverse event that is typical for one of the treatments may still tell an expert.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from evidence_lib.data.files import Table
from evidence_lib.data.specs import as_text
from evidence_lib.data.values import each_value
from evidence_lib.errors import DataError
from evidence_lib.language import message

if TYPE_CHECKING:
    import pandas as pd

    from evidence_lib.data.adam import AdamData

TREATMENT = re.compile(
    r"TRT(\d\d)?[PA](N|GR?\d+N?)?|TR\d\d[PA]GR?\d+N?|TRTSEQ[PA]N?|TSEQ[PA]GR?\d+N?|(ACT)?ARM(CD|N|GR?\d*N?)?"
)
TELLING = re.compile(
    r"(ACT)?ARM\w*|(EX|EC)(TRT|DOS\w*|VAMT\w*|PSTRG|LOT|CAT)|DOS(E|CUM|TOT|INT)?\w*|\w*(AVGDD|CUMDOS|TOTDOS|DOSE)\w*|\w{0,2}RDI"
    r"|(RAND|RND|KIT)(NO|NUM|ID|CD)|TRT(CD|GRP\w*|NAME?)?|TREAT\w*|ETCD|ELEMENT|XOVER\w*|CROSS\w*"
)
DOSE_PARAMETER = re.compile(r"dos(e|ing|age)|\bmg\b|剂量", re.I)
LEAST_CHANCE = 1e-4  # a column is taken to tell the arm where chance would make it do so more rarely
LEAST_CHANCE_OF_VALUE = 1e-8  # the same for one value of many, in ADSL
LEAST_NAME = 3  # letters of an arm's name that is looked for in texts
LEAST_WORD = 6  # letters of a word that only one arm's name has


@dataclass(frozen=True)
class _Arms:
    """The true arm of each subject, and the arm's names in the data."""

    of: Mapping[str, str]
    names: tuple[str, ...]


def with_dummy_arms(data: AdamData, *, seed: int) -> AdamData:
    """The data with the treatments exchanged at random among the subjects that have one, the same in every data set.

    A subject gets all treatment columns of another one, so planned, actual and grouped treatments stay consistent and
    each arm keeps its number of subjects. The same seed gives the same exchange.
    Misreading: nothing that such data show is about the treatments; outcomes stay with their subjects.

    Parameters
    ----------
    data : AdamData
        The true data.
    seed : int
        Of the exchange.

    Raises
    ------
    DataError
        Where ADSL has no treatment column or no subjects to exchange.
    """
    import numpy as np

    arms = _true_arms(data)
    if not arms.of:
        raise DataError(
            "there are no arms to exchange", where="ADSL", expected="TRT01P or ARM", mend="state blinding: blinded"
        )
    givers = list(arms.of)
    order = np.random.default_rng(seed).permutation(len(givers))
    giver = {taker: givers[position] for taker, position in zip(givers, order, strict=True)}

    def exchange(name: str, table: Table, columns: list[str]) -> Table:
        return _exchanged(table, columns, giver, arms.of)

    return data.changed(lambda name, table: _blinded(name, table, arms, exchange, "data.note.dummy_arms"))


def with_pooled_arms(data: AdamData, *, arm: str) -> AdamData:
    """The data with one arm for everybody who has a treatment; for all of ADSL where it names no treatment.

    Parameters
    ----------
    data : AdamData
        The data, with or without treatment columns.
    arm : str
        What the one arm is called.
    """
    arms = _true_arms(data)

    def pool(name: str, table: Table, columns: list[str]) -> Table:
        texts = [column for column in columns if not column.endswith("N") and column[-2:] != "CD"]
        frame = table.frame.drop(columns=[column for column in columns if column not in texts])
        pooled: dict[str, Any] = {
            column: each_value(frame[column], as_text).notna().map({True: arm, False: None}) for column in texts
        }
        if name == "ADSL" and not arms.of:
            pooled = {**dict.fromkeys(texts, arm), "TRT01P": arm}
        return replace(table, frame=frame.assign(**pooled))

    return data.changed(lambda name, table: _blinded(name, table, arms, pool, "data.note.pooled_arms"))


def treatment_columns(columns: Any) -> list[str]:
    """Those that hold a planned, actual or grouped treatment, by the names of ADaM and SDTM."""
    return [str(column) for column in columns if TREATMENT.fullmatch(str(column))]


def _true_arms(data: AdamData) -> _Arms:
    adsl = data.adsl.frame
    columns = treatment_columns(adsl.columns)
    if "USUBJID" not in adsl:
        return _Arms({}, ())
    variable = next((name for name in ("TRT01P", "ARM", "TRT01A", "ACTARM") if name in columns), None)
    arm = each_value(adsl[variable], as_text) if variable else adsl["USUBJID"].map(lambda _: None)
    identifiers = each_value(adsl["USUBJID"], as_text)
    of = {subject: of for subject, of in zip(identifiers, arm, strict=True) if subject is not None and of is not None}
    texts = {as_text(value) for column in columns for value in adsl[column].unique()} - {None}
    names = {str(text) for text in texts if _is_name(str(text))} | _words(set(of.values()))
    return _Arms(of, tuple(sorted(names)))


def _words(arms: set[str]) -> set[str]:
    """The longer words that are in the name of one arm only, such as that of a medicine."""
    words = {arm: {word for word in re.findall(r"\w+", arm.lower()) if len(word) >= LEAST_WORD} for arm in arms}
    return {word for arm in arms for word in words[arm] if sum(word in of for of in words.values()) == 1}


def _is_name(text: str) -> bool:
    """Whether a text names an arm unmistakably: letters, and more than the A and B that any text may hold."""
    return any(char.isalpha() for char in text) and (len(text) >= LEAST_NAME or any(char >= "\u2e80" for char in text))


def _blinded(
    name: str, table: Table, arms: _Arms, change: Callable[[str, Table, list[str]], Table], note: str
) -> Table:
    columns = treatment_columns(table.frame.columns)
    table, doses = _without_dose_parameters(table)
    subject = each_value(table.frame["USUBJID"], as_text) if "USUBJID" in table.frame else None
    others = [column for column in map(str, table.frame.columns) if column not in columns]
    telling = [column for column in others if _tells(table.frame[column], column, subject, arms, name == "ADSL")]
    changed = change(name, replace(table, frame=table.frame.drop(columns=telling)), columns)
    notes = [message(note, file=table.fingerprint.file)] if columns else []
    if telling or doses:
        notes.append(message("data.note.telling_columns", file=table.fingerprint.file, columns=(*telling, *doses)))
    return replace(changed, notes=(*table.notes, *notes))


def _exchanged(table: Table, columns: list[str], giver: Mapping[str, str], arm: Mapping[str, str]) -> Table:
    """The treatment columns of each subject replaced by those of the subject that gives them.

    A giver without a record here lends the values of another subject of its arm. Columns that differ between records
    of one subject (periods of a crossover) are taken out: they can not be lent.
    """
    frame = table.frame
    if not columns or "USUBJID" not in frame:
        return replace(table, frame=frame.drop(columns=columns))
    subject = each_value(frame["USUBJID"], as_text)
    varying = [
        column
        for column in columns
        if (each_value(frame[column], as_text).groupby(subject).nunique(dropna=False) > 1).any()
    ]
    lent = [column for column in columns if column not in varying]
    first = subject.notna() & ~subject.duplicated()
    values = frame.loc[first, lent].set_axis(subject[first], axis="index")
    by_arm = {arm[of]: of for of in reversed(values.index) if of in arm}
    source = {of: giver[of] if giver[of] in values.index else by_arm.get(arm[giver[of]]) for of in giver}
    known = subject.isin(giver)
    takes = subject[known].map(source)
    exchanged = frame.drop(columns=varying).astype(dict.fromkeys(lent, object))
    exchanged.loc[known, lent] = values.reindex(takes).to_numpy(dtype=object)
    return replace(table, frame=exchanged)


def _tells(column: pd.Series, name: str, subject: pd.Series | None, arms: _Arms, of_subjects: bool) -> bool:
    """Whether a column that is no treatment column tells the arm: by its name, its texts, or its values."""
    if TELLING.fullmatch(name):
        return True
    if name == "USUBJID" or subject is None or not arms.of:
        return False
    text = each_value(column, as_text)
    distinct = text.dropna().unique()
    if any(re.search(rf"(?<!\w){re.escape(arm)}(?!\w)", str(value), re.I) for value in distinct for arm in arms.names):
        return True
    return _separates(text, subject, arms.of, any_value=of_subjects)


def _separates(text: pd.Series, subject: pd.Series, arm: Mapping[str, str], *, any_value: bool) -> bool:
    """Whether each value (missing is one) occurs in one arm only, and too rarely so by chance; or ``any_value`` does.

    Looked at where a subject has one value throughout. With the largest share p of an arm and n subjects of a value,
    chance gives that value to one arm with probability of at most p^(n - 1).
    """
    import pandas as pd

    pairs = pd.DataFrame({"subject": subject, "value": text.fillna("")}).drop_duplicates()
    pairs = pairs[pairs["subject"].isin(arm)]
    if pairs["subject"].duplicated().any() or pairs["value"].nunique() < 2:
        return False
    pairs["arm"] = pairs["subject"].map(arm)
    largest = pairs["arm"].value_counts(normalize=True).max()
    if largest == 1:
        return False
    groups = pairs.groupby("value")["arm"].agg(["nunique", "size"])
    alone = groups.loc[groups["nunique"] == 1, "size"]
    if any_value and len(alone) and (int(alone.max()) - 1) * math.log(largest) < math.log(LEAST_CHANCE_OF_VALUE):
        return True
    return len(alone) == len(groups) and int((alone - 1).sum()) * math.log(largest) < math.log(LEAST_CHANCE)


def _without_dose_parameters(table: Table) -> tuple[Table, list[str]]:
    """The table without records of parameters that are a dose (exposure as parameters), and their codes."""
    frame = table.frame
    if "PARAMCD" not in frame:
        return table, []
    named = frame["PARAM"] if "PARAM" in frame else frame["PARAMCD"]
    codes = each_value(frame["PARAMCD"], as_text)
    doses = {
        str(code)
        for code, name in zip(codes, each_value(named, as_text), strict=True)
        if code
        and (
            TELLING.fullmatch(code)
            or (table.fingerprint.file.lower().startswith("adex") and DOSE_PARAMETER.search(name or ""))
        )
    }
    return replace(table, frame=frame[~codes.isin(doses)]), sorted(doses)
