"""What spreadsheets name by an id, looked up in the published runs: findings, claims and runs."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pipelines import publication
from pipelines.queries import rows_of
from pipelines.settings import Settings
from reports import codes

WHOLE = 16  # hexadecimal digits of a finding's id
HEX = frozenset("0123456789abcdef")


class Known:
    """The findings and claims that some rows name, as the newest published run that has them states them."""

    def __init__(self, settings: Settings, rows: Sequence[Mapping[str, Any]]) -> None:
        self._starts, self._faults = dict[str, str](), dict[str, str]()
        for said in {str(row["finding_id"]) for row in rows if "finding_id" in row}:
            try:
                self._starts[said] = said.lower() if _is_id(said) else codes.read(said)
            except ValueError as wrong:
                self._faults[said] = str(wrong)
        claims = {str(row["claim_id"]) for row in rows if "claim_id" in row}
        self._databases = databases(settings)
        self._findings, self._claims = dict[str, Mapping[str, Any]](), set[str]()
        for path in self._databases:
            if wanted := [each for each in self._starts.values() if each not in self._findings]:
                self._findings |= {**_findings(path, wanted), **self._findings}
            if wanted := sorted(claims - self._claims):
                sql = "select distinct claim_id from curated.listing where list_contains($ids::text[], claim_id)"
                self._claims |= {str(row["claim_id"]) for row in rows_of(path, sql, ids=wanted)}

    def fault(self, said: str, *, must_exist: bool) -> str | None:
        """What is wrong with a finding's id or code; one that no run can be asked about passes unless it `must_exist`."""
        if said in self._faults:
            return self._faults[said]
        if self._starts[said] in self._findings or (not self._databases and _is_id(said) and not must_exist):
            return None
        return f"no published run has the finding {said[:40]!r}"

    def id(self, said: str) -> str:
        """The whole id of a finding named by id or code."""
        found = self._findings.get(self._starts[said])
        return str(found["finding_id"]) if found else self._starts[said]

    def rests_on(self, finding_id: str) -> dict[str, Any]:
        """The claim and the basis of a finding, as far as its run states them."""
        found = self._findings.get(finding_id, {})
        return {name: found[name] for name in ("claim_id", "basis") if found.get(name) is not None}

    def has_claim(self, claim_id: str) -> bool:
        """Some published run has it, or nothing is published here that could be asked."""
        return claim_id in self._claims or not self._databases


def databases(settings: Settings) -> list[Path]:
    """Every published run here: the current ones first, then the others from the newest."""
    homes = sorted(path.parent for path in (settings.data / "curated").glob("*/current") if "@" not in path.parent.name)
    current = [path for home in homes if (path := publication.current(home)) is not None and path.exists()]
    every: Iterable[Path] = (path for home in homes for path in home.glob("audit-*.duckdb"))
    return current + sorted(set(every) - set(current), key=lambda path: path.name, reverse=True)


def is_run(settings: Settings, audit: str, run_id: str) -> bool:
    """A run of that audit is published here; true where nothing is published here that could say otherwise."""
    found = databases(settings)
    return not found or any(path.parent.name == audit and path.name == f"audit-{run_id}.duckdb" for path in found)


def _is_id(said: str) -> bool:
    return len(said) == WHOLE and set(said.lower()) <= HEX


def _findings(path: Path, starts: Sequence[str]) -> dict[str, Mapping[str, Any]]:
    """Findings by their id, and by the beginning that was asked for, where only one finding begins so."""
    has = "select 1 from duckdb_columns() where schema_name = 'matching' and table_name = 'finding' and column_name = 'basis'"
    basis = "basis" if rows_of(path, has) else "null as basis"
    lengths = sorted({len(each) for each in starts})
    begins = ", ".join(f"left(finding_id, {length})" for length in lengths)
    sql = f"select finding_id, claim_id, {basis} from matching.finding where list_has_any($starts::text[], [{begins}])"
    rows = rows_of(path, sql, starts=list(starts))
    found: dict[str, Mapping[str, Any]] = {str(row["finding_id"]): row for row in rows}
    for start in starts:
        alike = [row for id, row in found.items() if id.startswith(start)]
        if len(alike) == 1:
            found = {**found, start: alike[0]}
    return found
