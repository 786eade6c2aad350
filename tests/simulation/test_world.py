"""The invented state: the same arguments make the same world, and the truth about it is what the rates say."""

import hashlib
import os
import re
import subprocess
import sys
from collections import Counter, defaultdict
from datetime import date, datetime
from pathlib import Path

import pytest

from simulation import faults, names, noise, pages, world
from simulation.clerk import STANDING
from simulation.listings import INSURERS, Insurer
from simulation.people import PERMITS, STATUSES, Person
from simulation.places import check_digit
from simulation.truth import Truth, score
from simulation.world import World

ROOT = Path(__file__).parents[2]
TODAY = date(2026, 11, 22)


@pytest.fixture(scope="module")
def zenobia() -> World:
    return world.build(20, today=TODAY)


def everything(of: World) -> str:
    """A hash of all a world shows and all it knows."""
    bodies = [pages.html(of, page) for page in range(1, pages.page_count(of) + 1)]
    bodies += [pages.cms_providers(of, 1), pages.cms_providers(of, 2), pages.table(of), repr(of.roll_rows)]
    bodies += [repr([(row.source, row.key, row.labels, row.expected) for row in of.truth])]
    return hashlib.sha256("\n".join(bodies).encode()).hexdigest()


def test_the_same_arguments_make_the_same_world_in_another_process() -> None:
    again = (
        "from datetime import date; from simulation import world; from tests.simulation.test_world import everything;"
        "print(everything(world.build(3, 120, 2_000, today=date(2026, 11, 22))))"
    )
    env = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONHASHSEED": "7"}
    other = subprocess.run([sys.executable, "-c", again], env=env, cwd=ROOT, capture_output=True, text=True, check=True)
    assert other.stdout.strip() == everything(world.build(3, 120, 2_000, today=TODAY))
    assert other.stdout.strip() != everything(world.build(4, 120, 2_000, today=TODAY))


def test_a_roll_too_small_for_its_directories_is_refused() -> None:
    with pytest.raises(ValueError, match="make it larger, or list fewer"):
        world.build(1, 100, 100, today=TODAY)


def test_the_roll_has_washingtons_shape_and_every_status(zenobia: World) -> None:
    assert len(zenobia.roll_rows) == 60_000
    assert {len(row) for row in zenobia.roll_rows} == {12}
    numbers, _, _, _, types, statuses, _, *dates, actions = zip(*zenobia.roll_rows, strict=True)
    assert len(set(numbers)) == 60_000
    assert {status.upper() for status in statuses} == {*STATUSES}
    assert {"ACTIVE", "Active"} <= {*statuses}
    assert set(actions) == {"Yes", "No", "Pending"}
    assert all(not day or datetime.strptime(day, "%Y%m%d") for column in dates for day in column)  # noqa: DTZ007
    dotted = sum("." in number for number in numbers) / 60_000
    assert 0.25 < dotted < 0.35
    assert 0.57 < types.count("Massage Therapist License") / 60_000 < 0.63


def test_an_active_license_is_never_out_of_date_and_no_lapse_stands_at_the_edge_of_grace(zenobia: World) -> None:
    for person in zenobia.people:
        for each in person.credentials:
            if each.status in PERMITS and each.expires:
                assert each.expires > TODAY
            if each.status == "EXPIRED" and each.expires:
                assert (TODAY - each.expires).days not in range(28, 34)


def test_people_share_names_more_often_than_two_independent_draws_would(zenobia: World) -> None:
    holders = [person for person in zenobia.people if person.credentials]
    full = Counter((person.first, person.last) for person in holders)
    shared = sum(count for count in full.values() if count > 1) / len(holders)
    assert 0.08 < shared < 0.11, "0.06 if given and family names were drawn apart"
    last = Counter(person.last for person in holders)
    published, _ = names.published("surnames")
    for name in ("Smith", "Johnson", "Garcia"):
        assert last[name] / len(holders) == pytest.approx(published[name] / 100_000, rel=0.25)
    assert 0.07 < sum(len(person.credentials) > 1 for person in holders) / len(holders) < 0.09
    assert 0.77 < sum(bool(person.middle) for person in holders) / len(holders) < 0.83


@pytest.mark.parametrize("insurer", INSURERS, ids=lambda insurer: insurer.name)
def test_what_the_roll_says_of_people_comes_at_the_stated_rates(zenobia: World, insurer: Insurer) -> None:
    source, size = insurer.name, round(insurer.size * 1_078)
    rows = [row for row in zenobia.truth if row.source == source]
    assert len(rows) == size
    seen = Counter(label for row in rows for label in row.labels)
    rates = {label: share for label, share in STANDING.items() if label not in ("grace", "lapsed", "inactive", "closed")}
    rates |= {"duplicate": noise.group("copies")["duplicate"], "clinic": noise.group("directory")["clinic"]}
    rates |= {"within_grace": STANDING["grace"], "lapsed": sum(list(STANDING.values())[:4])}
    for label, share in rates.items():
        slack = 3 + 0.2 * share * size
        assert abs(seen[label] - share * size) <= slack, f"{label}: {seen[label]} of {size}, stated {share:.3f}"


def test_every_kind_of_noise_befalls_the_stated_share_of_those_it_can_befall(zenobia: World) -> None:
    by_source = {insurer.name: insurer for insurer in INSURERS}
    shown = [each for directory in zenobia.directories.values() for each in directory if each.person and "duplicate" not in each.labels]
    shown = [each for each in shown if "namesake_colleague" not in each.labels]
    for respect, kinds in faults.CAN.items():
        for kind, can in kinds.items():
            able = [each for each in shown if each.person and (kind == "moved" or can(by_source[each.source], each, each.person))]
            due, seen = noise.group(respect)[kind] * len(able), sum(kind in each.labels for each in able)
            assert abs(seen - due) <= 4 + 0.25 * due, f"{kind}: {seen} of {len(able)}, stated {due:.1f}"
        assert all(len(each.labels & {*kinds}) <= 1 for each in shown), f"two faults of one respect hide each other: {respect}"


def test_a_name_is_shown_as_its_noise_says(zenobia: World) -> None:
    by_label: dict[str, list[tuple[str, str, Person]]] = defaultdict(list)
    for directory in zenobia.directories.values():
        for each in directory:
            if each.person and not each.group:
                spoilt = each.labels & {*faults.CAN["given"], *faults.CAN["family"], *faults.CAN["whole"]}
                by_label["|".join(sorted(spoilt))].append((each.first, each.last, each.person))

    def bare(name: str) -> str:
        return name.replace(" ", "").replace("'", "")

    assert all(first == each.first[0] for first, _, each in by_label["initial"])
    assert all(first == each.middle for first, _, each in by_label["middle_as_first"])
    assert all((last, first) == (each.first, each.last) for first, last, each in by_label["swapped"])
    assert all(last in each.last.split("-") for _, last, each in by_label["hyphen_dropped"])
    assert all(last.startswith(f"{each.last}-") for _, last, each in by_label["hyphen_added"])
    assert all(last != each.last and bare(last) == bare(each.last) for _, last, each in by_label["respaced"])
    assert all(last != each.last and first == each.first for first, last, each in by_label["misspelt_family"])
    assert all(first in names.nicknames()[each.first] for first, _, each in by_label["nickname"])
    assert all((first, last) == (each.first, each.last) for first, last, each in by_label[""])


def test_noise_held_out_spoils_names_only_where_it_is_asked_for(zenobia: World) -> None:
    spoilt = world.build(20, today=TODAY, held_out=True)
    unseen = {"look_alike", "key_neighbour"}
    assert not any(unseen & {*row.labels} for row in zenobia.truth)
    assert spoilt.roll_rows == zenobia.roll_rows
    before = [each for directory in zenobia.directories.values() for each in directory]
    after = [each for directory in spoilt.directories.values() for each in directory]
    changed = [(one, other) for one, other in zip(before, after, strict=True) if (one.first, one.last) != (other.first, other.last)]
    assert 0.015 < len(changed) / len(before) < 0.035
    assert all(other.labels & unseen for _, other in changed)


def test_every_rate_says_on_whose_word_and_the_unknown_is_refused() -> None:
    text = (ROOT / "simulation" / "noise.yml").read_text(encoding="utf-8")
    for group, rates in noise.read(text).items():
        for name, rate in rates.items():
            dated = re.search(r"[12][0-9]{3}|No published|\.(com|gov|io)|OEI|USC", rate.source)
            assert rate.of and dated, f"{group}.{name} names no source"
    for wrong, said in (
        (text.replace("held_out:", "unseen:"), "groups: held_out, unseen"),
        (text.replace("  swapped:", "  reversed:"), "whole: reversed, swapped"),
        (text.replace("swapped: {value: 0.01", "swapped: {rate: 0.01"), "whole.swapped: rate, value"),
        (text.replace("swapped: {value: 0.01", "swapped: {value: 1.01"), "1.01 is no share"),
    ):
        with pytest.raises(ValueError, match=said):
            noise.read(wrong)


def test_a_group_of_duplicates_is_one_person_at_one_place_in_one_network(zenobia: World) -> None:
    by_group: dict[str, list[object]] = {}
    for directory in zenobia.directories.values():
        for listing in directory:
            if listing.group:
                by_group.setdefault(listing.group, []).append((listing.person, listing.place, listing.network))
    assert all(len(group) in (2, 3) and len(set(group)) == 1 for group in by_group.values())
    for directory in zenobia.directories.values():
        alone = Counter((each.person, each.place, each.network) for each in directory if each.person and not each.group)
        assert max(alone.values()) == 1, "a listing that repeats another belongs in a group"


def test_every_listing_can_be_found_again_by_its_key(zenobia: World) -> None:
    keys = Counter((row.source, *row.key.values()) for row in zenobia.truth)
    assert max(keys.values()) == 1


def test_npis_are_luhn_valid_but_for_the_faulty_and_none_could_be_real(zenobia: World) -> None:
    shown = [listing for directory in zenobia.directories.values() for listing in directory]
    for npi, row in zip([listing.npi for listing in shown], zenobia.truth, strict=True):
        assert not npi or npi.startswith("29")
        valid = not npi or (len(npi) == 10 and check_digit(npi[:9]) == npi[9])
        assert valid is not row.expected["npi_invalid"]


def test_nothing_shown_can_belong_to_anybody(zenobia: World) -> None:
    for directory in zenobia.directories.values():
        for listing in directory:
            assert listing.place.zip.startswith("003"), "USPS has assigned no ZIP from 000 to 004"
            assert listing.place.phone[1] == "9", "area codes N9X are kept back"
            assert listing.place.phone[3:8] == "55501", "555-0100 to 555-0199 are kept for fiction"


def test_the_best_license_counts_and_what_nobody_can_tell_is_not_counted(zenobia: World) -> None:
    people = {person.id: person for person in zenobia.people}
    for row in zenobia.truth:
        if row.person_id and any(each.status in PERMITS for each in people[row.person_id].massage):
            assert row.expected["lapsed_license"] is False
            assert row.expected["barred_license"] is False
            assert row.days_since_expiry is None
        if row.expected["lapsed_license"] and row.days_since_expiry:
            assert row.person_id and (row.days_since_expiry > 30 or any(e.status == "INACTIVE" for e in people[row.person_id].massage))
    grace = [row for row in zenobia.truth if "within_grace" in row.labels]
    assert grace and all(row.expected["lapsed_license"] is False for row in grace)
    unknowable = [row for row in zenobia.truth if "lapsed" in row.labels and row.expected["lapsed_license"] is None]
    assert unknowable, "some lapsed people share their name with somebody and are shown without a number"


def test_a_score_forgives_which_duplicate_was_kept() -> None:
    def row(group: str | None, is_duplicate: bool) -> Truth:
        return Truth(
            source="s", key={}, network="n", person_id=None, labels=(), duplicate_group=group, days_since_expiry=None, credentials=(),
            expected={"duplicate_listing": is_duplicate}, so={"duplicate_listing": is_duplicate}, is_shared=False,
        )  # fmt: skip

    rows = [row("g", False), row("g", True), row("g", True), row(None, False)]
    assert score(rows, "duplicate_listing", {0, 1}) == score(rows, "duplicate_listing", {1, 2})
    assert score(rows, "duplicate_listing", {0, 1}).recall == 1
    assert score(rows, "duplicate_listing", {0, 1, 2}).precision == pytest.approx(2 / 3)
    assert (score(rows, "duplicate_listing", {3}).wrong, score(rows, "duplicate_listing", {3}).missed) == (1, 2)
