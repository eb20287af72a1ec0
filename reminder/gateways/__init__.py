"""Text → phone: one file per provider, found by entry point, held to one conformance suite."""
