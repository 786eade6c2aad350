"""Who is meant, in an invented town whose people know of each other: the engine on drawn tables, through its one door."""

from random import Random

import pytest

from matching.linkage import candidates
from matching.linkage.fields import KINDS, Field, Fields
from tests.matching.linkage.town import FIELDS, GIVEN, HEADING, STREETS, TOWNS, Linked, Row, crowd, drawn, linked

LISTED = """
uid       | first     | middle | last         | number | street | city       | zip   | phone      | npi
swapped   | Birkeland |        | Ottoline     | 14     | Bay Rd | Aldergate  | 98001 | 2065550101 |
nickname  | Bill      |        | Ashdale      | 15     | Bay Rd | Aldergate  | 98001 | 2065550102 |
middle    | Maren     |        | Thorsby      | 16     | Bay Rd | Aldergate  | 98001 | 2065550103 |
maiden    | Solveig   |        | Pemberton    | 17     | Bay Rd | Aldergate  | 98001 | 2065550104 |
spouse    | Anselm    |        | Quillfeather | 18     | Bay Rd | Aldergate  | 98001 | 2065550105 |
newcomer  | Mary      |        | Pemberton    | 19     | Bay Rd | Brackwater | 98002 |            |
wed       | Mary      |        | Pemberton    | 24     | Bay Rd | Brackwater | 98002 |            |
colleague | Cosima    |        | Vandeleur    | 19     | Bay Rd | Brackwater | 98002 | 2065550106 |
two       | Dorian    |        | Marchbanks   |        |        |            |       |            |
nobody    | Zebedee   |        | Unterwald    | 21     | Bay Rd | Brackwater | 98002 | 2065550108 |
other_npi | Edmund    |        | Lockhart     | 22     | Bay Rd | Dunmere    | 98004 |            | 1999999984
own_npi   | Edith     |        | Lockwood     | 23     | Bay Rd | Dunmere    | 98004 |            | 1888888884
"""
ROLL = """
uid      | first     | middle | last         | number | street  | city       | zip   | phone      | npi
ottoline | Ottoline  |        | Birkeland    | 14     | Bay Rd  | Aldergate  | 98001 | 2065550101 |
william  | William   |        | Ashdale      | 15     | Bay Rd  | Aldergate  | 98001 | 2065550102 |
ingrid   | Ingrid    | Maren  | Thorsby      | 16     | Bay Rd  | Aldergate  | 98001 | 2065550103 |
solveig  | Solveig   |        | Ruskin       | 17     | Bay Rd  | Aldergate  | 98001 | 2065550104 |
beatrix  | Beatrix   |        | Quillfeather | 18     | Bay Rd  | Aldergate  | 98001 | 2065550105 |
hector   | Hector    |        | Ives         | 19     | Bay Rd  | Brackwater | 98002 | 2065550106 |
rosamund | Rosamund  |        | Tull         | 19     | Bay Rd  | Brackwater | 98002 | 2065550106 |
percival | Percival  |        | Oakes        | 19     | Bay Rd  | Brackwater | 98002 | 2065550106 |
hollis   | Mary      |        | Hollis       | 19     | Bay Rd  | Brackwater | 98002 | 2065550106 |
sorrel   | Mary      |        | Sorrel       | 24     | Bay Rd  | Brackwater | 98002 | 2065550107 |
north    | Dorian    |        | Marchbanks   | 3      | Hill Rd | Coldharbor | 98003 | 2065550201 | 1777777774
south    | Dorian    |        | Marchbanks   | 4      | Lake Rd | Eastfen    | 98005 | 2065550202 | 1666666664
edmund   | Edmund    |        | Lockhart     | 81     | Lake Rd | Eastfen    | 98005 |            | 1234567893
edith    | Edith     |        | Lockwood     | 82     | Lake Rd | Eastfen    | 98005 |            | 1888888884
"""


@pytest.fixture(scope="module")
def town() -> tuple[list[Row], list[Row]]:
    shown, roll = crowd(2000, 800)
    return shown + drawn(LISTED), roll + drawn(ROLL)


@pytest.fixture(scope="module")
def told(town: tuple[list[Row], list[Row]]) -> Linked:
    return linked(*town)


@pytest.fixture(scope="module")
def alone(town: tuple[list[Row], list[Row]]) -> Linked:
    return linked(*town, independent=True)


@pytest.mark.parametrize(
    ("listed", "meant"),
    [
        pytest.param("swapped", "ottoline", id="first and last name changed places"),
        pytest.param("nickname", "william", id="Bill is William"),
        pytest.param("middle", "ingrid", id="she goes by her middle name"),
        pytest.param("maiden", "solveig", id="another family name at the same door and phone"),
        pytest.param("own_npi", "edith", id="elsewhere now, with the same NPI"),
    ],
)
def test_a_person_is_found_under_another_form(told: Linked, listed: str, meant: str) -> None:
    assert told.probability(listed, meant) > 0.95
    assert list(told.of(listed)) == [meant]


@pytest.mark.parametrize(
    ("listed", "other"),
    [
        pytest.param("spouse", "beatrix", id="a spouse at the same door and phone"),
        pytest.param("colleague", "hector", id="a colleague of the same practice"),
        pytest.param("colleague", "rosamund", id="another colleague"),
        pytest.param("other_npi", "edmund", id="two NPIs are two people"),
    ],
)
def test_somebody_near_is_not_the_person(told: Linked, alone: Linked, listed: str, other: str) -> None:
    assert told.probability(listed, other) < 0.5
    assert alone.probability(listed, other) < 0.5


def test_a_door_of_ones_own_says_more_than_a_clinics(told: Linked) -> None:
    """Both show another family name than the roll, at its address: at a clinic that may be a new colleague of that given name."""
    assert told.probability("wed", "sorrel") > 0.8
    assert told.probability("newcomer", "hollis") < 0.6


def test_who_is_not_on_the_roll_is_nobody_there(told: Linked) -> None:
    assert max(told.of("nobody").values(), default=0) < 0.1


def test_two_that_fit_equally_share_what_there_is(told: Linked, alone: Linked) -> None:
    shared = told.of("two")
    assert set(shared) == {"north", "south"}
    assert max(shared.values()) < 0.6
    assert shared["north"] == pytest.approx(shared["south"], abs=1e-9)
    assert min(alone.of("two").values()) > max(shared.values()), "independent, neither stands in the other's way"


def test_the_candidates_of_a_record_are_at_most_one_person(told: Linked) -> None:
    sums: dict[str, float] = {}
    for (left, _), pair in told.pairs.items():
        sums[left] = sums.get(left, 0) + pair.probability
    assert max(sums.values()) <= 1 + 1e-9


def test_the_crowd_is_found(told: Linked) -> None:
    sure = {left for (left, _), pair in told.pairs.items() if pair.probability > 0.95 and left.startswith("l")}
    listed, roll = crowd(2000, 800)
    on_roll = {(row[1], row[9]) for row in roll}
    known = {row[0] for row in listed if row[9] and (row[1], row[9]) in on_roll}  # by their number
    assert len(known & sure) > 0.98 * len(known)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_how_many_are_missed_is_reckoned_from_those_found_twice(monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    """Names are spelled wrong in 30 of 100 listings and 40 show another place: 12 share no key with the roll, and that is no sign
    that more than the 20 who are absent from it are nobody there."""
    monkeypatch.setattr(candidates, "LEAST_BUDGET", 20_000)
    rng = Random(seed)
    syllables = [consonant + vowel for consonant in "bdfgklmnprst" for vowel in "aeiou"]
    roll: list[Row] = []
    for at in range(6000):
        family, zip_code = "".join(rng.choices(syllables, k=4)), rng.choice(list(TOWNS))
        where = (str(rng.randint(1, 400)), f"{rng.choice(STREETS)} St", TOWNS[zip_code], zip_code, f"206{rng.randint(2000000, 9999999)}")
        roll.append((f"p{at}", rng.choice(GIVEN), None, family, *where, None))
    listed = []
    for uid, given, middle, last, *place, npi in roll[:2000]:
        shown = f"{str(last)[:2]}{str(last)[3:]}" if rng.random() < 0.3 else last
        elsewhere = [str(rng.randint(500, 900)), "Harbor Ave", "Farhaven", "98009", None]
        listed.append((uid, given, middle, shown, *(elsewhere if rng.random() < 0.4 else place), npi))
    known = {str(row[0]) for at, row in enumerate(roll[:2000]) if at % 5}
    found = linked(listed, [row for row in roll if row[0] in known] + roll[2000:], at_least=0.0)
    share_found = sum((uid, uid) in found.pairs for uid in known) / len(known)
    assert found.found.recall == pytest.approx(share_found, abs=0.03)
    assert found.found.nobody == pytest.approx(0.2, abs=0.03)


def test_levels_say_what_was_seen(told: Linked) -> None:
    levels = told.pairs[("nickname", "william")].levels
    assert levels["level_last"] == levels["level_phone"] == 1
    assert levels["level_first"] > 1, "not equal"
    assert levels["level_npi"] == 0, "not said"


def test_a_weight_and_its_probability_rise_together(alone: Linked) -> None:
    by_weight = sorted(alone.pairs.values(), key=lambda pair: pair.weight)
    assert [pair.probability for pair in by_weight] == sorted(pair.probability for pair in by_weight)
    for pair in by_weight:  # weight is log2 odds, where nothing competes
        assert pair.probability == pytest.approx(1 / (1 + 2**-pair.weight), abs=1e-6)


def test_one_table_with_itself() -> None:
    _, roll = crowd(900, 0)
    twice = [(f"again {row[0]}", *row[1:]) for row in roll[:200]]
    found = linked(roll + twice, None)
    assert all(left < right for left, right in found.pairs), "each pair once, in the order of the ids"
    sure = {pair for pair, said in found.pairs.items() if said.probability > 0.9}
    assert sure == {(f"again {row[0]}", str(row[0])) for row in roll[:200]}


def same(one: Linked, other: Linked) -> None:
    assert one.pairs.keys() == other.pairs.keys()
    for ids, pair in one.pairs.items():
        again = other.pairs[ids]
        assert pair.levels == again.levels
        assert pair.probability == pytest.approx(again.probability, abs=1e-9)
        assert pair.weight == pytest.approx(again.weight, abs=1e-6)


def test_neither_the_order_of_rows_nor_of_columns_nor_threads_change_anything(town: tuple[list[Row], list[Row]], told: Linked) -> None:
    listed, roll = town
    same(told, linked(listed[::-1], roll[::-1], threads=1))
    turned = linked([row[::-1] for row in listed], [row[::-1] for row in roll], heading=HEADING[::-1])
    same(told, turned)


def test_into_however_many_parts_the_left_table_is_cut_nothing_changes(town: tuple[list[Row], list[Row]], told: Linked) -> None:
    same(told, linked(*town, parts=7))


# Hostile input ---------------------------------------------------------------------------------------------------


def test_one_value_that_half_the_world_shares_blows_nothing_up() -> None:
    shown, roll = crowd(300, 100)
    shared = ("Ada", None, "Smith", "1", "Main St", "Aldergate", "98001", "2065550100", None)
    many: list[Row] = [(f"s{at}", *shared) for at in range(50_000)]
    found = linked(shown + many[:2000], roll + many)
    assert len(found.pairs) < 2_000_000
    sure = [ids for ids, pair in found.pairs.items() if pair.probability > 0.5 and ids[0].startswith("s")]
    assert sure == [], "nobody of fifty thousand is the one who is meant"


ODD: list[str | None] = [
    "",
    " ",
    "-",
    "\x00",
    "a\x00b",
    "'; drop table linked; --",
    '"',
    "\\",
    "%_",
    "שרה לוי",
    "محمد العلي",
    "\u202eadA",
    "e\u0301" * 50,
    "\U0001f600",
    "\ufffd",
    "ﬃ",
    "İ",
    "O'Brien-Ó Súilleabháin",
    "x" * 10_000,
    "ab " * 4_000,
    None,
]
ALL_KINDS = [kind for kind in KINDS if kind not in {"full_name", "address"}]  # which hold what others hold already


def test_names_that_stand_together_oftener_than_chance_are_capped() -> None:
    shown, roll = crowd(5_000, 5_000)
    unknown = ("Unknown", None, "Unknown", None, None, None, None, None, None)
    found = linked(shown + [(f"s{at}", *unknown) for at in range(900)], roll + [(f"t{at}", *unknown) for at in range(900)])
    assert not any(ids[0].startswith("s") and pair.probability > 0.5 for ids, pair in found.pairs.items())
    assert found.found.blocking.capped[("family", "given")] == 1


def test_odd_values_of_every_kind_are_only_values() -> None:
    heading = ["uid", *ALL_KINDS]
    fields = Fields("uid", tuple(Field(kind, kind) for kind in ALL_KINDS))
    left = [(f"l{at}", *[value] * len(ALL_KINDS)) for at, value in enumerate(ODD)]
    right = [(f"r{at}", *[value] * len(ALL_KINDS)) for at, value in enumerate(ODD)]
    found = linked(left, right, fields, heading=heading)
    assert all(0 <= pair.probability <= 1 for pair in found.pairs.values())
    hebrew = ODD.index("שרה לוי")
    assert max(found.of(f"l{hebrew}"), key=found.of(f"l{hebrew}").__getitem__) == f"r{hebrew}"


@pytest.mark.parametrize("kind", ["full_name", "address"])
def test_odd_values_where_one_text_is_several_things(kind: str) -> None:
    rows = [(f"l{at}", value) for at, value in enumerate(ODD)]
    linked(rows, rows, Fields("uid", (Field("said", kind),)), heading=["uid", "said"])
    linked(rows, None, Fields("uid", (Field("said", kind),)), heading=["uid", "said"])


@pytest.mark.parametrize("name", ["; drop table mine", 'a "quoted" one', "two\nlines", "select", "Ärzte", "l_first", "i"])
def test_a_column_may_be_called_anything(name: str) -> None:
    fields = Fields("id", (Field(name, "family_name"), Field("first", "given_name")))
    rows: list[Row] = [("1", "Ashdale", "Rowan"), ("2", "Birkeland", "Ida")]
    assert ("1", "1") in linked(rows, rows, fields, heading=["id", name, "first"]).pairs


def test_nothing_in_nothing_out() -> None:
    rows: list[Row] = [(str(at), *[None] * 9) for at in range(10)]
    assert linked([], []).pairs == {}
    assert linked([], None).pairs == {}
    assert linked(rows, []).pairs == {}
    assert linked([], rows).pairs == {}
    assert max((pair.probability for pair in linked(rows, rows).pairs.values()), default=0) < 0.5, "who says nothing is nobody"


def test_two_fields_of_one_kind_are_two_questions() -> None:
    fields = Fields("uid", (Field("last", "family_name"), Field("home", "phone"), Field("work", "phone")))
    rows: list[Row] = [("1", "Ashdale", "2065550101", "2065550102"), ("2", "Birkeland", "2065550103", None)]
    levels = linked(rows, rows, fields, heading=["uid", "last", "home", "work"]).pairs[("2", "2")].levels
    assert levels == {"level_last": 1, "level_home": 1, "level_work": 0}


@pytest.mark.parametrize(
    ("uid", "meant", "level"),
    [
        pytest.param("misspelt", "ottoline", "near", id="a slip in the family name"),
        pytest.param("kept", "solveig", "middle", id="the family name of before, kept as a middle name"),
        pytest.param("particle", "rosa", "equal", id="a particle written apart"),
    ],
)
def test_names_alone_find_a_person_whose_family_name_differs(uid: str, meant: str, level: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(candidates, "LEAST_BUDGET", 5_000)  # so that no given name stands alone, as in tables of millions
    shown, roll = crowd(2000, 800)
    names = Fields("uid", FIELDS.fields[:3])
    ends = (None,) * 6
    shown += [("misspelt", "Ottoline", None, "Birkelnad", *ends), ("kept", "Solveig", None, "Ruskin", *ends)]
    shown += [("particle", "Rosamund", None, "De la Vega", *ends)]
    roll += [("ottoline", "Ottoline", "Maud", "Birkeland", *ends), ("solveig", "Solveig", "Ruskin", "Pemberton", *ends)]
    roll += [("rosa", "Rosamund", None, "Delavega", *ends), ("other", "Rosamund", None, "De la Torre", *ends)]
    answer = linked(shown, roll, names)
    assert any("else" in rule.atoms for rule in answer.found.blocking.rules)
    assert max(answer.of(uid), key=answer.of(uid).__getitem__) == meant
    assert answer.probability(uid, meant) > 0.5
    family = next(each for each in answer.found.comparisons if each.name == "family_name")
    assert family.levels[answer.pairs[uid, meant].levels["level_last"]] == level


def test_a_clinic_beside_a_name_is_a_place() -> None:
    listed, roll = crowd(300, 300)
    kinds = {"street": "organization"}
    fields = Fields("uid", tuple(Field(field.column, kinds.get(field.kind, field.kind)) for field in FIELDS.fields))
    found = linked(listed, roll, fields)
    assert found.found.compared > 0
    assert sum(pair.probability > 0.9 for pair in found.pairs.values()) > 50
