"""The published runs, and what they know of an id that somebody names: a finding, a claim, a run, the ledger's head."""

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
        self._shown = dict[tuple[str, str], Mapping[str, Any]]()
        shown = dict[str, set[str]]()  # run → findings that a document of it showed
        for row in rows:
            if "finding_id" in row and "run_id" in row:
                shown.setdefault(str(row["run_id"]), set()).add(str(row["finding_id"]))
        for path in self._databases:
            if wanted := [each for each in self._starts.values() if each not in self._findings]:
                self._findings |= {**_findings(path, wanted), **self._findings}
            if wanted := [self._starts[each] for each in shown.get(path.stem.removeprefix("audit-"), ()) if each in self._starts]:
                self._shown |= {(path.stem.removeprefix("audit-"), id): row for id, row in _findings(path, wanted).items()}
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

    def is_code(self, code: str, said: str) -> bool:
        """Whether a code is that of a finding named by id or code."""
        try:
            return self.id(said).startswith(codes.read(code))
        except ValueError:
            return False

    def rests_on(self, finding_id: str, *names: str, run_id: str | None = None) -> dict[str, Any]:
        """Of the claim and the basis of a finding what is asked for, as far as that run, else the newest, states them."""
        found = self._shown.get((run_id, finding_id), {}) if run_id else self._findings.get(finding_id, {})
        return {name: found[name] for name in names if found.get(name) is not None}

    def has_claim(self, claim_id: str) -> bool:
        """Some published run has it, or nothing is published here that could be asked."""
        return claim_id in self._claims or not self._databases


def databases(settings: Settings) -> list[Path]:
    """Every published run here: the current ones first, then the others from the newest."""
    homes = sorted(path.parent for path in (settings.data / "curated").glob("*/current") if "@" not in path.parent.name)
    current = [path for home in homes if (path := publication.current(home)) is not None and path.exists()]
    every: Iterable[Path] = (path for home in homes for path in home.glob("audit-*.duckdb"))
    return current + sorted(set(every) - set(current), key=lambda path: path.name, reverse=True)


def heads(settings: Settings) -> list[str]:
    """The ledger's heads on which published and filed runs rest, as curated.run.ledger_head noted them."""
    filed = sorted((settings.data / "curated").glob("*/filed/*/audit-*.duckdb"))
    has = "select 1 from duckdb_columns() where schema_name = 'curated' and table_name = 'run' and column_name = 'ledger_head'"
    asked = "select ledger_head from curated.run where ledger_head is not null"
    return [str(row["ledger_head"]) for path in [*databases(settings), *filed] if rows_of(path, has) for row in rows_of(path, asked)]


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
