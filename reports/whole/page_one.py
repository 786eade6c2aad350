"""The first page: who, what, when, how many could be confirmed, under which rule, who has an interest, and what is asked."""

from collections.abc import Mapping
from dataclasses import replace

from reports.lint import withheld
from reports.measures import shown
from reports.records import Section
from reports.whole.asking import ALL, HERE, Asking, Rows, quoted, rate

MAIN = (
    "unique",
    "standing.confirmed",
    "standing.contradicted",
    "duplicates",
    "duplicate_listing.listing.a",
    "not_in_force.listing.a",
    "not_in_force.listing.ab",
    "not_in_force.provider.a",
    "access.listing.a",
    "omitted_from_directory",
    "match.same",
    "match.unsure",
    "match.none",
)
FIGURES = {
    "standing.confirmed": "unique listings could be confirmed{range}",
    "not_in_force.listing.a": "license not in force, documented (tier A)",
    "duplicate_listing.listing.a": "documented duplicates (tier A)",
    "match.none": "matched to no license, which says nothing about the person",
}


NETWORKS = """
select source.source_id, coalesce(source.insurer_name, source.title), source.naic, source.waoic,
  coalesce(named.network, shown.network), named.filed_as, source.surface, named.line, named.regulator, coalesce(shown.listings, 0)
from (select source_id, network, count(*) as listings from reports.in_scope group by all) as shown
full join curated.network as named on named.source_id = shown.source_id and named.network = shown.network
join curated.source on source.source_id = coalesce(named.source_id, shown.source_id)
where source.kind = 'insurer'
order by 2, 5
"""
UNKNOWN = "not stated"
FEW_NETWORKS = 3  # more are counted on the first page; the table of insurers names them all
NO_INTEREST = ("none", "no", "no interest", "no interests", "nothing", "n/a")
LONGEST = 120  # letters of a declared interest on the first page


def facts(run: Asking) -> Mapping[str, str]:
    """What was looked at, when, and by which run; printed at the head of every edition."""
    seen = {
        kind: (titles, (first if first == last else f"{first} to {last}") + (" (stale)" if is_stale else ""))
        for kind, titles, first, last, is_stale in run.ask(
            """
            select source.kind, string_agg(distinct source.title, '; ' order by source.title),
              cast(min(snapshot.observed_on) as text), cast(max(snapshot.observed_on) as text), coalesce(bool_or(snapshot.is_stale), false)
            from curated.snapshot
            join curated.source on source.source_id = snapshot.source_id
            where snapshot.is_latest
            group by 1
            """
        )
    }
    roll = seen.get("license_roll")
    return {
        "Insurers": run.names["insurers"],
        "Directories captured": seen["insurer"][1] if "insurer" in seen else "no complete capture",
        "License roll": f"{roll[0]}, captured {roll[1]}" if roll else "none in this audit",
        "Interests": _declared(run),
        "Write to": run.context.contact or "not yet named; nothing is filed before it is",
        **_signed(run),
        "Run": f"{run.context.run_id}, Rollcall {run.context.code_version}, made {run.context.made_at:%Y-%m-%d %H:%M} UTC",
    }


def figures(run: Asking, scope: str = ALL) -> list[tuple[str, str]]:
    """The few counts of the first page, each with what it counts."""
    most = run.names_of(scope)["not_contradicted"]
    found = [
        (run.by_name[name, scope], words.format(range=f"; at most {most} hold"))
        for name, words in FIGURES.items()
        if (name, scope) in run.by_name
    ]
    said = []
    for measure, words in found:
        share, interval = rate(measure)
        of = f"\nof {measure.denominator:,}" if measure.denominator is not None else ""
        said.append((f"{measure.numerator:,}", words + (f"\n{share} of {measure.denominator:,} ({interval})" if share else of)))
    return said


def finding(run: Asking) -> Section:
    """One row per insurer: who it is in law, what was captured when, how many listings could be confirmed."""
    known = {
        source: rest
        for source, *rest in run.ask(
            """
            select source.source_id, source.naic, source.waoic,
              list_sort(list(distinct coalesce(shown.network, 'not stated'))),
              cast(min(shown.observed_on) as text), cast(max(shown.observed_on) as text)
            from curated.source left join reports.in_scope as shown on shown.source_id = source.source_id
            where source.kind = 'insurer'
            group by all
            """
        )
    }
    rows = []
    for source, name in run.insurers:
        naic, waoic, networks, first, last = known[source]
        confirmed = run.by_name["standing.confirmed", source]
        wrong = run.by_name.get(("not_in_force.listing.a", source))
        rows.append(
            (
                f"{name}\n{_numbers(run, naic, waoic)}",
                "; ".join(networks) if len(networks) <= FEW_NETWORKS else f"{len(networks)} networks",
                first if first == last else f"{first} to {last}",
                shown(confirmed),
                shown(run.by_name["standing.verified_high", source]),
                shown(wrong) if wrong else None,
            )
        )
    made = run.section("finding", rows, also=["with_roll" if run.has_roll else "without_roll", "limits"], about=run.sources)
    return replace(made, paragraphs=[*made.paragraphs, *_rules(run), *_asked(run)])


def _rules(run: Asking) -> list[str]:
    cited = run.ask(
        f"""
        select rule.citation, count(*) from (
          select unnest(rule_ids) as rule_id from matching.finding where tier = 'A' and state <> 'resolved' and stage <> 'withdrawn'
        ) as named
        join curated.rule on rule.rule_id = named.rule_id and rule.verified_on is not null and {HERE}
        group by 1 order by 2 desc, 1 limit 4
        """
    )
    words = run.words["sections"]["finding"]
    rules = "; ".join(f"{citation} ({count:,})" for citation, count in cited)
    return [words["rules"].format(rules=rules)] if rules else list(words["no_rules"])


def _asked(run: Asking) -> list[str]:
    words = run.words["sections"]["finding"]
    first = [remedy.asks for remedy in run.context.remedies][:2]
    return [words["asked"].format(asks=" ".join(first), count=len(run.context.remedies))] if first else []


def interests(run: Asking) -> Section:
    """What the people who worked on this audit declared about themselves, in their words; that nobody has, where nobody has."""
    return run.section("interests", _interests(run))


def _interests(run: Asking) -> Rows:
    sql = """select person, interest, strftime("at", '%Y-%m-%d') from ledger.interest where audit = $audit order by "at", interest_id"""
    return [(person, quoted(withheld(interest)), on) for person, interest, on in run.ask(sql, audit=run.context.audit)]


def _declared(run: Asking) -> str:
    """The interests declared, shortly, for the head of every edition; those who declared none are counted apart."""
    words = run.words["sections"]["interests"]["on_page_one"]
    declared = [(person, interest) for person, interest, _ in _interests(run) if interest]
    some = {person: None for person, interest in declared if not _is_none(interest)}
    none = {person: None for person, _ in declared if person not in some}
    said = dict.fromkeys(
        interest[:LONGEST] + ("…”" if len(interest) > LONGEST else "") for _, interest in declared if not _is_none(interest)
    )
    told = [words["some"].format(count=len(some), declared=" ".join(said))] if some else []
    told += [words["none_by"].format(count=len(none), people="person" if len(none) == 1 else "people")] if none else []
    return " ".join(told) or str(words["none"])


def _is_none(interest: str) -> bool:
    """
    >>> [_is_none(each) for each in ("“None.”", "“no interest”", "“None of mine is listed, but I am a member.”")]
    [True, True, False]
    """
    return interest.strip("“”. ").casefold() in NO_INTEREST


def _signed(run: Asking) -> Mapping[str, str]:
    """Who signed this very run, by name: a signature is given to be shown."""
    sql = """
        select string_agg(concat_ws(', ', name, capacity, strftime("at", '%Y-%m-%d')), '; ' order by "at", sign_off_id)
        from ledger.sign_off where audit = $audit and run_id = $run_id
    """
    ((names,),) = run.ask(sql, audit=run.context.audit, run_id=run.context.run_id)
    return {"Signed by": names} if names else {}


def counts(run: Asking) -> Section:
    has = "with_roll" if run.has_roll else "without_roll"
    return run.section("counts", [run.printed(name) for name in MAIN if (name, ALL) in run.by_name], also=[has])


def insurers(run: Asking) -> Section:
    """Each network with its line of coverage and its regulator, as the insurer's card has them."""
    found = run.ask(NETWORKS)
    rows: Rows = [
        (
            f"{name}\n{_numbers(run, naic, waoic)}",
            f"{network or UNKNOWN}\nfiled as {filed_as or UNKNOWN}",
            surface or UNKNOWN,
            *_jurisdiction(run, line, regulator),
            listings,
        )
        for _, name, naic, waoic, network, filed_as, surface, line, regulator, listings in found
    ]
    return run.section("insurers", rows, about=[source for source, *_ in found])


def jurisdiction(run: Asking) -> Section:
    """Each line of coverage that a network has: who regulates it, how many listings that is, and the printed rules that speak of it."""
    rules: dict[str, dict[str, None]] = {}
    for citation, lines in run.ask(
        f"select citation, applies_to from curated.rule where verified_on is not null and {HERE} order by rule.state = 'US', rule_id"
    ):
        for line in (lines or "").split(", "):
            rules.setdefault(line, {})[citation] = None
    listed: dict[tuple[str | None, str | None], int] = {}
    for *_, line, regulator, listings in run.ask(NETWORKS):
        listed[line, regulator] = listed.get((line, regulator), 0) + listings
    rows = [
        (
            *_jurisdiction(run, line, regulator),
            count,
            "; ".join(rules.get(line, ())) or "none printed" if line else "not known without the line",
        )
        for (line, regulator), count in sorted(listed.items(), key=str)
    ]
    return run.section("jurisdiction", rows)


def _numbers(run: Asking, naic: str | None, waoic: str | None) -> str:
    """The numbers it is filed under; that of Washington's regulator where it has one, or could have."""
    asked = waoic or run.context.state == "Washington"
    return f"NAIC {naic or UNKNOWN}" + (f", WAOIC {waoic or UNKNOWN}" if asked else "")


def _jurisdiction(run: Asking, line: str | None, regulator: str | None) -> tuple[str, str]:
    named = run.context.regulators.get(regulator, regulator) if regulator else UNKNOWN
    return (line or UNKNOWN).replace("_", " "), named
