"""What the program knows, without knowing where anything is kept: pure functions over frozen values.

Nothing here reads a clock, a file, the environment, a database or the network; the instant is always a parameter.
"""
