"""A short code for a finding, to be said over a telephone: characters not mistaken for each other, and one that checks them.

    B7A-G49-TFP     the first ten digits of the finding's id in Crockford's base 32, then the check character

Crockford's alphabet (crockford.com/base32.html) leaves out I, L, O and U; read aloud or copied by hand, I and L are taken for 1, O for 0.
The check character makes the sum of a^place × value nought in the field of 32 elements (x⁵ + x² + 1, a = x). Every place has a factor of
its own, so one wrong character is always noticed, and so are two that changed places.
"""

import re
from collections.abc import Iterable, Sequence

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
VALUE = {letter: value for value, letter in enumerate(ALPHABET)} | {"I": 1, "L": 1, "O": 0}
BITS = 5
LENGTHS = (10, 15)  # digits of the id: a million million codes, and the longer ones for ids that begin alike
FIELD = 0b100101  # x⁵ + x² + 1


def code(finding_id: str, digits: int = LENGTHS[0]) -> str:
    """How a finding is named aloud: ten (or `digits`) hexadecimal digits of its id and a check character, in groups of three or four.

    Raises ValueError when the id is no hexadecimal number of that many digits.

    >>> code("59d502274f1ab366"), code("59d502274f1ab366", 15)
    ('B7A-G49-TFP', 'B7A-G49-TF3-ASPF')
    """
    said = finding_id[:digits].lower()
    if len(said) < digits or not all(each in "0123456789abcdef" for each in said):
        raise ValueError(f"{finding_id!r} is no finding id; expected at least {digits} hexadecimal digits")
    number, count = int(said, 16), digits * 4 // BITS
    values = [number >> BITS * (count - 1 - place) & 31 for place in range(count)]
    letters = "".join(ALPHABET[value] for value in [*values, _check(values)])
    return "-".join(re.findall("...(?:.$)?", letters))


def codes(finding_ids: Iterable[str]) -> dict[str, str]:
    """A code for each finding of one run; ids that begin alike get longer ones, so that no two share a code.

    >>> codes(["59d502274f1ab366", "59d502274f000000", "0000000000000000"])["59d502274f000000"]
    'B7A-G49-TF0-0002'
    """
    ids = list(dict.fromkeys(finding_ids))
    seen: dict[str, int] = {}
    for each in ids:
        seen[each[: LENGTHS[0]].lower()] = seen.get(each[: LENGTHS[0]].lower(), 0) + 1
    return {each: code(each, LENGTHS[seen[each[: LENGTHS[0]].lower()] > 1]) for each in ids}


def read(said: str) -> str:
    """The first digits of the finding's id that a code stands for; blanks, dashes and case do not matter.

    Raises ValueError, with a sentence for the person who read it out, when it is not a code or one of its characters is wrong.

    >>> read("b7a g49 tfp"), read("B7AG49TFP")
    ('59d502274f', '59d502274f')
    """
    letters = said.upper().replace("-", "").replace(" ", "")
    if unknown := [each for each in letters if each not in VALUE]:
        raise ValueError(f"{said!r} holds {unknown[0]!r}, which no code does; expected letters and digits such as B7A-G49-TFP")
    values = [VALUE[each] for each in letters]
    wanted = {digits * 4 // BITS + 1: digits for digits in LENGTHS}
    if len(values) not in wanted:
        raise ValueError(f"{said!r} has {len(values)} characters; expected {' or '.join(map(str, wanted))}")
    if _check(values[:-1]) != values[-1]:
        raise ValueError(f"{said!r} does not agree with its own check character; read it again, one character is wrong")
    number = 0
    for value in values[:-1]:
        number = number << BITS | value
    return f"{number:0{wanted[len(values)]}x}"


def _check(values: Sequence[int]) -> int:
    """The value that makes the weighted sum nought; the check character itself weighs 1."""
    total = 0
    for value in values:  # Horner: each step multiplies what stands before by x
        total = _times_x(total ^ value)
    return total


def _times_x(value: int) -> int:
    value <<= 1
    return value ^ FIELD if value & 32 else value
