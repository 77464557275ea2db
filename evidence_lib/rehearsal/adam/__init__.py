"""The ADaM data sets that record a generated trial."""
