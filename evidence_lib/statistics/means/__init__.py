"""Means of a continuous outcome: analysis of variance and covariance, t and rank tests, repeated measures, imputation.

Differences are treated minus reference, in the unit of the outcome.
"""

__all__: list[str] = []
