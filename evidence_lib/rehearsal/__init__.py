"""Synthetic trials with known true effects: patients whose whole course is generated from a stated design."""
