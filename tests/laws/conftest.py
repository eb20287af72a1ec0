"""How many random worlds the laws are tried in: some in every run, 10,000 by `make worlds`."""

from hypothesis import settings

settings.register_profile("default", max_examples=100, deadline=None)
settings.register_profile("worlds", max_examples=10_000, deadline=None)
