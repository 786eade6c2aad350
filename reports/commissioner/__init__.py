"""The commissioner's edition: what was found, under which rule, by what method, with the rows behind it."""
