"""The sealed annex: place and telephone of each listing shown, for whom the regulator lets see them."""
