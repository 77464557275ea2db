"""Clinical evidence reports whose every number is traceable and computed twice."""

__version__ = "0.1.0"
