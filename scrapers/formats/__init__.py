"""A reader for each format that several sources share; a card names it under `format:`.

A module here, or NAME.py beside NAME.yml, has `requests` (what to ask first) and one of `parse` (a page → records) or `select`
(a table → one SELECT), `tables` (a body → flat files, each with its SELECT) or `snapshot_tables` (the same of all pages of a visit, where
one is needed to read another); and where it needs them `follow` (what to ask next), `instead` (what to ask where a page is lost; None:
nothing helps), `complete` (why a visit is not whole), `check` (what is wrong with a card) and `KEYS` (the card keys it alone understands).
"""
