"""What is said of calls and of reviews, from drawn samples whose answers are known."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest

from reports import samples
from reports.measures import error_rate, printed, shown
from reports.records import Measure
from reports.statistics import Stratum, hypergeometric, kappa, stratified, wilson
from tests.reports.world import DAY, World

AT = datetime.combine(DAY, datetime.min.time())
SAYS = {
    "confirmed": ("reached", True, True, True),
    "not_accepting": ("reached", True, True, False),
    "contradicted": ("reached", False, None, None),
    "unsettled": ("reached", True, None, None),
    "refused": ("refused", None, None, None),
    "unreachable": ("disconnected", None, None, None),
    "unanswered": ("voicemail", None, None, None),
}
Found = dict[tuple[str, str], Measure]


def measured(world: World) -> Found:
    found = {(each.name, each.scope): each for each in samples.compute(world.models().con, "commissioner")}
    for each in found.values():
        numerator, denominator, *value = world.con.execute(each.sql).fetchone() or ()
        assert (numerator, denominator) == (each.numerator, each.denominator), each.name
        assert not value or value[0] == pytest.approx(each.value), each.name
    return found


def called(answers: dict[str, dict[str, int]], frame: int = 400, strata: dict[str, int] | None = None) -> World:
    """A world whose insurers' claims were drawn and called with these answers; `strata` gives each insurer's part of the frame."""
    world = World()
    world.run()
    drawn = sum(sum(each.values()) for each in answers.values())
    sample = {"sample_id": "s", "audit": "massage", "run_id": "r", "purpose": "call", "frame_count": frame, "drawn_count": drawn, "at": AT}
    world.add("ledger.sample", **sample, strata="source_id" if strata else None)
    for source, counts in answers.items():
        world.source(source, source)
        for number, said in enumerate(word for word, count in counts.items() for _ in range(count)):
            id = f"{source}{number}"
            world.listing(id, source, address_key=f"clinic {number // 3}")
            stratum = {"stratum": source, "stratum_count": strata[source], "stratum_drawn": sum(counts.values())} if strata else {}
            world.add("ledger.draw", sample_id="s", subject_kind="claim", subject_id=f"c-{id}", **stratum)
            outcome, works, participates, accepts = SAYS[said]
            world.add(
                "ledger.call",
                call_id=id,
                sample_id="s",
                claim_id=f"c-{id}",
                attempt=1,
                outcome=outcome,
                works_here=works,
                participates=participates,
                accepts_patients=accepts,
                at=AT,
            )
    return world


EVEN = {"confirmed": 54, "not_accepting": 0, "contradicted": 16, "unsettled": 0, "refused": 0, "unreachable": 18, "unanswered": 20}


def test_who_was_reached_and_what_was_said() -> None:
    found = measured(called({"wa.one": EVEN}))
    said = {
        name.removeprefix("survey."): (each.numerator, each.denominator)
        for (name, scope), each in found.items()
        if scope == "all" and "survey" in name
    }
    assert said == {
        "drawn": (108, None),
        "reached": (70, 108),
        "refused": (0, 108),
        "unreachable": (18, 108),
        "unanswered": (20, 108),
        "confirmed": (54, 70),
        "confirmed.by_person": (54, 70),
        "confirmed.by_clinic": (54, 70),
        "contradicted": (16, 70),
        "unsettled": (0, 70),
        "not_accepting": (0, 54),
        "wide": (34, 108),
        "confirmed.if_none": (54, 108),
        "confirmed.if_all": (92, 108),
        "contradicted.if_none": (16, 108),
        "contradicted.if_all": (54, 108),
    }
    confirmed = found["survey.confirmed", "all"]
    assert (confirmed.low, confirmed.high) == pytest.approx(wilson(54, 70, population=400))
    assert (confirmed.exact_low, confirmed.exact_high) == hypergeometric(54, 70, 400)
    assert confirmed.population == 400
    clinics = found["survey.confirmed.by_clinic", "all"]
    assert clinics.value == confirmed.value
    assert (clinics.low, clinics.high) != (confirmed.low, confirmed.high)
    assert "clinics" in clinics.method


def test_strata_weigh_what_they_hold() -> None:
    many = {"confirmed": 10, "contradicted": 40}
    world = called({"wa.one": many, "wa.two": {"confirmed": 40, "contradicted": 10}}, 1000, {"wa.one": 900, "wa.two": 100})
    found = measured(world)
    each, expected = found["survey.confirmed", "all"], stratified([Stratum(900, 50, 10), Stratum(100, 50, 40)])
    assert expected is not None
    assert (each.value, each.low, each.high) == tuple(round(end, 2) for end in (expected.value, expected.low, expected.high))
    assert each.value == 0.26, "not 50 of 100"
    assert each.exact_low is None
    part = found["survey.confirmed", "wa.one"]
    assert (part.low, part.high) == pytest.approx(wilson(10, 50, population=900))


def test_the_newest_word_of_a_claim_counts_and_silence_is_unreachable_after_three_attempts() -> None:
    world = called({"wa.one": {"unanswered": 12, "contradicted": 10}})
    for attempt, outcome in ((2, "no_answer"), (3, "busy")):
        world.add("ledger.call", call_id=f"x{attempt}", sample_id="s", claim_id="c-wa.one0", attempt=attempt, outcome=outcome, at=AT)
    late = {"works_here": True, "participates": True, "at": AT + timedelta(days=1)}
    world.add("ledger.call", call_id="late", sample_id="s", claim_id="c-wa.one12", attempt=2, outcome="reached", **late)
    world.add("ledger.call", call_id="nobody drew", claim_id="c-wa.one1", attempt=1, outcome="reached", works_here=False, at=AT)
    world.models()
    said = dict(world.rows("select claim_id, disposition from reports.called where claim_id in ('c-wa.one0', 'c-wa.one1', 'c-wa.one12')"))
    assert said == {"c-wa.one0": "unreachable", "c-wa.one1": "unanswered", "c-wa.one12": "confirmed"}


def test_small_counts_are_not_printed_and_not_to_be_worked_out() -> None:
    found = measured(called({"wa.one": {**EVEN, "contradicted": 4, "unsettled": 12}}))
    assert printed(found, "survey.contradicted") == "fewer than 10"
    assert printed(found, "survey.unsettled") == "fewer than 10", "or what was reached, less what was confirmed, would tell"
    assert shown(found["survey.confirmed", "all"]).startswith("54 of 70")
    assert printed(found, "survey.drawn") == "108"
    assert "no edition" in found["survey.withheld", "all"].method


def test_an_insurer_with_few_answers_is_in_the_total_alone() -> None:
    small = {"confirmed": 12, "contradicted": 3, "unanswered": 5}
    found = measured(called({"wa.one": EVEN, "wa.two": small, "wa.three": {**EVEN, "confirmed": 11}}))
    assert found["survey.confirmed", "all"].numerator == 77
    assert found["survey.confirmed", "wa.one"].population is None, "of how many it was drawn within one insurer was not fixed"
    assert {printed(found, "survey.confirmed", each) for each in ("wa.two", "wa.three")} == {"fewer than 10"}


def reviewed(
    words: Sequence[tuple[str, ...]], frame: int = 300, *, strata: dict[str, int] | None = None, judged: int | None = None
) -> World:
    """A world whose findings were drawn and judged in these words, one reviewer after the other."""
    world = World()
    world.run()
    world.source("wa.one", "One")
    sample = {
        "sample_id": "s",
        "audit": "massage",
        "run_id": "r",
        "purpose": "review",
        "frame_count": frame,
        "drawn_count": len(words),
        "at": AT,
    }
    world.add("ledger.sample", **sample)
    stratum = [name for name in strata or {} for _ in range(len(words) // len(strata or {}))]
    for number, said in enumerate(words):
        world.listing(f"l{number}", "wa.one")
        world.finding(f"f{number}", "npi_invalid", f"l{number}")
        part = {"stratum": stratum[number], "stratum_count": (strata or {})[stratum[number]]} if strata else {}
        world.add("ledger.draw", sample_id="s", subject_kind="finding", subject_id=f"f{number}", **part)
        for who, word in enumerate(said if judged is None or number < judged else ()):
            at = AT + timedelta(minutes=number)
            world.add("ledger.verdict", verdict_id=f"v{number}{who}", finding_id=f"f{number}", judgement=word, by=f"reviewer {who}", at=at)
    return world


def test_the_error_rate_is_that_of_the_reviewed_sample() -> None:
    found = measured(reviewed([("right", "right")] * 58 + [("right", "wrong"), ("unsure", "right")]))
    right = found["review.precision", "all"]
    assert (right.numerator, right.denominator, right.population) == (58, 60, 300)
    assert (right.low, right.high) == pytest.approx(wilson(58, 60, population=300))
    assert (right.exact_low, right.exact_high) == hypergeometric(58, 60, 300)
    assert error_rate(found) == "2 of 60 reviewed findings not right (3.3%; 0.7–10.7%)"
    assert found["review.reviewers", "all"].numerator == 2
    assert (found["review.kappa", "all"].numerator, found["review.kappa", "all"].denominator) == (58, 60)


def test_until_the_last_is_judged_by_two_there_is_no_rate() -> None:
    for words, judged in (([("right", "right")] * 60, 59), ([("right", "right")] * 59 + [("right",)], None)):
        found = measured(reviewed(words, judged=judged))
        assert error_rate(found) == "error rate not measured"
        assert shown(found["review.judged", "all"]) == "59 of 60"


def test_what_was_doubted_is_right_once_upheld_and_what_was_withdrawn_never() -> None:
    world = reviewed([("right", "right")] * 58 + [("right", "wrong")] * 2)
    world.add("matching.progress", finding_id="f58", decided="upheld")
    world.add("matching.progress", finding_id="f0", decided="withdrawn")
    assert measured(world)["review.precision", "all"].numerator == 58


def test_a_changed_mind_counts_once() -> None:
    world = reviewed([("wrong", "right")] * 12)
    for number in range(12):
        world.add(
            "ledger.verdict",
            verdict_id=f"w{number}",
            finding_id=f"f{number}",
            judgement="right",
            by="reviewer 0",
            at=AT + timedelta(days=1),
        )
    assert measured(world)["review.precision", "all"].numerator == 12


def test_who_draws_again_until_it_pleases_is_seen() -> None:
    world = reviewed([("right", "right")] * 12)
    assert ("review.samples", "all") not in measured(world)
    world.add("ledger.sample", sample_id="before", audit="massage", purpose="review", frame_count=100, at=AT - timedelta(days=30))
    found = measured(world)
    assert found["review.samples", "all"].numerator == 2
    assert found["review.precision", "all"].denominator == 12, "the newest"


def test_reviewed_strata_weigh_what_they_hold() -> None:
    words = [("right", "right")] * 20 + [("wrong", "wrong")] * 10 + [("right", "right")] * 10
    right = measured(reviewed(words, strata={"A": 900, "B": 100}))["review.precision", "all"]
    assert right.value == pytest.approx(0.9 * 1 + 0.1 * 0.5)
    assert right.exact_low is None


def test_kappa_in_sql_is_kappa_in_python() -> None:
    words = [("right", "right")] * 20 + [("right", "wrong", "right")] * 5 + [("wrong", "right")] * 6 + [("wrong", "unsure", "wrong")] * 9
    found = measured(reviewed(words))["review.kappa", "all"]
    assert found.value == pytest.approx(
        kappa([(at, who, word) for at, said in enumerate(words) for who, word in enumerate(said)]), abs=1e-6
    )
    assert found.low is not None and found.value is not None and found.high is not None and found.low < found.value < found.high
    assert shown(found).startswith(f"{found.value:.2f} (agreed in ") and shown(found).endswith(f"; {found.low:.2f} to {found.high:.2f})")


def test_a_sample_of_another_audit_is_not_ours() -> None:
    world = reviewed([("right", "right")] * 12)
    world.con.execute("update ledger.sample set audit = 'acupuncture'")
    assert not [name for name, _ in measured(world) if name.startswith("review.")]
