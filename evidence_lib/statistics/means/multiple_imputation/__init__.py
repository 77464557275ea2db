"""Multiple imputation of a continuous outcome measured at visits, and what is asked of the completed data sets."""

from evidence_lib.statistics.means.multiple_imputation.contrasts import imputation_variance, multiple_imputation
from evidence_lib.statistics.means.multiple_imputation.imputation import Imputed, impute
from evidence_lib.statistics.means.multiple_imputation.pooling import Pooled, rubin
from evidence_lib.statistics.means.multiple_imputation.responders import responder_difference
from evidence_lib.statistics.means.multiple_imputation.scan import delta_scan, imputed_responders, tipping_delta
from evidence_lib.statistics.means.multiple_imputation.tipping import TippingPoint, tipping_point

__all__ = [
    "Imputed",
    "Pooled",
    "TippingPoint",
    "delta_scan",
    "imputation_variance",
    "impute",
    "imputed_responders",
    "multiple_imputation",
    "responder_difference",
    "rubin",
    "tipping_delta",
    "tipping_point",
]
