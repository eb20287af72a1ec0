"""Templates → text: the sandbox, the catalogue, the filters and the lint."""
