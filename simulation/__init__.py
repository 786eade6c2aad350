"""An invented state with known truth: its license roll and its insurers' sites, served on loopback."""
