"""The provider benchmark bypasses HTTP; what it lays down is what the pipeline itself reads off the sites."""

from pathlib import Path

from benchmarks import state
from pipelines import warehouse
from pipelines.flows.audit import audit as flow
from pipelines.runs import latest
from pipelines.settings import Settings
from simulation import cards, sites

SMALL = state.Size(listings=300, massage=700, roll=4_000)
SHOWN = """
select source_id, reference, name_raw, given_name, middle_name, family_name, suffix, organization, npi, license_key, license_digits,
  address_key, phone_digits, specialty, network, is_organization
from curated.listing
"""
CREDENTIALS = """
select credential_id, license_key, credential_type, profession, given_name, middle_name, family_name, expires_on, status, may_practice
from curated.credential
"""


def read(database: Path, sql: str) -> set[tuple[object, ...]]:
    with warehouse.read_only(database) as con:
        return {*con.execute(sql).fetchall()}


def test_what_is_laid_down_is_what_the_pipeline_reads_over_http(tmp_path: Path) -> None:
    invented = state.invent(5, SMALL)
    laid = tmp_path / "laid.duckdb"
    with warehouse.opened(laid) as con:
        audit = state.lay(con, invented, SMALL)
        state.show(con, audit, state.shown(invented, numbers=True, places=True).listings, places=True)
    with sites.serve(invented) as up:
        card = cards.write(invented, up.urls, tmp_path / "cards")
        for stage in ("collect", "curate"):
            flow.fn(card=str(card), data=str(tmp_path / "data"), only=stage, say=lambda line: None)
    run = latest(Settings(data=tmp_path / "data"), cards.AUDIT)
    assert run is not None
    assert read(laid, SHOWN) == read(run.database("curate"), SHOWN)
    assert read(laid, CREDENTIALS) >= read(run.database("curate"), CREDENTIALS)


def test_the_roll_is_filled_up_with_other_professions(tmp_path: Path) -> None:
    invented = state.invent(5, SMALL)
    with warehouse.opened(tmp_path / "laid.duckdb") as con:
        state.lay(con, invented, SMALL)
        kinds = dict(
            con.execute("select credential_type, count(*) from curated.credential where locator like 'bulk%' group by 1").fetchall()
        )
        counted = con.execute(
            "select count(*), count(distinct license_key), count(distinct credential_id) from curated.credential"
        ).fetchone()
        silent = con.execute("select count(*) from curated.credential where status is null or family_name is null").fetchone()
    assert counted == (SMALL.roll,) * 3
    assert silent == (0,)
    assert not any("Massage" in kind for kind in kinds)
    assert min(kinds.values()) > 0.7 * sum(kinds.values()) / len(kinds)


def test_a_variant_leaves_out_what_it_says_and_the_truth_follows() -> None:
    invented = state.invent(5, SMALL)
    full = state.shown(invented, numbers=True, places=True)
    bare = state.shown(invented, numbers=False, places=False)
    assert any(each.license for each in full.listings)
    assert not any(each.license or each.npi or each.address for each in bare.listings if each.person)
    assert [row.so for row in full.truth if "clinic" not in row.labels] == [
        {**row.so, **{check: one.so[check] for check in ("npi_invalid", "missing_required_field") if check in one.so}}
        for row, one in zip(bare.truth, full.truth, strict=True)
        if "clinic" not in row.labels
    ], "what is so of a person does not depend on what is printed"
