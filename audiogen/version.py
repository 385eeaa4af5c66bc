"""The package's version, named once more for files and reports (a test compares it with pyproject.toml)."""

VERSION = "0.1.0"
