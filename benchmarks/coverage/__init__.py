"""How often each interval of the library holds the truth, on simulated data whose truth is known.

``python -m benchmarks.coverage`` prints the table; each module beside this one holds the scenarios of one module of
``evidence_lib.statistics`` in its ``SCENARIOS``.
"""
