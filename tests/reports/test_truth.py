"""Every printed number against the truth of an invented state, counted in plain Python from the world that was written.

Given who is who, a count must be the truth itself. Left to the matching, it must be as far from the truth as is printed and no further.
"""

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

import matching
from pipelines import curate, demo, models, runs, stages, warehouse
from pipelines.settings import Settings
from reports.measures import BANDS, compute, error_rate
from reports.records import Measure
from scrapers.evidence import Archive
from scrapers.sources import Audit, load_audit
from simulation import cards, places, sites, truth, world
from simulation.listings import Listing

pytestmark = pytest.mark.slow

REVIEWED = 40
LICENSE = ("lapsed_license", "barred_license", "retired_or_deceased")
NOW = datetime(2026, 11, 20, 18, tzinfo=UTC)
AT = NOW.replace(tzinfo=None)
Found = Mapping[tuple[str, str], Measure]


@dataclass(frozen=True)
class Shown:
    """One line of a directory beside what is true of it; `place` is its line in the truth."""

    place: int
    listing: Listing
    truth: truth.Truth

    @property
    def is_unique(self) -> bool:
        return not self.truth.expected["duplicate_listing"]

    @property
    def person(self) -> str:
        """Who is meant; a practice that is taken for a person is nobody else."""
        return self.listing.person.id if self.listing.person else f"practice {self.place}"


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
    invented = world.build(7, 110, 1_200, today=NOW.date())
    settings = Settings(data=home, now=NOW)
    with sites.serve(invented) as up:
        asked = load_audit(cards.write(invented, up.urls, home / "cards"))
        run = runs.begin(settings, asked)
        for source in asked.sources:
            run = runs.collected(run, source.name, stages.collect_source(settings, source, lambda done, total, what: None).id)
    with warehouse.rebuilt(home / "truth.duckdb") as con:
        curate.load(con, Archive(settings.raw), asked, run, lambda line: None)
        models.build(con, curate.curated_models(), curate.named_settings(asked))
        curate.lay_out_ledger(con)
        listed = tuple(listing for directory in invented.directories.values() for listing in directory)
        shown = tuple(map(Shown, range(len(listed)), listed, invented.truth))
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
    """Listings that name somebody; a practice whose name alone is shown, and tells nothing of a practice, counts as one."""

    def is_taken_for_a_person(listing: Listing) -> bool:
        return listing.organization == places.ODD_NAMES[1] and listing.source != "birch_health"

    return [each for each in counted.shown if each.listing.person or is_taken_for_a_person(each.listing)]


def is_so(check: str) -> Callable[[Shown], bool]:
    return lambda each: bool(each.truth.so.get(check, each.truth.expected.get(check)))


def is_lapsed(each: Shown) -> bool:
    return any(is_so(check)(each) for check in LICENSE)


def scopes(counted: Counted) -> dict[str, list[Shown]]:
    """Every scope and who is in it."""
    every = in_scope(counted)
    found = {"all": every}
    for each in every:
        found.setdefault(each.listing.source, []).append(each)
        found.setdefault(f"{each.listing.source}/{each.listing.network}", []).append(each)
    return found


def test_given_who_is_who_every_count_is_the_truth(counted: Counted) -> None:
    for scope, every in scopes(counted).items():
        unique = [each for each in every if each.is_unique]
        people = {each.person for each in every}
        wanted = {
            "listings": (len(every), None),
            "unique": (len(unique), len(every)),
            "duplicates": (len(every) - len(unique), len(every)),
            "providers": (len(people), None),
            "match.same": (sum(bool(each.truth.credentials) for each in unique), len(unique)),
            "match.unsure": (0, len(unique)),
            "match.none": (sum(not each.truth.credentials for each in unique), len(unique)),
            "duplicate_listing.listing.ab": (len(every) - len(unique), len(every)),
            "not_in_force.listing.abc": (sum(map(is_lapsed, unique)), len(unique)),
            "not_in_force.provider.abc": (len({each.person for each in every if is_lapsed(each)}), len(people)),
        }
        checks = (
            *LICENSE,
            "no_license_found",
            "wrong_profession",
            "npi_invalid",
            "missing_required_field",
            "npi_deactivated",
            "npi_of_another",
        )
        for check in checks:
            wanted[f"{check}.listing.abc"] = (sum(map(is_so(check), unique)), len(unique))
        for name, (numerator, denominator) in wanted.items():
            found = counted.given[name, scope]
            assert (found.numerator, found.denominator) == (numerator, denominator), f"{name}, {scope}"


def test_given_who_is_who_the_days_since_are_the_truth(counted: Counted) -> None:
    unique = [each for each in in_scope(counted) if each.is_unique]
    for band, (least, most) in BANDS.items():
        within = [
            each
            for each in unique
            if each.truth.so.get("lapsed_license") or "within_grace" in each.truth.labels
            if each.truth.days_since_expiry is not None and least <= each.truth.days_since_expiry <= (most or 10**6)
        ]
        found = counted.given[f"lapsed.days_{band}", "all"].numerator
        others = sum(is_so("barred_license")(each) or is_so("retired_or_deceased")(each) for each in unique)
        assert len(within) <= found <= len(within) + others, band


def test_given_who_is_who_the_verified_network_is_what_is_not_contradicted(counted: Counted) -> None:
    for scope, every in scopes(counted).items():
        unique = [each for each in every if each.is_unique]
        documented = counted.given["not_in_force.listing.a", scope].numerator
        assert counted.given["standing.verified_low", scope].numerator == 0, "a license confirms nothing"
        assert counted.given["standing.verified_high", scope].numerator == len(unique) - documented
        assert documented <= sum(map(is_lapsed, unique))


def test_counties_count_what_their_zip_codes_hold(counted: Counted) -> None:
    found = {scope: each.numerator for (name, scope), each in counted.given.items() if name == "listings" and scope.startswith("county:")}
    assert sum(found.values()) == sum(bool(each.listing.place.zip) for each in in_scope(counted))
    assert len(found) > 1


def test_unaided_the_printed_error_rate_covers_the_truth(counted: Counted) -> None:
    right = counted.unaided["review.precision", "all"]
    assert right.population == counted.reviewed
    assert right.exact_low is not None
    assert right.exact_high is not None
    assert right.exact_low <= 1 - counted.wrong / counted.reviewed <= right.exact_high
    assert error_rate(counted.unaided).startswith(f"{REVIEWED - right.numerator} of {REVIEWED} reviewed findings not right (")


@pytest.mark.parametrize("name", ["not_in_force", "lapsed_license", "barred_license", "retired_or_deceased", "duplicate_listing"])
def test_unaided_each_headline_differs_from_the_truth_by_no_more_than_is_printed(counted: Counted, name: str) -> None:
    right = counted.unaided["review.precision", "all"].exact_low or 0.0
    for scope, every in scopes(counted).items():
        unique = [each for each in every if each.is_unique]
        true = {
            "not_in_force": sum(map(is_lapsed, unique)),
            "duplicate_listing": len(every) - len(unique),
        }.get(name, sum(map(is_so(name), unique)))
        documented, probable = (counted.unaided[f"{name}.listing.{tiers}", scope].numerator for tiers in ("a", "abc"))
        undecided = sum(counted.unaided[f"match.{link}", scope].numerator for link in ("unsure", "none"))
        assert right * documented <= true <= probable + undecided, scope
