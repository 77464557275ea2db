"""Checks of trial data: BAD_INPUTS 56 to 66, one test each, and that messages hold no subject identifier."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd
import pytest

from evidence_lib.data.adam import AdamData, analysis_frame
from evidence_lib.data.checks import check_adam
from evidence_lib.data.findings import Finding
from evidence_lib.errors import DataError

Load = Callable[[pd.DataFrame, pd.DataFrame], AdamData]


def found(data: AdamData, **choices: object) -> dict[str, Finding]:
    findings = check_adam(data.adsl, data.adtte, **{"endpoint": "OS", **choices})  # type: ignore[arg-type]
    assert not any("SECRET" in str(one) for one in findings)
    return {one.rule: one for one in findings}


def errors(findings: dict[str, Finding]) -> set[str]:
    return {rule for rule, one in findings.items() if one.severity == "error"}


def test_clean_data_have_no_finding(loaded: Load, adsl: pd.DataFrame, adtte: pd.DataFrame) -> None:
    assert found(loaded(adsl, adtte), arms=["A", "B"]) == {}


@pytest.mark.parametrize("column", ["USUBJID", "PARAMCD", "AVAL", "CNSR"])
def test_56_missing_column(loaded: Load, adsl: pd.DataFrame, adtte: pd.DataFrame, column: str) -> None:
    data = loaded(adsl, adtte.drop(columns=column))
    assert "missing_column" in errors(found(data))
    with pytest.raises(DataError, match=f"Column {column} is missing"):
        analysis_frame(data, endpoint="OS")


def test_56_missing_column_in_adsl(loaded: Load, adsl: pd.DataFrame, adtte: pd.DataFrame) -> None:
    assert errors(found(loaded(adsl.drop(columns="USUBJID"), adtte))) == {"missing_column"}


def test_57_wrong_type(loaded: Load, adsl: pd.DataFrame, adtte: pd.DataFrame) -> None:
    adtte["AVAL"] = ["10", "ten", "30", "<5"]
    adtte["ADT"] = ["soon", "2024-01-20", "2024-01-30", "2024-02-09"]
    findings = found(loaded(adsl, adtte))
    assert errors(findings) == {"not_a_number", "detection_limit", "not_a_date"}
    assert findings["not_a_number"].example == "row 3"


def test_57_empty_time_is_named_once(loaded: Load, adsl: pd.DataFrame, adtte: pd.DataFrame) -> None:
    adtte["AVAL"] = ["10", "", "30", "40"]
    findings = found(loaded(adsl, adtte))
    assert errors(findings) == {"missing_value"}
    assert findings["missing_value"].example == "row 3"


def test_58_duplicate_subject(loaded: Load, adsl: pd.DataFrame, adtte: pd.DataFrame) -> None:
    twice = pd.concat([adsl, adsl.iloc[[1]]])
    findings = found(loaded(twice, adtte))
    assert errors(findings) == {"duplicate_subject"}
    assert (findings["duplicate_subject"].dataset, findings["duplicate_subject"].example) == ("ADSL", "rows 3, 6")
    findings = found(loaded(adsl, pd.concat([adtte, adtte.iloc[[0]]])))
    assert (findings["duplicate_subject"].dataset, findings["duplicate_subject"].example) == ("ADTTE", "rows 2, 6")


def test_58_two_endpoints_are_no_duplicates(loaded: Load, adsl: pd.DataFrame, adtte: pd.DataFrame) -> None:
    assert found(loaded(adsl, pd.concat([adtte, adtte.assign(PARAMCD="PFS")]))) == {}


def test_59_event_before_randomisation(loaded: Load, adsl: pd.DataFrame, adtte: pd.DataFrame) -> None:
    adtte.loc[2, "ADT"] = "2023-12-31"
    findings = check_adam(*_tables(loaded(adsl, adtte)), endpoint="OS")
    assert [(one.rule, one.severity, one.example) for one in findings] == [("date_before_start", "error", "row 4")] * 2
    findings = check_adam(*_tables(loaded(adsl, adtte.drop(columns="STARTDT"))), endpoint="OS")
    assert [one.rule for one in findings] == ["date_before_start"]


def test_59_negative_time_is_an_error(loaded: Load, adsl: pd.DataFrame, adtte: pd.DataFrame) -> None:
    adtte.loc[0, "AVAL"] = "-1"
    assert errors(found(loaded(adsl, adtte))) == {"negative_time"}


def test_59_zero_time_is_kept(loaded: Load, adsl: pd.DataFrame, adtte: pd.DataFrame) -> None:
    adtte.loc[0, "AVAL"] = "0"
    data = loaded(adsl, adtte)
    assert found(data)["zero_time"].severity == "warning"
    assert analysis_frame(data, endpoint="OS").frame["time"].tolist() == [0, 20, 30, 40]


def test_59_endless_time(loaded: Load, adsl: pd.DataFrame, adtte: pd.DataFrame) -> None:
    adtte.loc[0, "AVAL"] = "1e308"
    assert errors(found(loaded(adsl, adtte))) == {"endless_time"}


@pytest.mark.parametrize(
    ("code", "rule"),
    [("", "missing"), ("-1", "negative"), ("0.5", "fraction"), ("yes", "text"), ("<1", "text"), ("inf", "text")],
)
def test_60_illegal_censoring(loaded: Load, adsl: pd.DataFrame, adtte: pd.DataFrame, code: str, rule: str) -> None:
    adtte.loc[3, "CNSR"] = code
    findings = found(loaded(adsl, adtte))
    assert errors(findings) == {f"censoring_{rule}"}
    assert findings[f"censoring_{rule}"].example == "row 5"


def test_60_reasons_of_censoring_are_legal(loaded: Load, adsl: pd.DataFrame, adtte: pd.DataFrame) -> None:
    adtte["CNSR"] = ["0", "0", "2", "3"]
    data = loaded(adsl, adtte)
    assert found(data) == {}
    assert analysis_frame(data, endpoint="OS").frame["event"].tolist() == [1, 1, 0, 0]


def test_61_unknown_arm(loaded: Load, adsl: pd.DataFrame, adtte: pd.DataFrame) -> None:
    findings = found(loaded(adsl, adtte), arms=["A", "b"])
    assert errors(findings) == {"unknown_arm"}
    assert "no arm b; there is A and B" in str(findings["unknown_arm"])


def test_61_empty_arm(loaded: Load, adsl: pd.DataFrame, adtte: pd.DataFrame) -> None:
    adsl.loc[3, "TRT01P"] = "C"
    data = loaded(adsl, adtte.iloc[:3])
    assert errors(found(data, arms=["A", "C"])) == {"empty_arm"}
    assert found(data)["empty_arm"].severity == "warning"


def test_61_one_arm(loaded: Load, adsl: pd.DataFrame, adtte: pd.DataFrame) -> None:
    data = loaded(adsl.assign(TRT01P="A"), adtte.assign(TRTP="A"))
    assert found(data)["one_arm"].severity == "warning"
    assert errors(found(data, arms=["A", "B"])) == {"unknown_arm", "one_arm"}


def test_61_planned_treatments_differ(loaded: Load, adsl: pd.DataFrame, adtte: pd.DataFrame) -> None:
    adsl.loc[0, "TRT01P"] = "B"
    assert found(loaded(adsl, adtte))["differing_arms"].severity == "warning"


def test_62_partial_dates(loaded: Load, adsl: pd.DataFrame, adtte: pd.DataFrame) -> None:
    adtte.loc[1, "ADT"] = "2023"  # completed to 2023-12-31 it would lie before the start
    findings = found(loaded(adsl, adtte))
    assert {rule: one.severity for rule, one in findings.items()} == {"partial_date": "warning"}
    assert findings["partial_date"].example == "row 3"


def test_63_subject_not_in_adsl(loaded: Load, adsl: pd.DataFrame, adtte: pd.DataFrame) -> None:
    findings = found(loaded(adsl.iloc[:3], adtte))
    assert errors(findings) == {"not_in_adsl"}
    assert findings["not_in_adsl"].example == "row 5"


def test_64_description_for_the_censored_only(loaded: Load, adsl: pd.DataFrame, adtte: pd.DataFrame) -> None:
    adtte["CNSR"] = ["1", "1", "0", "0"]
    assert errors(found(loaded(adsl, adtte))) == {"censoring_reversed"}


def test_64_descriptions_speak_of_the_opposite(loaded: Load, adsl: pd.DataFrame, adtte: pd.DataFrame) -> None:
    adtte["EVNTDESC"] = ["Alive at data cut-off", "Lost to follow-up", "Death", "Death"]
    assert errors(found(loaded(adsl, adtte))) == {"censoring_reversed"}
    adtte["EVNTDESC"] = ["Death", "Death", "Alive at data cut-off", "Lost to follow-up"]
    assert found(loaded(adsl, adtte)) == {}


def test_64_censoring_date_description(loaded: Load, adsl: pd.DataFrame, adtte: pd.DataFrame) -> None:
    adtte = adtte.drop(columns="EVNTDESC")
    assert errors(found(loaded(adsl, adtte.assign(CNSDTDSC=["Cut-off", "Cut-off", "", ""])))) == {"censoring_reversed"}
    assert found(loaded(adsl, adtte.assign(CNSDTDSC=["", "", "Cut-off", "Cut-off"]))) == {}


@pytest.mark.parametrize(("flags", "reversed_"), [(["0", "0", "1", "1"], True), (["1", "1", "0", "0"], False)])
def test_64_event_column(
    loaded: Load, adsl: pd.DataFrame, adtte: pd.DataFrame, flags: list[str], reversed_: bool
) -> None:
    data = loaded(adsl, adtte.drop(columns="EVNTDESC").assign(EVENT=flags))
    assert errors(found(data)) == ({"censoring_reversed"} if reversed_ else set())


def test_65_all_censored_runs_with_a_warning(loaded: Load, adsl: pd.DataFrame, adtte: pd.DataFrame) -> None:
    data = loaded(adsl, adtte.assign(CNSR="1", EVNTDESC=""))
    assert {rule: one.severity for rule, one in found(data).items()} == {"no_events": "warning"}
    assert analysis_frame(data, endpoint="OS").frame["event"].sum() == 0


def test_65_no_events_in_one_arm(loaded: Load, adsl: pd.DataFrame, adtte: pd.DataFrame) -> None:
    data = loaded(adsl, adtte.assign(CNSR=["0", "1", "0", "1"], EVNTDESC=["Death", "", "Death", ""]))
    findings = found(data)
    assert {rule: one.severity for rule, one in findings.items()} == {"no_events_in_arm": "warning"}
    assert "arm B" in str(findings["no_events_in_arm"])


def test_66_stratum_of_one(loaded: Load, adsl: pd.DataFrame, adtte: pd.DataFrame) -> None:
    adsl["REGION"] = ["east", "east", "east", "west"]
    data = loaded(adsl, adtte)
    findings = found(data, strata=["REGION"])
    assert {rule: one.severity for rule, one in findings.items()} == {"stratum_of_one": "warning"}
    assert len(analysis_frame(data, endpoint="OS", strata=["REGION"]).frame) == 4


def test_errors_are_told_together(loaded: Load, adsl: pd.DataFrame, adtte: pd.DataFrame) -> None:
    adtte.loc[0, "AVAL"] = "-1"
    adtte.loc[1, "CNSR"] = "-2"
    with pytest.raises(
        DataError, match=r"(?s)2 checks of the data failed.*row 3.*CNSR is negative.*row 2.*AVAL is"
    ) as told:
        analysis_frame(loaded(adsl, adtte), endpoint="OS")
    assert told.value.exit_code == 3
    assert "SECRET" not in str(told.value)


def test_unknown_endpoint(loaded: Load, adsl: pd.DataFrame, adtte: pd.DataFrame) -> None:
    with pytest.raises(DataError, match="No record has PARAMCD DFS; there is OS"):
        analysis_frame(loaded(adsl, adtte), endpoint="DFS")


def test_other_endpoints_do_not_block(loaded: Load, adsl: pd.DataFrame, adtte: pd.DataFrame) -> None:
    broken = adtte.assign(PARAMCD="PFS", AVAL="-1", CNSR="x")
    assert found(loaded(adsl, pd.concat([adtte, broken]))) == {}


def _tables(data: AdamData) -> tuple[object, object]:
    return data.adsl, data.adtte
