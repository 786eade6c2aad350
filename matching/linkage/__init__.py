"""Link any two tables, or deduplicate one: prepared columns, blocking rules, comparison levels, weights, posteriors."""
