"""Every printed number against the truth of an invented state, counted in plain Python from the world that was written.

Given who is who, a count must be the truth itself. Left to the matching, it must be as far from the truth as is printed and no further.
Who is who is told as verdicts on listings and licenses, so of people who hold no license it cannot be told: the same person under two
spellings may be counted as two. Numbers that count persons lie between the two, and are the truth itself where nobody is in question.
"""

import random
import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

import pytest

import matching
from pipelines import curate, demo, models, runs, stages, warehouse
from pipelines.settings import Settings
from reports.measures import BANDS, compute, error_rate
from reports.records import Measure
from scrapers.evidence import Archive
from scrapers.fetch import Client
from scrapers.sources import Audit, load_audit
from simulation import cards, geography, places, sites, truth, world
from simulation.listings import Listing
from simulation.people import Person

pytestmark = pytest.mark.slow

REVIEWED = 80
LICENSE = ("lapsed_license", "barred_license", "retired_or_deceased")
CHECKS = (*LICENSE, *(check for check in truth.CHECKS if check not in (*LICENSE, "duplicate_listing")), "implausible_locations")
COUNTIES = {town: geography.code(at) for at, (_, _, towns) in enumerate(geography.COUNTIES) for town in towns}
NOW = datetime(2026, 11, 20, 18, tzinfo=UTC)
AT = NOW.replace(tzinfo=None)
Found = Mapping[tuple[str, str], Measure]


@dataclass(frozen=True)
class Shown:
    """One line of a directory beside what is true of it; `place` is its line in the truth."""

    place: int
    listing: Listing
    truth: truth.Truth
    is_on_list: bool  # an NPI on the exclusion list is shown, or a name on it that nothing shown contradicts

    @property
    def is_unique(self) -> bool:
        return not self.truth.expected["duplicate_listing"]

    @property
    def is_licensed(self) -> bool:
        return bool(self.truth.credentials)

    @property
    def person(self) -> str:
        """Who is meant; a practice that is taken for a person is nobody else."""
        return self.listing.person.id if self.listing.person else f"practice {self.place}"

    @property
    def told_person(self) -> str:
        """The same, where nobody could tell of any two listings of people without a license that they mean one person."""
        return self.person if self.is_licensed else f"listing {self.place}"


@dataclass(frozen=True)
class Counted:
    """The same state measured twice: by the matching alone, and given who is who."""

    shown: tuple[Shown, ...]
    unaided: Found
    given: Found
    reviewed: int  # findings of tiers A and B that the matching alone made, from which the review was drawn
    wrong: int  # of those, how many are wrong in truth


@pytest.fixture(scope="module")
def counted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Counted]:
    home = tmp_path_factory.mktemp("truth")
    invented = world.build(8, 300, 5_000, today=NOW.date())
    settings = Settings(data=home, now=NOW)
    with sites.serve(invented) as up, pytest.MonkeyPatch.context() as patch:
        patch.setattr(stages, "Client", partial(Client, clock=lambda: NOW))  # every day, listings are seen on the day the world is of
        asked = load_audit(cards.write(invented, up.urls, home / "cards"))
        run = runs.begin(settings, asked)
        for source in asked.sources:
            run = runs.collected(run, source.name, stages.collect_source(settings, source, lambda done, total, what: None).id)
    with warehouse.rebuilt(home / "truth.duckdb") as con:
        curate.load(con, Archive(settings.raw), asked, run, lambda line: None)
        models.build(con, curate.curated_models(), curate.named_settings(asked))
        curate.lay_out_ledger(con)
        listed = tuple(listing for directory in invented.directories.values() for listing in directory)
        shown = tuple(map(Shown, range(len(listed)), listed, invented.truth, _on_list(invented, listed)))
        _match(con, asked)
        lines = demo.places(con, invented)
        flagged = con.execute(_FLAGGED).fetchall()
        right = {finding: _is_right(shown, check, [lines[listing] for listing in listings]) for finding, check, listings in flagged}
        _review(con, right)
        unaided = _measured(con, asked)
        _tell(con, asked, invented, lines)
        _match(con, asked)
        yield Counted(shown, unaided, _measured(con, asked), len(right), sum(not is_right for is_right in right.values()))


_FLAGGED = """
select finding.finding_id, finding.check_name, list(flagged.listing_id)
from matching.finding
join reports.in_scope on in_scope.claim_id = finding.claim_id
join reports.flagged on flagged.listing_id = in_scope.listing_id and flagged.check_name = finding.check_name
where finding.tier in ('A', 'B') and finding.state <> 'resolved'
group by all order by 1
"""


def _on_list(invented: world.World, listed: Iterable[Listing]) -> Iterator[bool]:
    """Of each listing, whether it may be of somebody on the exclusion list, as far as list and listing show NPIs and names."""
    registry, people = invented.registry, {person.id: person for person in invented.people}
    barred = [(people[id], registry.npis[id] if each.has_npi else "") for id, each in registry.excluded.items() if not each.until]
    for listing in listed:
        has_npi = len(listing.npi) == 10 and places.check_digit(listing.npi[:9]) == listing.npi[9]
        yield any(listing.npi == npi if has_npi and npi else _bears_the_name(listing, person) for person, npi in barred)


def _bears_the_name(listing: Listing, person: Person) -> bool:
    is_same = _folded(listing.first, listing.last) == _folded(person.first, person.last)
    return is_same and (not listing.middle or not person.middle or listing.middle[0] == person.middle[0])


def _folded(*names: str) -> str:
    letters = unicodedata.normalize("NFKD", " ".join(names).replace("'", "")).encode("ascii", "ignore").decode()
    return " ".join(re.findall("[A-Z]+", letters.upper()))


def _match(con: warehouse.Connection, asked: Audit) -> None:
    roll = asked.roll.name if asked.roll else None
    settings = matching.Settings(profession=asked.profession, grace_days=asked.grace_days, roll=roll, audit=asked.name)
    matching.link(con, settings)
    matching.findings(con, settings)
    models.build(con, [model for model in models.load("reports/sql", "reports") if model.name in MODELS], curate.named_settings(asked))


MODELS = {f"reports.{name}" for name in ("in_scope", "flagged", "flow", "progress", "called", "judged", "review")}


def _measured(con: warehouse.Connection, asked: Audit) -> Found:
    models.build(con, [model for model in models.load("reports/sql", "reports") if model.name in MODELS], curate.named_settings(asked))
    return {(each.name, each.scope): each for each in compute(con, "commissioner")}


def _is_right(shown: Sequence[Shown], check: str, lines: Sequence[int]) -> bool:
    """Whether what a finding says is so; of a duplicate, whether the listing has a twin."""
    if check == "duplicate_listing":
        return all(shown[line].truth.duplicate_group for line in lines)
    return all(bool(shown[line].truth.so.get(check, shown[line].truth.expected.get(check))) for line in lines)


def _review(con: warehouse.Connection, right: Mapping[str, bool]) -> None:
    """Draw findings and let two reviewers judge them, who know the truth."""
    drawn = random.Random(3).sample(sorted(right), REVIEWED)
    con.execute(
        "insert into ledger.sample by name "
        "select 's' as sample_id, $audit as audit, 'review' as purpose, $frame as frame_count, $at as \"at\"",
        {"audit": cards.AUDIT, "frame": len(right), "at": AT},
    )
    for finding in drawn:
        con.execute(
            "insert into ledger.draw by name select 's' as sample_id, 'finding' as subject_kind, $id as subject_id", {"id": finding}
        )
        for reviewer in ("one", "other"):
            said = "right" if right[finding] else "wrong"
            con.execute(
                "insert into ledger.verdict by name select $id || $by as verdict_id, $id as finding_id, $said as judgement, "
                '$by as "by", $at as "at"',
                {"id": finding, "by": reviewer, "said": said, "at": AT},
            )


def _tell(con: warehouse.Connection, asked: Audit, invented: world.World, lines: Mapping[str, int]) -> None:
    """Enter who is who as verdicts: the same as every license the person holds, different from every other that came into question."""
    roll = asked.roll.name if asked.roll else ""
    licenses = dict(con.execute("select license_key, credential_id from curated.credential where source_id = ?", [roll]).fetchall())
    true = {(listing, licenses[number]) for listing, line in lines.items() for number in invented.truth[line].credentials}
    seen = set(
        con.execute("select left_id, right_id from matching.candidate where left_id in (select unnest(?))", [list(lines)]).fetchall()
    )
    pairs = sorted(true | seen)
    con.execute(
        "insert into ledger.verdict by name select left_id || right_id as verdict_id, 'listing' as left_kind, left_id, "
        "'credential' as right_kind, right_id, judgement, 'written so' as reason, 'who wrote it' as \"by\", $at as \"at\" "
        "from (select unnest($left::text[]) as left_id, unnest($right::text[]) as right_id, unnest($said::text[]) as judgement)",
        {
            "left": [left for left, _ in pairs],
            "right": [right for _, right in pairs],
            "said": ["same" if pair in true else "different" for pair in pairs],
            "at": AT,
        },
    )


def in_scope(counted: Counted) -> list[Shown]:
    """Listings that name somebody; a practice whose name alone is shown, and tells nothing of a practice, counts as one.

    Of a person and a practice in each other's boxes the reader may see a practice alone; in this state it does not.
    """

    def is_taken_for_a_person(listing: Listing) -> bool:
        return listing.organization == places.ODD_NAMES[1] and listing.source != "birch_health"

    return [each for each in counted.shown if each.listing.person or is_taken_for_a_person(each.listing)]


def is_so(check: str) -> Callable[[Shown], bool]:
    return lambda each: bool(each.truth.so.get(check, each.truth.expected.get(check)))


def is_lapsed(each: Shown) -> bool:
    return any(is_so(check)(each) for check in LICENSE)


def scopes(counted: Counted) -> dict[str, list[Shown]]:
    """Every scope and who is in it: all, an insurer, its network, a county, and a network in a county."""
    found = defaultdict(list)
    for each in in_scope(counted):
        insurer, county = each.listing.source, f"county:{COUNTIES[each.listing.place.city]}"
        network = f"{insurer}/{each.listing.network}"
        for scope in ("all", insurer, network, county, f"{network}/{county}"):
            found[scope].append(each)
    return found


Number = tuple[int, int | None]  # numerator, denominator


def true(every: Sequence[Shown], who: Callable[[Shown], str]) -> dict[str, Number]:
    """Each number of a scope as it is in truth, where `who` says of each listing which person it means."""
    unique, people = [each for each in every if each.is_unique], {who(each) for each in every}
    doors: dict[tuple[str, str, str], set[places.Place]] = defaultdict(set)
    for each in every:
        doors[who(each), each.listing.source, each.listing.network].add(each.listing.place)

    def has_several_doors(each: Shown) -> bool:
        return len(doors[who(each), each.listing.source, each.listing.network]) > 1

    def of_listings(so: Callable[[Shown], bool]) -> Number:
        return sum(map(so, unique)), len(unique)

    def of_people(so: Callable[[Shown], bool]) -> Number:
        return len({who(each) for each in every if so(each)}), len(people)

    found: dict[str, Number] = {
        "listings": (len(every), None),
        "unique": (len(unique), len(every)),
        "duplicates": (len(every) - len(unique), len(every)),
        "duplicate_listing.listing.ab": (len(every) - len(unique), len(every)),
        "duplicate_listing.listing.abc": (len(every) - len(unique), len(every)),
        "duplicate_listing.provider.abc": of_people(lambda each: not each.is_unique),
        "multi_location": of_listings(has_several_doors),
        "providers": (len(people), None),
        "match.same": of_listings(lambda each: each.is_licensed),
        "match.unsure": (0, len(unique)),
        "match.none": of_listings(lambda each: not each.is_licensed),
        "excluded_provider.listing.ab": of_listings(is_so("excluded_provider")),
        "excluded_provider.provider.ab": of_people(is_so("excluded_provider")),
    }
    asked = {check: is_so(check) for check in CHECKS} | dict.fromkeys(("not_in_force", "strict", "wide", "access"), is_lapsed)
    asked["excluded_provider"] = lambda each: each.is_on_list  # whoever bears the name, in tier C
    for name, so in asked.items():
        found[f"{name}.listing.abc"], found[f"{name}.provider.abc"] = of_listings(so), of_people(so)
    ended = [each for each in unique if is_lapsed(each) or "within_grace" in each.truth.labels]
    since = [each.truth.days_since_expiry for each in ended]
    for band, (least, most) in BANDS.items():
        found[f"lapsed.days_{band}"] = sum(days is not None and least <= days <= (most or days) for days in since), len(ended)
    return found | {"lapsed.undated": (since.count(None), len(ended))}


UNTOLD = {  # printed, and no matter of the invented state's truth
    "review": "what reviewers said of the matching alone",
    "reply": "what was sent to insurers: nothing",
    "website": "what was captured of an insurer's website beside its file or API",
    "standing": "below: what the documented findings contradict",
}


def test_given_who_is_who_every_count_is_the_truth(counted: Counted) -> None:
    compared = set()
    for scope, every in scopes(counted).items():
        one, other = (true(every, who) for who in (lambda each: each.person, lambda each: each.told_person))
        for name in one:
            if (name, scope) not in counted.given:
                assert "county:" in scope, f"{name}, {scope}"
                continue
            found = counted.given[name, scope]
            compared.add((name, scope))
            for printed, ends in zip((found.numerator, found.denominator), zip(one[name], other[name], strict=True), strict=True):
                low, high = sorted(end or 0 for end in ends)
                assert low <= (printed or 0) <= high, f"{name}, {scope}"
                assert low == high or name in {"multi_location", "providers"} or ".provider." in name
    below = {key for key in counted.given if key[0].endswith((".a", ".ab"))}
    assert {key for key in counted.given if key[0].partition(".")[0] not in UNTOLD} - below <= compared


def test_every_kind_of_case_is_there_to_be_counted(counted: Counted) -> None:
    nobody = {name for name, (count, _) in true(in_scope(counted), lambda each: each.person).items() if not count}
    assert nobody == {"match.unsure", "implausible_locations.listing.abc", "implausible_locations.provider.abc"}


def test_what_is_better_documented_is_counted_again_with_what_is_less(counted: Counted) -> None:
    for (name, scope), found in counted.given.items():
        if name.endswith(".a"):
            numbers = [counted.given[name + more, scope].numerator for more in ("", "b", "bc")]
            assert numbers == sorted(numbers), f"{name}, {scope}"
            assert found.denominator == counted.given[f"{name}bc", scope].denominator


def test_given_who_is_who_the_verified_network_is_what_is_not_contradicted(counted: Counted) -> None:
    for scope, every in scopes(counted).items():
        unique = [each for each in every if each.is_unique]
        documented = counted.given["not_in_force.listing.a", scope].numerator
        assert documented <= sum(map(is_lapsed, unique))
        standing = {name: counted.given[f"standing.{name}", scope].numerator for name in ("confirmed", "contradicted", "undetermined")}
        assert standing == {"confirmed": 0, "contradicted": documented, "undetermined": len(unique) - documented}
        verified = [counted.given[f"standing.verified_{end}", scope].numerator for end in ("low", "high")]
        assert verified == [0, len(unique) - documented], "a license confirms nothing"


def test_unaided_the_printed_error_rate_covers_the_truth(counted: Counted) -> None:
    right = counted.unaided["review.precision", "all"]
    assert right.population == counted.reviewed
    assert counted.wrong, "a review of nothing but right findings would show nothing"
    assert right.exact_low is not None
    assert right.exact_high is not None
    assert right.exact_low <= 1 - counted.wrong / counted.reviewed <= right.exact_high
    assert error_rate(counted.unaided).startswith(f"{REVIEWED - right.numerator} of {REVIEWED} reviewed findings not right (")


@pytest.mark.parametrize("name", ["not_in_force", "lapsed_license", "barred_license", "retired_or_deceased", "duplicate_listing"])
def test_unaided_each_headline_differs_from_the_truth_by_no_more_than_is_printed(counted: Counted, name: str) -> None:
    right = counted.unaided["review.precision", "all"].exact_low or 0.0
    for scope, every in scopes(counted).items():
        if "county:" in scope:
            continue  # of which neither is printed how many were left unsure
        so, _ = true(every, lambda each: each.person)[f"{name}.listing.abc"]
        documented, probable = (counted.unaided[f"{name}.listing.{tiers}", scope].numerator for tiers in ("a", "abc"))
        undecided = sum(counted.unaided[f"match.{link}", scope].numerator for link in ("unsure", "none"))
        assert right * documented <= so <= probable + undecided, scope
