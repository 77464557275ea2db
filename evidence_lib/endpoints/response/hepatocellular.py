"""Modified RECIST for hepatocellular carcinoma: what is measured is the viable, arterially enhancing tumour."""

from __future__ import annotations

import numpy as np
import pandas as pd

from evidence_lib.endpoints.response.criteria import MRECIST, Criteria
from evidence_lib.endpoints.response.records import (
    DayCount,
    days_in,
    flags_in,
    frame_with,
    labels,
    lengths_in,
    words_in,
)
from evidence_lib.endpoints.response.visits import Recurrence, visit_response
from evidence_lib.endpoints.time_to_event.source import refuse_where

SITES = ("TUMOUR", "NODE", "HILAR NODE", "PORTAL VEIN THROMBOSIS", "EFFUSION")
FINDINGS = ("NODULE", "HILAR NODE", "EXTRAHEPATIC", "EFFUSION")


def mrecist_visit_response(
    lesions: pd.DataFrame,
    *,
    findings: pd.DataFrame | None = None,
    criteria: Criteria = MRECIST,
    recurrence: Recurrence = "progression",
    hilar_node_mm: float = 20.0,
    nodule_mm: float = 10.0,
    growth_mm: float = 10.0,
) -> pd.DataFrame:
    """The overall response at each visit by mRECIST (Lencioni and Llovet 2010).

    The tables of RECIST apply to viable tumour: ``diameter`` is the longest diameter of the part of a target lesion
    that enhances in the arterial phase (0 when none does), and ``status`` of a non-target lesion is ABSENT when nothing
    in it enhances. PD needs 20 % above the nadir and, unlike RECIST 1.1, no 5 mm. Malignant portal vein thrombosis and
    effusions cannot be measured and are non-target lesions; a node at the porta hepatis is malignant from a short axis
    of 20 mm on, other nodes are as in RECIST 1.1. New findings are judged by ``mrecist_new_lesions``.

    Source: Lencioni, Llovet. Seminars in Liver Disease 2010;30:52-60.

    Misreading: a tumour that stops enhancing is a response here even where its overall size does not change; rates are
    not comparable with those of RECIST 1.1.

    Parameters
    ----------
    lesions : pd.DataFrame
        As ``visit_response`` takes it, with ``site`` where it is known (TUMOUR otherwise): TUMOUR, NODE, HILAR NODE,
        PORTAL VEIN THROMBOSIS, EFFUSION. Nodes are those whose site says so; ``node`` is not needed.
    findings : pd.DataFrame, optional
        See ``mrecist_new_lesions``.
    criteria : Criteria
        The limits for target lesions.
    recurrence : {"progression", "as_measured"}
        See ``visit_response``.
    hilar_node_mm, nodule_mm, growth_mm : float
        Millimetres; see ``mrecist_new_lesions``.

    Returns
    -------
    pd.DataFrame
        As ``visit_response``.

    Raises
    ------
    InvalidInput
        See ``visit_response``.
    DataError
        See ``visit_response``; or a target lesion is a portal vein thrombosis, an effusion, or a node at the porta
        hepatis that was smaller than 20 mm at baseline.
    """
    frame = frame_with(lesions, ("subject", "date", "target", "baseline", "diameter"), "lesions")
    if "site" in frame:
        site = words_in(frame, "site", "lesions", SITES, optional=True)
        target, baseline = (flags_in(frame, name, "lesions", absent=False) for name in ("target", "baseline"))
        refuse_where(
            target & np.isin(site, ("PORTAL VEIN THROMBOSIS", "EFFUSION")),
            "a target lesion cannot be measured",
            "lesions.site",
            "portal vein thrombosis and effusions among the non-target lesions",
        )
        small = lengths_in(frame, "diameter", "lesions") < hilar_node_mm
        refuse_where(
            target & baseline & small & (site == "HILAR NODE"),
            "a node at the porta hepatis is too small for a target lesion",
            "lesions.diameter",
            f"a short axis of {hilar_node_mm:g} mm or more at baseline",
        )
        frame = frame.assign(node=np.isin(site, ("NODE", "HILAR NODE")))
    new = None
    if findings is not None:
        new = mrecist_new_lesions(findings, hilar_node_mm=hilar_node_mm, nodule_mm=nodule_mm, growth_mm=growth_mm)
    return visit_response(frame, new_lesions=new, criteria=criteria, recurrence=recurrence)


def mrecist_new_lesions(
    findings: pd.DataFrame, *, hilar_node_mm: float = 20.0, nodule_mm: float = 10.0, growth_mm: float = 10.0
) -> pd.DataFrame:
    """The new findings that are new lesions by mRECIST, dated when they were first seen.

    A nodule of the liver counts from a longest diameter of 10 mm on, with the typical vascular pattern (enhancement in
    the arterial phase, washout later), or where it has grown by 10 mm at later visits. A node at the porta hepatis
    counts from a short axis of 20 mm on. Pleural effusion and ascites count, new or worse, where cytology has found
    them malignant. Other lesions outside the liver count as they are.

    Source: Lencioni, Llovet. Seminars in Liver Disease 2010;30:52-60.

    Parameters
    ----------
    findings : pd.DataFrame
        ``subject``, ``date`` (when first seen), ``finding`` (NODULE, HILAR NODE, EXTRAHEPATIC, EFFUSION); where they
        apply ``diameter`` (mm), ``typical`` (yes or no), ``growth`` (mm since first seen), ``malignant`` (by cytology).
    hilar_node_mm, nodule_mm, growth_mm : float
        The limits, in millimetres.

    Returns
    -------
    pd.DataFrame
        ``subject`` and ``date`` of the findings that count.

    Raises
    ------
    InvalidInput
        A column is missing or of the wrong type.
    DataError
        A value is missing or unknown.
    """
    frame = frame_with(findings, ("subject", "date", "finding"), "findings")
    labels(frame, "findings")
    days_in(frame, "findings", DayCount())
    finding = words_in(frame, "finding", "findings", FINDINGS)
    typical, malignant = (flags_in(frame, name, "findings", absent=False) for name in ("typical", "malignant"))
    diameter, growth = (
        lengths_in(frame, name, "findings") if name in frame else np.full(len(frame), np.nan)
        for name in ("diameter", "growth")
    )
    refuse_where(
        np.isin(finding, ("NODULE", "HILAR NODE")) & np.isnan(diameter),
        "a finding has no diameter",
        "findings.diameter",
        "millimetres for nodules and nodes",
    )
    counts = np.select(
        [finding == "NODULE", finding == "HILAR NODE", finding == "EFFUSION"],
        [(diameter >= nodule_mm) & (typical | (growth >= growth_mm)), diameter >= hilar_node_mm, malignant],
        default=True,
    )
    return frame.loc[counts, ["subject", "date"]].reset_index(drop=True)
