"""What a call finds and a provider attests: the truth about the world, at the stated rates, and the world as it was."""

from collections import Counter
from datetime import date

import pytest

from pipelines import models
from simulation import noise, world
from simulation.phones import ATTESTATIONS, CALLS, Told, attestations, calls, sheet, told
from simulation.world import World

TODAY = date(2026, 11, 22)


@pytest.fixture(scope="module")
def zenobia() -> World:
    return world.build(5, 500, 3_000, today=TODAY)


@pytest.fixture(scope="module")
def said(zenobia: World) -> tuple[Told, ...]:
    return told(zenobia)


def test_the_same_world_and_seed_say_the_same_and_the_world_stays_as_it_was(zenobia: World, said: tuple[Told, ...]) -> None:
    rows, again = zenobia.truth, world.build(5, 500, 3_000, today=TODAY)
    assert told(again) == said != told(zenobia, seed=1)
    assert [row.expected for row in again.truth] == [row.expected for row in rows]


def test_what_is_said_is_what_is_so(zenobia: World, said: tuple[Told, ...]) -> None:
    for row, each in zip(zenobia.truth, said, strict=True):
        labels = {*row.labels}
        if "clinic" in labels:
            assert each == Told(participates=None, works_here=None, accepts_patients=None, outcomes=(), attests=False, may_share=False), (
                "nobody is named"
            )
            continue
        assert each.works_here is not bool(labels & {"moved", "retired", "deceased"})
        assert not (each.participates and labels & {"left_network", "retired", "deceased"})
        assert not (each.attests and (row.person_id is None or "deceased" in labels))
    shown = [listing for directory in zenobia.directories.values() for listing in directory]
    assert all(not each.outcomes for listing, each in zip(shown, said, strict=True) if not listing.phone)
    one = Counter(
        (row.source, row.network, row.person_id, each.participates) for row, each in zip(zenobia.truth, said, strict=True) if row.person_id
    )
    assert len(one) == len({key[:3] for key in one}), "one person takes part in one network or does not"


def test_attempts_end_as_they_must_and_at_the_stated_rates(said: tuple[Told, ...]) -> None:
    rates = noise.group("phones")
    for each in said:
        assert len(each.outcomes) <= 3
        assert not {"reached", "refused"} & {*each.outcomes[:-1]}
        assert not ({"disconnected", "wrong_number"} & {*each.outcomes} and each.works_here)
    tried = [each for each in said if each.outcomes and each.works_here]
    attempts = Counter(outcome for each in tried for outcome in each.outcomes)
    assert attempts["no_answer"] / attempts.total() == pytest.approx(rates["no_answer"], abs=0.04)
    missed = sum(each.outcomes[-1] not in ("reached", "refused") for each in tried) / len(tried)
    assert missed == pytest.approx(0.214, abs=0.05), "as published: 21.4 % unreachable"
    gone = [each for each in said if each.outcomes and each.works_here is False]
    dead = sum(each.outcomes[-1] in ("disconnected", "wrong_number") for each in gone) / len(gone)
    assert dead == pytest.approx(rates["disconnected"] + rates["wrong_number"], abs=0.12)


def test_rows_have_the_columns_of_the_ledger_and_sheets_those_of_the_spreadsheets(zenobia: World, said: tuple[Told, ...]) -> None:
    claims = {at: f"claim {at}" for at in range(300)}
    called, attested = list(calls(said, claims, TODAY)), list(attestations(zenobia, said, claims, TODAY))
    for rows, table in ((called, "call"), (attested, "attestation")):
        card = next(card for card in models.load("pipelines/sql/ledger", "ledger") if card.name == f"ledger.{table}")
        assert rows and {tuple(row) for row in rows} == {tuple(card.columns)}
    assert all(row["works_here"] is None and row["participates"] is None for row in called if row["outcome"] != "reached")
    head, *body = sheet(called, CALLS)
    assert head == [*CALLS] and len(body) == len(called)
    assert {row[head.index("works_here")] for row in body} == {"yes", "no", ""}
    assert {row[head.index("at")] for row in body} == {"2026-11-22", "2026-11-23", "2026-11-25"}
    head, *body = sheet(attested, ATTESTATIONS)
    assert {row[head.index("may_share")] for row in body} == {"yes", "no"} and all(row[head.index("npi")].startswith("29") for row in body)
