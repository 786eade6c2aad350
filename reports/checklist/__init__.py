"""How listings were matched: by which keys, with which weights, how surely, and what another threshold would change."""
