"""The commissioner's edition on at most four pages."""
