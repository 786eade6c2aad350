"""What random samples say of the whole: the calls that people made, and the findings that people reviewed."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from matching.records import Connection
from reports import withholding
from reports.census import text
from reports.records import Measure
from reports.statistics import Estimate, Stratum, clopper_pearson, clustered, hypergeometric, kappa_interval, stratified, wilson

LEAST_TO_RATE = 10  # below: a count, never a rate

REACHED = ("confirmed", "not_accepting", "contradicted", "unsettled")
SILENT = ("refused", "unreachable", "unanswered")
DRAWN = (*REACHED, *SILENT)
YES = ("confirmed", "not_accepting")
FAMILIES = [
    [frozenset(YES), frozenset({"contradicted"}), frozenset({"unsettled"})],
    [frozenset({each}) for each in SILENT],
]

SURVEY = (
    "Claims drawn at random before anybody was called, by the newest sample; calls nobody drew are no part of it. "
    "What was reached speaks for the whole frame as far as who answers is like who does not. Of a frame divided into strata each weighs "
    "what it holds, and the estimate is rounded to a whole percent. The interval is Wilson's with finite-population correction "
    "(O'Neill 2021), the exact one beside it hypergeometric."
)
BOUNDS = " All who did not answer are counted as if they had given {} answer: what they would have said lies between the two."
CLUSTERS = (
    " The interval is of a bootstrap that draws whole {} again instead of claims, with a fixed seed (percentile, 2,000 draws): "
    "claims of one of them are not so many witnesses."
)
REVIEW = (
    "Findings of this audit drawn at random for review and judged by two persons or more, none of whom saw the other's verdict. "
    "What any of them doubted counts as not right until a decision upheld it, and what was withdrawn or amended was not right. "
    "The interval is Wilson's with finite-population correction (O'Neill 2021) over the findings drawn from, the exact one beside it "
    "hypergeometric."
)
WEIGHED = " The frame was divided into strata; each weighs what it holds."
JUDGED = "Findings drawn for review, and how many of them two persons or more have judged. No precision is stated before the last."
SAMPLES = "Every draw of findings for review that this audit recorded. Who draws until a sample pleases is seen by this count."
KAPPA = (
    "Cohen's kappa over every two reviewers of one finding: their agreement beyond what their habits alone would give, 1 at most. "
    "Numerator and denominator are the pairs of verdicts that agree, and all. The interval is the jackknife's over findings (Fleiss & "
    "Davies 1982); none is given where all agree, or for fewer than ten pairs."
)
NOT_PRINTED = (
    "Counts of answers of which this one or one that it would tell is fewer than ten. They are in no edition; whoever holds the database, "
    "which is no edition, can count them."
)


@dataclass(frozen=True, slots=True)
class _Told:
    """One number of a survey before it exists: which dispositions, out of which."""

    name: str
    title: str
    so: Sequence[str]
    of: Sequence[str] = DRAWN
    method: str = SURVEY


TOLD = (
    _Told("reached", "Claims reached by telephone (response rate)", REACHED),
    *(_Told(each, f"Claims {each}", (each,)) for each in SILENT),
    _Told("confirmed", "Confirmed by telephone, of those reached", YES, REACHED),
    _Told("contradicted", "Contradicted by telephone, of those reached", ("contradicted",), REACHED),
    _Told("unsettled", "Neither confirmed nor contradicted, of those reached", ("unsettled",), REACHED),
    _Told("not_accepting", "Taking no new patients, of those confirmed", ("not_accepting",), YES),
    _Told(
        "wide", "Wide definition by telephone: contradicted, unreachable or not accepting", ("contradicted", "not_accepting", "unreachable")
    ),
    _Told("confirmed.if_none", "Confirmed, had nobody of the others been", YES, method=SURVEY + BOUNDS.format("no such")),
    _Told("confirmed.if_all", "Confirmed, had all of the others been", (*YES, *SILENT), method=SURVEY + BOUNDS.format("such an")),
    _Told(
        "contradicted.if_none", "Contradicted, had nobody of the others been", ("contradicted",), method=SURVEY + BOUNDS.format("no such")
    ),
    _Told(
        "contradicted.if_all",
        "Contradicted, had all of the others been",
        ("contradicted", *SILENT),
        method=SURVEY + BOUNDS.format("such an"),
    ),
)
CLUSTERED = {"by_person": ("provider_id", "persons"), "by_clinic": ("clinic", "clinics")}


@dataclass(frozen=True, slots=True)
class _Call:
    source: str
    disposition: str
    stratum: str | None
    stratum_count: int
    provider_id: str
    clinic: str


def compute(con: Connection, report: str) -> list[Measure]:
    """Every measure of a sample: survey.* where claims were drawn to be called, review.* where findings were drawn for review."""
    return [*_survey(con, report), *_review(con, report)]


def _survey(con: Connection, report: str) -> Iterator[Measure]:
    rows = con.execute(
        "select coalesce(source_id, ''), disposition, stratum, stratum_count, provider_id, clinic from reports.called order by claim_id"
    ).fetchall()
    calls = [_Call(*row) for row in rows]
    if not calls:
        return
    by_source: dict[str, dict[str, int]] = {call.source: dict.fromkeys(DRAWN, 0) for call in calls}
    for call in calls:
        by_source[call.source][call.disposition] += 1
    every = {answer: sum(counts[answer] for counts in by_source.values()) for answer in DRAWN}
    told = withholding.blocks(every, FAMILIES)
    shut = withholding.closed(by_source, told)
    for scope in ("all", *sorted(by_source.keys() - {""})):
        mine = [call for call in calls if scope in ("all", call.source)]
        where = "" if scope == "all" else f" where source_id = {text(scope)}"
        drawn = f"select count(*) as numerator, null as denominator from reports.called{where}"
        yield _plain(report, "survey.drawn", scope, "Claims drawn to be telephoned", len(mine), SURVEY, drawn)
        printed = [each for each in TOLD if scope not in shut and all(withholding.may_print(part, told) for part in (each.so, each.of))]
        for each in printed:
            yield from _answers(report, each, scope, where, mine, calls)
        if len(printed) < len(TOLD):
            sql = f"select {len(TOLD) - len(printed)} as numerator, null as denominator"
            title = "Numbers of the survey not printed: fewer than 10"
            yield _plain(report, "survey.withheld", scope, title, len(TOLD) - len(printed), NOT_PRINTED, sql)


def _answers(report: str, each: _Told, scope: str, where: str, mine: Sequence[_Call], calls: Sequence[_Call]) -> Iterator[Measure]:
    """One number of the survey, and of who was confirmed the same with its clusters."""
    counted = [call for call in mine if call.disposition in each.of]
    strata = _strata(mine, counted, each.so)
    whole = {call.stratum: sum(other.stratum == call.stratum for other in calls) for call in mine}
    is_whole = all(count == sum(call.stratum == stratum for call in mine) for stratum, count in whole.items())
    k, n = sum(call.disposition in each.so for call in counted), len(counted)
    measure = _plain(report, f"survey.{each.name}", scope, each.title, k, each.method, _shares(each, where))
    measure = replace(measure, denominator=n)
    if n < LEAST_TO_RATE:
        yield measure
        return
    if is_whole:
        measure = _estimated(measure, list(strata.values()))
    elif len({call.stratum for call in calls}) == 1:  # a part of a plain sample, of a part of the frame of unknown size
        low, high = wilson(k, n)
        exact = clopper_pearson(k, n)
        measure = replace(measure, value=k / n, low=low, high=high, exact_low=exact[0], exact_high=exact[1])
    if len(strata) > 1 and measure.value is not None:
        rounded = replace(measure, value=round(measure.value, 2), low=round(measure.low or 0, 2), high=round(measure.high or 0, 2))
        measure = replace(rounded, sql=_shares(each, where, weighed=True))
    yield measure
    if each.name != "confirmed" or measure.value is None:
        return
    weight = {stratum: held.population / held.n if held.n else 0.0 for stratum, held in strata.items()}
    for suffix, (column, words) in CLUSTERED.items():
        records = [(getattr(call, column), call.disposition in each.so, weight[call.stratum]) for call in counted]
        found = clustered(records)
        if found:
            yield replace(
                measure,
                name=f"{measure.name}.{suffix}",
                title=f"{measure.title}; {words} drawn, not claims",
                low=min(round(found.low, 2), measure.value),
                high=max(round(found.high, 2), measure.value),
                exact_low=None,
                exact_high=None,
                method=measure.method + CLUSTERS.format(words),
            )


def _strata(mine: Sequence[_Call], counted: Sequence[_Call], so: Sequence[str]) -> Mapping[str | None, Stratum]:
    found: dict[str | None, list[int]] = {call.stratum: [call.stratum_count, 0, 0] for call in mine}
    for call in counted:
        found[call.stratum][1] += 1
        found[call.stratum][2] += call.disposition in so
    return {stratum: Stratum(*counts) for stratum, counts in found.items()}


def _shares(each: _Told, where: str, *, weighed: bool = False) -> str:
    """The query of one number of the survey; weighed, its value too."""

    def rows(answers: Sequence[str]) -> str:
        return f"count(*) filter (where disposition in ({', '.join(map(text, answers))}))"

    k, n = rows(each.so) if each.so == each.of else rows([answer for answer in each.so if answer in each.of]), rows(each.of)
    if not weighed:
        return f"select {k} as numerator, {n} as denominator from reports.called{where}"
    return _weighed(f"select stratum_count, {k} as k, {n} as n from reports.called{where} group by stratum, stratum_count", 2)


def _weighed(strata: str, digits: int) -> str:
    """A share of a whole frame from a query of its strata: stratum_count, k and n."""
    value = "sum(stratum_count * k / nullif(n, 0)) / sum(stratum_count)"
    return f"select sum(k) as numerator, sum(n) as denominator, round({value}, {digits}) as value from ({strata})"


def _estimated(measure: Measure, strata: Sequence[Stratum]) -> Measure:
    """A measure with the estimate for its whole frame, exact beside it where the frame was not divided."""
    found: Estimate | None = stratified(strata)
    if found is None:
        return measure
    population = sum(stratum.population for stratum in strata)
    exact = hypergeometric(strata[0].k, strata[0].n, population) if len(strata) == 1 else (None, None)
    return replace(
        measure, value=found.value, low=found.low, high=found.high, exact_low=exact[0], exact_high=exact[1], population=population
    )


def _review(con: Connection, report: str) -> Iterator[Measure]:
    rows = con.execute(
        "select stratum_count, count(*), count(*) filter (where is_right is not null), count(*) filter (where is_right) "
        "from reports.judged group by stratum, stratum_count order by stratum"
    ).fetchall()
    if not rows:
        return
    drawn, judged, right = (sum(row[place] for row in rows) for place in (1, 2, 3))
    yield replace(
        _plain(report, "review.judged", "all", "Findings judged, of those drawn for review", judged, JUDGED, _DONE), denominator=drawn
    )
    (people,) = con.execute(f"select numerator from ({_REVIEWERS})").fetchone()
    yield _plain(report, "review.reviewers", "all", "Persons who reviewed", people, JUDGED, _REVIEWERS)
    (samples,) = con.execute(f"select numerator from ({_SAMPLES})").fetchone()
    if samples > 1:
        yield _plain(report, "review.samples", "all", "Review samples drawn, of which the newest is reported", samples, SAMPLES, _SAMPLES)
    agreed, pairs, value = con.execute(_KAPPA).fetchone()
    if pairs:
        both = _plain(report, "review.kappa", "all", "Agreement of reviewers beyond habit (Cohen's kappa)", agreed, KAPPA, _KAPPA)
        verdicts = con.execute("select finding_id, reviewer, judgement from reports.review order by all").fetchall()
        ends = kappa_interval(verdicts) if pairs >= LEAST_TO_RATE else None
        low, high = ends if ends and ends[0] <= value <= ends[1] else (None, None)
        yield replace(both, denominator=pairs, value=value, low=low, high=high)
    if judged == drawn:
        strata = [Stratum(population, n, k) for population, _, n, k in rows]
        sql, method = (_RIGHT, REVIEW) if len(strata) == 1 else (_weighed(_RIGHT_BY_STRATUM, 6), REVIEW + WEIGHED)
        measure = _plain(report, "review.precision", "all", "Findings right, of those reviewed", right, method, sql)
        measure = replace(measure, denominator=judged)
        yield _estimated(measure, strata) if judged >= LEAST_TO_RATE else measure


_DONE = "select count(is_right) as numerator, count(*) as denominator from reports.judged"
_SAMPLES = """select count(*) as numerator, null as denominator from ledger.sample
where purpose = 'review' and audit in (select audit from curated.run)"""
_REVIEWERS = "select count(distinct reviewer) as numerator, null as denominator from reports.review"
_RIGHT = "select count(*) filter (where is_right) as numerator, count(*) as denominator from reports.judged"
_RIGHT_BY_STRATUM = """select stratum_count, count(*) filter (where is_right) as k, count(*) as n
from reports.judged group by stratum, stratum_count"""

# Agreement by habit: the share of each word in what one reviewer said of the findings both judged, times its share in the other's.
_KAPPA = """with pair as (
  select one.reviewer as one, other.reviewer as other, one.judgement as said, other.judgement as answered
  from reports.review as one join reports.review as other on one.finding_id = other.finding_id and one.reviewer < other.reviewer
), together as (
  select one, other, count(*) as n, count(*) filter (where said = answered) as agreed from pair group by one, other
), word as (
  select one, other, unnest(['right', 'wrong', 'unsure']) as word from together
), habit as (
  select word.one, word.other, word.word,
    count(*) filter (where pair.said = word.word) as said, count(*) filter (where pair.answered = word.word) as answered
  from word join pair on pair.one = word.one and pair.other = word.other group by all
), chance as (
  select habit.one, habit.other, sum(habit.said * habit.answered / together.n) as agreed
  from habit join together on together.one = habit.one and together.other = habit.other group by all
)
select coalesce(sum(together.agreed), 0) as numerator, coalesce(sum(together.n), 0) as denominator,
  round(sum(together.agreed - chance.agreed) / nullif(sum(together.n - chance.agreed), 0), 6) as value
from together join chance on chance.one = together.one and chance.other = together.other"""


def _plain(report: str, name: str, scope: str, title: str, numerator: int, method: str, sql: str) -> Measure:
    return Measure(
        report=report,
        name=name,
        scope=scope,
        title=title,
        numerator=numerator,
        denominator=None,
        value=None,
        low=None,
        high=None,
        method=method,
        sql=sql,
    )
