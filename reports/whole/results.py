"""What was found: by check, by insurer, by the two definitions; what is known of each listing, and how surely."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from typing import Any

from reports.measures import BANDS, CHECKS, percent, shown, span, wilson
from reports.records import Measure, Section
from reports.render import alts, charts
from reports.whole.asking import ALL, Asking, Rows, rate
from reports.whole.rows import COLUMNS

PICTURED = {
    "not_in_force.listing.a": "unique listings whose license was not in force, tier A",
    "duplicates": "duplicates, of all listings in scope",
}
LASTING, LANES = 30, 5  # days between the first capture and the last; lanes that a picture has room for
STEPS = ("captured", "parsed", "in_scope", "unique", "matched", "flagged", "reviewed", "final")
EVIDENCE = {
    "attestation": "attestation of the provider, who agreed to be named",
    "insurer_answer": "the insurer's answer",
    "in_confidence": "said in confidence: calls, and attestations of providers who did not",
    "in_network_file": "the insurer's in-network file",
    "roll": "license roll",
}
REPLIED = ("sent", "answered", "concurred", "disputed", "upheld", "withdrawn")


def flow(run: Asking) -> Section:
    """From captured to final, per insurer, with the picture of all together."""
    counts = {(source, step): count for source, step, count in run.ask("select source_id, step, count from reports.flow")}
    rows = [(name, *(counts.get((source, step), 0) for step in STEPS)) for source, name in run.insurers]
    totals = [sum(row[place] for row in rows) for place in range(1, len(STEPS) + 1)]
    about = list(run.sources)
    if len(rows) > 1:
        rows.append(("All", *totals))
        about.append(ALL)
    steps = list(zip(run.words["sections"]["flow"]["columns"][1:], totals, strict=True))
    alt = "Bars of listings at each step: " + ", ".join(f"{name} {count:,}" for name, count in steps) + "."
    return run.section("flow", rows, about=about, chart=charts.flow(steps), alt=alt)


def results(run: Asking) -> Section:
    """One row per check that ran: tiers apart, listings beside persons."""
    ran = [each.name.split(".")[0] for each in run.measures if each.scope == ALL and each.name.endswith(".listing.a")]
    rows, bars = [], []
    for name in dict.fromkeys(ran):
        if name not in CHECKS:
            continue  # a sum of checks, not a check
        a, ab, abc = (run.by_name[f"{name}.listing.{tiers}", ALL] for tiers in ("a", "ab", "abc"))
        persons, wide = (run.by_name[f"{name}.provider.{tiers}", ALL] for tiers in ("a", "ab"))
        tiers = (a.numerator, ab.numerator - a.numerator, abc.numerator - ab.numerator)
        bars.append((CHECKS[name], *tiers))
        rows.append((CHECKS[name], *tiers, a.denominator, *rate(a), persons.numerator, wide.numerator, persons.denominator))
    alt = "Bars of listings by check and tier: " + "; ".join(f"{name}: A {a:,}, B {b:,}, C {c:,}" for name, a, b, c in bars) + "."
    return run.section("results", rows, chart=charts.findings(bars), alt=alt)


def own_results(run: Asking) -> Section:
    """The same per insurer: only what was found, listings and persons in tiers A and B."""
    rows, about = [], []
    for source, name in run.insurers:
        for check, title in CHECKS.items():
            a, ab = (run.by_name.get((f"{check}.listing.{tiers}", source)) for tiers in ("a", "ab"))
            persons = run.by_name.get((f"{check}.provider.ab", source))
            if a and ab and persons and ab.numerator:
                rows.append((name, title, a.numerator, ab.numerator - a.numerator, a.denominator, *rate(a), persons.numerator))
                about.append(source)
    return run.section("own_results", rows, about=about)


def families(run: Asking, key: str, starts: Iterable[str]) -> Section:
    """Every measure of these families, as it is printed everywhere."""
    return run.section(key, [(each.title, shown(each)) for start in starts for each in run.family(start)])


def two_counts(run: Asking) -> Section:
    """The strict and the wide definition and what prevents access, apart, at the level of listings and of persons."""
    said = run.words["sections"]["two_counts"]
    rows = []
    for kind, title in said["kinds"].items():
        for level, counted in said["levels"].items():
            a, ab = (run.by_name.get((f"{kind}.{level}.{tiers}", ALL)) for tiers in ("a", "ab"))
            if a and ab:
                rows.append((title, counted, shown(a), shown(ab)))
    return run.section("two_counts", rows)


def directories(run: Asking) -> Section:
    """One row per insurer, and a picture of one share of each with its interval, in the same order."""
    rates: list[charts.Rate] = []
    rows: list[tuple[Any, ...]] = []
    for source, name in run.insurers:
        if each := run.by_name.get((_pictured(run), source)):
            rates.append((name, each.numerator, each.denominator or 0, each.value, each.low, each.high))
        doubles, unique = run.by_name["duplicates", source], run.by_name["unique", source]
        row = (name, doubles.denominator, doubles.numerator, rate(doubles)[0], unique.numerator)
        if run.has_roll:
            barred, wide = (run.by_name[f"not_in_force.listing.{tiers}", source] for tiers in ("a", "ab"))
            rows.append((*row, barred.numerator, wide.numerator, *rate(barred)))
        else:
            rows.append((*row, None, None, None, None))
    said = alts.intervals(pictured(run).capitalize(), rates)
    return run.section("directories", rows, about=run.sources, chart=charts.intervals(rates), alt=said)


def pictured(run: Asking) -> str:
    """The share that the picture of insurers shows, in words."""
    return PICTURED[_pictured(run)]


def _pictured(run: Asking) -> str:
    return "not_in_force.listing.a" if run.has_roll else "duplicates"


def duplicates(run: Asking) -> Section:
    kinds = ("duplicates", "multi_location")
    everyone = (*run.insurers, (ALL, "All"))
    rows = [(name, *(shown(run.by_name[kind, scope]) for kind in kinds)) for scope, name in everyone]
    return run.section("duplicates", rows, about=(*run.sources, ALL))


def status(run: Asking) -> Section:
    within = [f"days_since >= {least}" + ("" if most is None else f" and days_since <= {most}") for least, most in BANDS.values()]
    bands = ", ".join(f"count(*) filter (where {each})" for each in [*within, "days_since is null"])
    rows = run.ask(
        f"select replace(status, '_', ' '), {bands}, count(*) from reports.in_scope"
        " where is_unique and license = 'not_in_force' group by 1 order by 1"
    )
    return run.section("status", rows)


def standing(run: Asking) -> Section:
    known = ("standing.confirmed", "standing.undetermined", "standing.contradicted", "unique")
    everyone = (*run.insurers, (ALL, "All"))
    rows = [(name, *(run.count(each, scope) for each in known)) for scope, name in everyone]
    return run.section("standing", rows, about=(*run.sources, ALL))


def participation(run: Asking) -> Section:
    """Unique listings confirmed and contradicted, by insurer and class of evidence.

    What was said in confidence (a call, an attestation without consent) has a class of its own, and is there only where reports.in_scope
    lets it be counted; elsewhere the listing stands under what can be said without, or nowhere. So the classes add up to what
    standing.* prints, and nothing is told by subtraction.
    """
    names: dict[str, str] = dict(run.insurers)
    found = run.ask(
        """
        with told as (
          select in_scope.source_id, in_scope.standing,
            case
              when known.evidence_class not in ('attestation', 'call') then known.evidence_class
              when in_scope.standing <> in_scope.public_standing then 'in_confidence'
              when in_scope.standing = 'contradicted' and documented.claim_id is not null then 'roll'
              else 'attestation'
            end as evidence
          from reports.in_scope
          join matching.standing as known on known.claim_id = in_scope.claim_id
          left join (
            select distinct claim_id from matching.finding
            where tier = 'A' and state <> 'resolved' and stage <> 'withdrawn'
              and check_name in ('lapsed_license', 'barred_license', 'retired_or_deceased')
          ) as documented on documented.claim_id = in_scope.claim_id
          where in_scope.is_unique and in_scope.standing <> 'undetermined'
        )
        select source_id, evidence, count(*) filter (where standing = 'confirmed'), count(*) filter (where standing = 'contradicted')
        from told
        where evidence is not null
        group by all
        """
    )
    order = list(EVIDENCE)
    told = sorted(found, key=lambda row: (names[row[0]], row[0], order.index(row[1])))
    return run.section(
        "participation",
        [(names[source], EVIDENCE[evidence], yes, no) for source, evidence, yes, no in told],
        about=[source for source, *_ in told],
    )


def longest(run: Asking, shown: Sequence[tuple[Any, ...]]) -> Iterator[Section]:
    """Of the findings shown, those whose captures lie furthest apart, as rows and as lanes of days; nothing where none lasted."""
    at = {column: place for place, column in enumerate(COLUMNS)}
    told: dict[str, tuple[date | None, date | None]] = {
        finding: (when, answered)
        for finding, when, answered in run.ask(
            "select finding_id, cast(insurer_told_at as date), cast(answered_at as date) from matching.progress"
            " where insurer_told_at is not null or answered_at is not null"
        )
    }
    found = []
    for row in shown:
        first, last = (date.fromisoformat(row[at[column]]) for column in ("First seen", "Last seen"))
        if (last - first).days >= LASTING:
            found.append(((first - last).days, row[at["Finding"]], first, last, row))
    rows, lanes, about = [], [], []
    for days, finding, first, last, row in sorted(found, key=lambda each: each[:2])[:LANES]:
        sent, answered = told.get(finding, (None, None))
        events: list[charts.Event] = [(first, "listed", "first seen"), (last, "listed", "still so")]
        events += [(day, "event", words) for day, words in ((sent, "insurer told"), (answered, "insurer answered")) if day]
        lanes.append((row[at["Code"]], events))
        rows.append((row[at["Code"]], row[at["Insurer"]], CHECKS.get(row[at["Check"]]), str(first), str(last), -days, sent))
        about.append(row[at["Source"]])
    if rows:
        yield run.section("longest", rows, about=about, chart=charts.timeline(lanes), alt=alts.timeline(lanes))


def uncertainty(run: Asking) -> Section:
    """Each rate of a finding over all insurers, with both intervals."""
    names = [
        "standing.confirmed",
        "duplicates",
        "match.same",
        "not_in_force.listing.a",
        "not_in_force.listing.ab",
        "not_in_force.provider.a",
    ]
    found = [run.by_name[name, ALL] for name in names if (name, ALL) in run.by_name]
    found += [each for start in ("strict.", "wide.", "access.") for each in run.family(start) if each.name.endswith(".a")]
    return run.section("uncertainty", [(each.title, each.numerator, each.denominator, *rate(each), _exact(each)) for each in found])


def _exact(each: Measure) -> str | None:
    low, high = getattr(each, "exact_low", None), getattr(each, "exact_high", None)
    return None if low is None or high is None else span(low, high)


def software(run: Asking) -> Section:
    """How the checks did on the invented state: a test of the software, printed as one."""
    rows = [
        (
            *(CHECKS.get(each.check, each.check), each.flagged, each.right, *_share(each.right, each.flagged)),
            *(each.true, each.found, *_share(each.found, each.true), each.unsure),
        )
        for each in run.context.measured
        if each.check != "no_license_found"  # tier C by rule: it has no tier A to be right in
    ]
    return run.section("software", rows, also=["measured" if rows else "unmeasured"])


def _share(part: int, whole: int) -> tuple[str | None, str | None]:
    return (percent(part / whole), span(*wilson(part, whole))) if whole else (None, None)


def replies(run: Asking) -> Section:
    """What became of the findings sent, per insurer, by the measures reply.*; nothing where nothing was sent."""
    rows: Rows = [
        (name, *(found.numerator if (found := run.by_name.get((f"reply.{step}", source))) else None for step in REPLIED))
        for source, name in run.insurers
        if run.count("reply.sent", source)
    ]
    return run.section("replies", rows, about=[source for source in run.sources if run.count("reply.sent", source)])
