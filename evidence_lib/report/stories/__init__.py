"""The stories of reports: what the first screen and the passages say, one module per notebook of the project.

A story has ``answer``, ``key_messages``, ``figure``, ``grey_line``, ``cautions``, ``unclear``, ``seen`` and
``PASSAGES``; ``report.narrative`` tells it.
"""
