"""What no report may say and no edition may carry: each is planted, and refused by name of the place where it stands."""

from dataclasses import replace

import pytest

from reports import lint
from reports.records import Report, Section
from scrapers.records import Refused
from tests.reports.world import World


def with_words(report: Report, said: str) -> Report:
    return replace(report, sections=(*report.sections, Section(key="planted", title="Planted", paragraphs=[said])))


def with_cell(report: Report, column: str, value: object) -> Report:
    """The report, a value of its first row of individuals replaced."""
    place = list(report.annex_columns).index(column)
    row = [value if at == place else each for at, each in enumerate(report.annex[0])]
    return replace(report, annex=[row, *report.annex[1:]])


@pytest.mark.parametrize(
    "said",
    [
        "These ghost listings mislead.",
        "A fake therapist.",
        "The insurer's fraudulent directory.",
        "Phantom networks.",
        "It is a scam.",
        "Therapists are not reimbursed enough.",
        "The fee schedule is too low.",
        "Payment rates are falling.",
        "Members are underpaid.",
        "Therapists should boycott this insurer.",
        "We will collectively refuse.",
        "Members refuse to contract with it.",
        "Let us leave the network together.",
    ],
)
def test_no_report_accuses_or_speaks_of_money_or_refusing(report: Report, said: str) -> None:
    with pytest.raises(Refused, match="planted"):
        lint.wording(with_words(report, said))


@pytest.mark.parametrize(
    "said",
    [
        "The error rate of 3.2% was measured.",
        "Read a rate as an estimate.",
        "No contract was found; the provider was refused by nobody.",
        "Reviewed at https://oig.example/fraud/exclusions",
        "4 of 12 unique listings stand at the same place.",
    ],
)
def test_what_an_audit_must_say_is_not_refused(report: Report, said: str) -> None:
    lint.wording(with_words(report, said))
    lint.privacy(with_words(report, said), "commissioner")


def test_words_of_others_are_exempt_only_where_they_are_marked(report: Report) -> None:
    said = "“Your audit is fraudulent.”"
    columns = ("Finding", "Its words")
    quoted = Section(key="said", title="Replies", columns=columns, rows=[("K7", said)], quotes=("Its words",))
    lint.wording(replace(report, sections=(quoted,)))
    with pytest.raises(Refused, match="said, Its words"):
        lint.wording(replace(report, sections=(replace(quoted, quotes=()),)))
    with pytest.raises(Refused, match="planted"):
        lint.wording(with_words(report, said))  # a quotation in our own prose is our choice


def test_somebody_may_bear_any_name(report: Report) -> None:
    named = with_cell(report, "Name as listed", "Ana Fake-Scam, LMT")
    lint.wording(named)
    lint.privacy(named, "commissioner")
    with pytest.raises(Refused, match="annex, What the records say"):
        lint.wording(with_cell(report, "What the records say", "Ana is a fake."))


@pytest.mark.parametrize(
    ("said", "what"),
    [
        ("She works at 12 Hidden Street.", "street"),
        ("1407 NE 45th St", "street"),
        ("88 w maple avenue", "street"),
        ("P.O. Box 77", "street"),
        ("Suite 200", "street"),
        ("Call 509-555-0100.", "telephone number"),
        ("(509) 555-0100", "telephone number"),
        ("+1 509.555.0100", "telephone number"),
        ("5095550100", "telephone number"),
        ("ana@lee.example", "e-mail address"),
        ("born 4 May 1970", "year of birth"),
        ("Birthdate: 1970-05-04", "year of birth"),
        ("Spokane, WA 99201", "ZIP code"),
        ("ZIP 99201", "ZIP code"),
    ],
)
def test_no_edition_that_leaves_tells_where_a_person_lives(report: Report, said: str, what: str) -> None:
    with pytest.raises(Refused, match=f"carries a {what} .planted"):
        lint.privacy(with_words(report, said), "commissioner")
    with pytest.raises(Refused, match=f"carries a {what} .annex, Why this license"):
        lint.privacy(with_cell(report, "Why this license", said), "commissioner")
    assert what in (lint.withheld(said) or "")
    lint.privacy(with_words(report, lint.withheld(said) or ""), "commissioner")


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("ZIP3", "99201"),
        ("City", "12 Hidden Street"),
        ("NPI", "509-555-0100"),
        ("License", "MA60123456; lives at 12 Hidden Street"),
        ("Tier", "C"),
        ("Observed on", "yesterday"),
        ("Code", "call me"),
    ],
)
def test_a_value_that_its_column_does_not_allow_is_kept_back(report: Report, column: str, value: str) -> None:
    with pytest.raises(Refused, match=f"value under '{column}'"):
        lint.privacy(with_cell(report, column, value), "commissioner")


def test_a_column_that_nobody_classified_is_refused(report: Report) -> None:
    more = replace(report, annex_columns=(*report.annex_columns, "Notes"), annex=[(*row, "…") for row in report.annex])
    with pytest.raises(Refused, match="does not say what its annex's columns hold"):
        lint.privacy(more, "commissioner")
    with pytest.raises(Refused, match="'Notes' of kind 'remarks'"):
        lint.privacy(replace(more, annex_kinds=(*report.annex_kinds, "remarks")), "commissioner")


@pytest.mark.parametrize("kind", sorted(lint.SEALED))
def test_street_and_telephone_stand_only_in_what_goes_back_or_is_sealed(report: Report, kind: str) -> None:
    place = list(report.annex_columns).index("City")
    kinds = [kind if at == place else each for at, each in enumerate(report.annex_kinds)]
    shown = replace(report, annex_kinds=kinds)
    for edition in ("commissioner", "public", "legislator", "patient", "summary"):
        with pytest.raises(Refused, match="may not show"):
            lint.privacy(shown, edition)
    for edition in ("insurer", "sealed"):
        lint.privacy(shown, edition)


def test_not_even_an_insurers_own_listings_carry_a_birth_or_an_address_of_mail(report: Report) -> None:
    for said in ("born 1970", "ana@lee.example"):
        with pytest.raises(Refused):
            lint.privacy(with_cell(report, "Name as listed", said), "insurer")


def test_offices_may_be_named_with_their_addresses(report: Report) -> None:
    where = "OICNetworkAccess@oic.wa.gov"
    assert where in report.extra["contacts"]
    lint.privacy(with_words(report, f"Write to {where}."), "commissioner")
    with pytest.raises(Refused):
        lint.privacy(with_words(report, "Write to ana@oic.wa.gov."), "commissioner")


def test_the_example_has_names_that_try_to_do_harm_and_still_passes(world: World, report: Report) -> None:
    assert any("<script>" in str(cell) for row in report.annex for cell in row)
    assert any("Hidden Street" in address for (address,) in world.rows("select address from curated.listing"))
    lint.wording(report)
    lint.privacy(report, "commissioner")
