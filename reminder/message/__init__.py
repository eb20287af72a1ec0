"""Templates → text: the sandbox, the catalogue, the filters of each language, and the lint.

A text is made in three moves, each in its own module:

- `catalogue` reads `templates/<language>/<path>.sms.j2`, has `grammar` and `sandbox` check and compile each one ahead
  of time, and picks the language of a customer's text (`languages`).
- `values` says what a template may print: plain values, taken from the decision and from nowhere else.
- `filters` turns a value into words of one language: an amount, a date, a masked account number.

`expression` is the same sandbox for the `when` of a step. `lint` finds ahead of time what would go wrong later, with
the longest values that `worst_case` can think of.
"""
