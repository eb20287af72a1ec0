"""Hostile years: the real daemon on a virtual clock, a lender and a provider who do their worst, and the laws' judge.

`lender` is the book's own system, which knows what is true; `provider` takes texts or does not; `house` is the
deployment on disk and its editors; `memory` is what was said and done; `year` lets time pass and things happen; `laws`
judges every text and every reminder by the words of `reminder/README.md` and by no code of ours for deciding, with
`pledges` and `contacts` for what was agreed and who was texted; `witness` holds what was seen against the record and
its seals (law 14), and `effort` weighs a plan in a book with many accounts that are not due (law 12).

Everything is drawn from one seed: `make years SEED=…` lets the same year happen again.
"""
