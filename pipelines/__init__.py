"""The only room that moves things, and where people come in."""
