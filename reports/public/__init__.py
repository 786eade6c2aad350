"""The public edition: counts and intervals, no row and nobody's name."""
