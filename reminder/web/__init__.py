"""The web room: an HTTP endpoint that providers call with receipts and with what customers write."""

__all__: list[str] = []
