"""Where the brackets of a JSON text lie: numpy finds the quotes, then the brackets outside them, then how deep each lies.

Only those near the root are told, so that hardly any reach Python: some hundreds of megabytes a second, of any JSON.
"""

import numpy as np
from numpy.typing import NDArray

HOT = bytes(each in b'"[]{}' for each in range(256))
QUOTE, BACKSLASH = b'"\\'


class Brackets:
    """Where the brackets of a JSON text lie, outside its strings, and at what level; blocks are handed in one after another."""

    def __init__(self, deepest: int) -> None:
        self.deepest = deepest  # brackets further from the root are not told of
        self.is_in_string = False
        self._depth = 0
        self._is_escaped = False  # the next block begins after an odd run of backslashes

    def of(self, block: bytes) -> tuple[list[int], bytes, list[int]]:
        """(place, bracket, level) of each. The root's level is 0, for the bracket that opens it and for the one that closes it."""
        data = np.frombuffer(block, np.uint8)
        places = np.flatnonzero(np.frombuffer(block.translate(HOT), np.bool_))
        if self._is_escaped or b"\\" in block:
            places = places[~self._escaped(data)[places]]
        kinds = data[places]
        brackets = np.flatnonzero(kinds != QUOTE)
        quotes = brackets - np.arange(len(brackets)) + self.is_in_string  # how many stand before each bracket
        self.is_in_string = bool((len(kinds) - len(brackets) + self.is_in_string) & 1)
        brackets = brackets[quotes & 1 == 0]
        places, kinds = places[brackets], kinds[brackets]
        opens = (kinds & 2) != 0  # of [ ] { } the bit 2 tells those that open
        depth = np.cumsum(opens.astype(np.int32) * 2 - 1) + self._depth
        if len(depth):
            self._depth = int(depth[-1])
        levels = depth - opens
        near = levels <= self.deepest
        return places[near].tolist(), kinds[near].tobytes(), levels[near].tolist()

    def _escaped(self, data: NDArray[np.uint8]) -> NDArray[np.bool_]:
        """For each byte whether it follows an odd run of backslashes."""
        slashes = np.flatnonzero(data == BACKSLASH)
        begins = np.flatnonzero(np.diff(slashes, prepend=-2) != 1)
        lengths = np.diff(begins, append=len(slashes))
        first = slashes[begins]
        if self._is_escaped and len(first) and first[0] == 0:
            lengths[0] += 1
        following = np.zeros(len(data) + 1, np.bool_)
        following[first + np.diff(begins, append=len(slashes))] = lengths & 1 == 1
        if self._is_escaped and not (len(first) and first[0] == 0):
            following[0] = True
        self._is_escaped = bool(following[-1])
        return following[:-1]
