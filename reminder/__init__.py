"""A self-hosted dispatcher of payment reminders."""

__version__ = "0.1.0"
