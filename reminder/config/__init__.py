"""Files of a deployment, turned into values of the domain, with errors that point at the place.

Every reader here follows one road: `yaml_document` reads strictly and remembers where each value stood, a pydantic
model checks the shape, plain functions check what a model can't, and whatever is wrong comes back as a
`reminder.errors.Problem`, all of a file's at once. Nothing here reads the environment or the clock: the environment is
a parameter of `settings.read_settings`.
"""

__all__: list[str] = []
