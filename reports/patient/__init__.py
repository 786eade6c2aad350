"""The patient's edition: one page on which plan one has, which door to knock at, what to bring and what to say."""
