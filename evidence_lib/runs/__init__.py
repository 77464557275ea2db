"""Running reports: execution and publishing."""
