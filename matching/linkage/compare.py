"""How alike are two records in one respect? Each kind of respect is declared once, as an ordered tree of conditions that end in levels.

Level 0 is always *unsaid* (one of the two says nothing), 1 *equal*, and the last *different*; between them lies what the kind knows.
Conditions read the left record's columns as `l_…` and the right one's as `r_…`. Cheap tests stand first, dear ones last.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from matching.linkage.fields import Respect
from matching.records import Connection

NEAR, ALIKE = 0.92, 0.82  # Jaro–Winkler from which two names are one spelled nearly the same, or resemble one another

Tree = Sequence[tuple[str, "int | Tree"]]  # (condition, level or further conditions); the first that holds is taken


@dataclass(frozen=True, slots=True)
class Comparison:
    """One respect with its levels. `surprise` gives, for levels whose rarity depends on the value, the left column that holds it."""

    respect: Respect
    levels: tuple[str, ...]
    tree: Tree
    surprise: dict[int, str]

    @property
    def closed(self) -> tuple[int, ...]:
        """The levels whose frequency by chance follows from that of the values alone."""
        return tuple(level for level, column in self.surprise.items() if level == 1 or column == "surprise_swapped")

    @property
    def name(self) -> str:
        return self.respect.name

    def sql(self, value: Callable[[int], str]) -> str:
        """CASE over the tree; `value` says what a level stands for."""
        return _case(self.tree, value)


def _case(tree: Tree, value: Callable[[int], str]) -> str:
    branches = [(condition, value(then) if isinstance(then, int) else _case(then, value)) for condition, then in tree]
    *conditional, (_, otherwise) = branches
    return "case " + " ".join(f"when {condition} then {then}" for condition, then in conditional) + f" else {otherwise} end"


def _jaro(name: str, near: float, alike: float, levels: tuple[int, int, int]) -> Tree:
    likeness = f"jaro_winkler_similarity(l_{name}, r_{name})"
    return [(f"{likeness} >= {alike}", [(f"{likeness} >= {near}", levels[0]), ("true", levels[1])]), ("true", levels[2])]


def _slips(name: str, level: int, other: int) -> Tree:
    """One slip of the pen apart (Damerau–Levenshtein), which is tried only where the two resemble one another at all."""
    likeness, distance = f"jaro_winkler_similarity(l_{name}, r_{name})", f"damerau_levenshtein(l_{name}, r_{name})"
    return [(f"{likeness} >= 0.85", [(f"{distance} <= 1", level), (f"{distance} = 2", level + 1), ("true", other)]), ("true", other)]


def _begins(one: str, other: str) -> str:
    """One is the other's beginning: an initial, or the whole of it."""
    return f"(starts_with({one}, {other}) or starts_with({other}, {one}))"


def add_words_alike(con: Connection) -> None:
    """Give the connection words_alike(one, other): how alike two texts are in their words, whatever their order or additions, 0 to 1."""
    from rapidfuzz import fuzz

    def words_alike(one: str, other: str) -> float:
        return fuzz.token_set_ratio(one, other) / 100

    con.create_function("words_alike", words_alike, ["VARCHAR", "VARCHAR"], "DOUBLE")


def compare(asked: Sequence[Respect]) -> tuple[Comparison, ...]:
    """Every respect with its levels; given, middle and family name know of each other."""
    kinds = {respect.name: respect.kind for respect in asked}
    return tuple(_comparison(respect, kinds) for respect in asked)


def _comparison(respect: Respect, kinds: dict[str, str]) -> Comparison:
    name = respect.name
    null, equal = (f"l_{name} is null or r_{name} is null", 0), (f"l_{name} = r_{name}", 1)
    both = "given_name" in kinds and "family_name" in kinds
    middle = "middle_name" in kinds

    def swapped(yes: int, no: int) -> Tree:
        """Given and family name have changed places, one of them perhaps misspelt."""
        return [
            ("l_given_name = r_family_name", [("jaro_winkler_similarity(l_family_name, r_given_name) >= 0.88", yes), ("true", no)]),
            ("l_family_name = r_given_name", [("jaro_winkler_similarity(l_given_name, r_family_name) >= 0.88", yes), ("true", no)]),
        ]

    theirs = "l_given_name = r_middle_name and strlen(r_middle_name) > 1"
    mine = "l_middle_name = r_given_name and strlen(l_middle_name) > 1"
    surprise = {1: f"surprise_{name}"}
    if name == "given_name":
        tree: list[tuple[str, int | Tree]] = [null, equal]
        if both:
            tree += swapped(0, 9)
        rest: list[tuple[str, int | Tree]] = [
            (
                "strlen(l_given_name) = 1 and starts_with(r_given_name, l_given_name) "
                "or strlen(r_given_name) = 1 and starts_with(l_given_name, r_given_name)",
                4,
            )
        ]
        if middle:
            # Where the one name stands in the other's place, the other must not say that it stands elsewhere.
            rest += [
                (theirs, [("l_middle_name is null", 6), (_begins("l_middle_name", "r_given_name"), 5), ("true", 9)]),
                (mine, [("r_middle_name is null", 7), (_begins("l_given_name", "r_middle_name"), 7), ("true", 9)]),
            ]
            surprise[5] = surprise[6] = "surprise_given_as_middle"
            surprise[7] = "surprise_middle_as_given"
        rest += _jaro(name, NEAR, ALIKE, (3, 8, 9))
        # The forms of a name stand between bars in one text: cheaper to look through, in bulk, than a list.
        tree += [("contains(given_forms, r_given_name)", [("contains(given_forms, '|' || r_given_name || '|')", 2), *rest]), *rest]
        levels = ("unsaid", "equal", "form", "near", "initial", "turned", "middle", "second", "alike", "different")
        return Comparison(respect, levels, tree, surprise)
    if name == "family_name":
        part = (
            f"(contains(l_{name}, ' ') or contains(r_{name}, ' ')) and (replace(l_{name}, ' ', '') = replace(r_{name}, ' ', '') "
            f"or list_has_any(string_split(l_{name}, ' '), string_split(r_{name}, ' ')))"
        )
        tree = [null, equal, (part, 2)]
        if both:
            tree += swapped(5, 7)
            surprise[5] = "surprise_swapped"
        if middle:
            tree += [("l_family_name = r_middle_name or l_middle_name = r_family_name", 6)]
        tree += _jaro(name, NEAR, ALIKE, (3, 4, 7))
        return Comparison(respect, ("unsaid", "equal", "part", "near", "alike", "swapped", "middle", "different"), tree, surprise)
    if name == "middle_name":
        one, other = (f"split_part({side}_{name}, ' ', 1)" for side in "lr")
        tree = [null]
        if "given_name" in kinds:
            tree += [(f"l_given_name <> r_given_name and ({theirs} or {mine})", 0)]
        if "family_name" in kinds:
            tree += [("l_family_name <> r_family_name and (l_family_name = r_middle_name or l_middle_name = r_family_name)", 0)]
        tree += [
            (f"l_{name} = r_{name}", [(f"strlen(l_{name}) > 1", 1), ("true", 2)]),
            (f"strlen(l_{name}) = 1 and starts_with(r_{name}, l_{name}) or strlen(r_{name}) = 1 and starts_with(l_{name}, r_{name})", 2),
            (f"jaro_winkler_similarity(l_{name}, r_{name}) >= 0.88", 3),
            # Of several middle names the first decides; a part of a double surname often stands behind it.
            (
                f"(contains(l_{name}, ' ') or contains(r_{name}, ' ')) and {_begins(one, other)}",
                2,
            ),
            ("true", 4),
        ]
        return Comparison(respect, ("unsaid", "equal", "initial", "near", "different"), tree, surprise)
    return _plain(respect, [null, equal], surprise)


def _plain(respect: Respect, start: list[tuple[str, int | Tree]], surprise: dict[int, str]) -> Comparison:
    name, kind = respect.name, respect.kind
    if kind == "organization":
        words = f"words_alike(l_{name}, r_{name})"
        return Comparison(
            respect,
            ("unsaid", "equal", "close", "near", "alike", "faint", "different"),
            [
                *start,
                (f"{words} >= 0.55", [(f"{words} >= 0.75", [(f"{words} >= 0.9", 2), ("true", 3)]), ("true", 4)]),
                (f"{words} >= 0.35", 5),
                ("true", 6),
            ],
            surprise,
        )
    if kind == "street":
        inside = f"contains(' ' || l_{name} || ' ', ' ' || r_{name} || ' ') or contains(' ' || r_{name} || ' ', ' ' || l_{name} || ' ')"
        near = [*_jaro(name, 0.9, 0.8, (2, 3, 4))[:1], (inside, 2), ("true", 4)]
        return Comparison(respect, ("unsaid", "equal", "near", "alike", "different"), [*start, *near], surprise)
    if kind in ("city", "text"):
        return Comparison(
            respect, ("unsaid", "equal", "near", "alike", "different"), [*start, *_jaro(name, 0.9, 0.75, (2, 3, 4))], surprise
        )
    if kind == "email":
        local = f"split_part(l_{name}, '@', 1) = split_part(r_{name}, '@', 1)"
        return Comparison(
            respect,
            ("unsaid", "equal", "local", "near", "alike", "different"),
            [*start, (local, 2), *_jaro(name, 0.92, 0.8, (3, 4, 5))],
            surprise,
        )
    if kind == "date":
        turned = f"l_{name}[5:6] = r_{name}[7:8] and l_{name}[7:8] = r_{name}[5:6]"
        year = f"starts_with(l_{name}, left(r_{name}, 4))"
        likeness = f"jaro_winkler_similarity(l_{name}, r_{name})"
        close: Tree = [
            (f"damerau_levenshtein(l_{name}, r_{name}) <= 1", 2),
            (turned, 2),
            (f"damerau_levenshtein(l_{name}, r_{name}) <= 2", 3),
            (year, 4),
            ("true", 5),
        ]
        return Comparison(
            respect,
            ("unsaid", "equal", "slip", "two_slips", "year", "different"),
            [*start, (f"{likeness} >= 0.8", close), ("true", 5)],
            surprise,
        )
    if kind in ("npi", "license_number", "identifier"):
        return Comparison(respect, ("unsaid", "equal", "slip", "two_slips", "different"), [*start, *_slips(name, 2, 4)], surprise)
    if kind == "phone":
        tail = f"right(l_{name}, 7) = right(r_{name}, 7)"
        close = [
            (f"damerau_levenshtein(l_{name}, r_{name}) <= 1", 2),
            (tail, 2),
            (f"starts_with(l_{name}, left(r_{name}, 6))", 3),
            ("true", 4),
        ]
        likeness = f"jaro_winkler_similarity(l_{name}, r_{name})"
        return Comparison(
            respect, ("unsaid", "equal", "slip", "exchange", "different"), [*start, (f"{likeness} >= 0.8", close), ("true", 4)], surprise
        )
    if kind in ("street_number", "postal_code", "year"):
        likeness = f"jaro_winkler_similarity(l_{name}, r_{name})"
        return Comparison(respect, ("unsaid", "equal", "near", "different"), [*start, (f"{likeness} >= 0.85", 2), ("true", 3)], surprise)
    return Comparison(respect, ("unsaid", "equal", "different"), [*start, ("true", 2)], surprise)
