"""The bench: what the program costs, as ratios against floors measured in the same run. `make bench` runs it."""
