"""The shape of the house, kept by the tests rather than by memory."""

import ast
import importlib.metadata
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
import yaml

from pipelines import models

ROOT = Path(__file__).parents[1]

# Who may import whom. Across a border only `records` is spoken; `pipelines` may speak to all.
MAY_IMPORT = {
    "scrapers": {"scrapers"},
    "matching": {"matching", "scrapers.records"},
    "reports": {"reports", "matching.records", "scrapers.records"},
    "simulation": {"simulation", "scrapers.records"},
    "pipelines": {"pipelines", "scrapers", "matching", "reports", "simulation"},
}
# Each door to the outside stands in one place.
DOORS = {
    "httpx": {"scrapers/fetch.py"},
    "bs4": {"scrapers/"},
    "rapidfuzz": {"matching/linkage/compare.py"},
    "duckdb": {"pipelines/warehouse.py"},
    "great_expectations": {"pipelines/expectations.py"},
    "pandas": {"pipelines/warehouse.py", "pipelines/expectations.py", "reports/render/"},
    "prefect": {"pipelines/flows/"},
    "typst": {"reports/render/pdf.py"},
    "altair": {"reports/render/charts.py", "reports/render/maps.py"},
    "vl_convert": {"reports/render/charts.py", "reports/render/maps.py"},
    "rfc3161_client": {"pipelines/packet/"},
    "cryptography": {"pipelines/packet/"},
    "xlsxwriter": {"reports/render/sheet.py"},
    "sqlite3": {"scrapers/evidence.py"},
    "sqlalchemy": {"pipelines/ledger.py"},
    "scipy": {"reports/statistics.py"},
    "os": {"scrapers/blobs.py", "scrapers/evidence.py", "pipelines/", "simulation/"},
}
# A model may read its own schema and those before it; its schema is the folder it lives in.
SCHEMAS = ["parsed", "curated", "ledger", "matching", "reports"]
LIVES_IN = {"pipelines/sql": "curated", "matching/sql": "matching", "matching/checks": "matching", "reports/sql": "reports"}
NAMED = ["pandas", "rapidfuzz", "httpx", "bs4", "duckdb", "great_expectations", "prefect"]

MODULES = sorted(path for package in MAY_IMPORT for path in (ROOT / package).rglob("*.py"))
MODELS = sorted(path for folder in LIVES_IN for path in (ROOT / folder).rglob("*.sql"))


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name(path)}: write imports in full"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("module", MODULES, ids=name)
def test_words_flow_downstream(module: Path) -> None:
    package = name(module).split("/")[0]
    for imported in imports(module):
        if imported.split(".")[0] in MAY_IMPORT:
            allowed = MAY_IMPORT[package]
            assert any(f"{imported}.".startswith(f"{each}.") for each in allowed), f"{package} may not import {imported}"


@pytest.mark.parametrize("module", MODULES, ids=name)
def test_nobody_imports_a_leaf(module: Path) -> None:
    leaves = ["scrapers.insurers.", "scrapers.license_rolls.", "scrapers.registries."]  # found by their cards, at run time
    if not name(module).startswith("scrapers/formats/"):  # formats may share a reader
        leaves.append("scrapers.formats.")
    assert not [imported for imported in imports(module) if imported.startswith(tuple(leaves))]


@pytest.mark.parametrize("module", MODULES, ids=name)
def test_each_door_stands_in_one_place(module: Path) -> None:
    for imported in imports(module):
        places = DOORS.get(imported.split(".")[0])
        assert places is None or name(module).startswith(tuple(places)), f"{imported} enters through {places}"


def test_the_named_packages_are_all_used() -> None:
    used = {imported.split(".")[0] for module in MODULES for imported in imports(module)}
    assert not [package for package in NAMED if package not in used]


def test_every_import_is_declared() -> None:
    declared = {
        re.split(r"[<>=!\[; ]", line)[0].lower().replace("_", "-")
        for line in tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    }
    provides = importlib.metadata.packages_distributions()
    for module in MODULES:
        for imported in imports(module):
            package = imported.split(".")[0]
            if package in sys.stdlib_module_names or package in MAY_IMPORT:
                continue
            owners = {owner.lower().replace("_", "-") for owner in provides.get(package, [package])}
            assert owners & declared, f"{name(module)} imports {package}, which pyproject.toml does not declare"


@pytest.mark.parametrize("model", MODELS, ids=name)
def test_a_model_reads_only_upstream(model: Path) -> None:
    own = next(schema for folder, schema in LIVES_IN.items() if name(model).startswith(folder))
    with duckdb.connect() as con:
        for table in models.reads(con, model.read_text(encoding="utf-8")):
            schema = table.split(".")[0]
            assert SCHEMAS.index(schema) <= SCHEMAS.index(own), f"{own} may not read {table}"
    card = yaml.safe_load(model.with_suffix(".yml").read_text(encoding="utf-8"))
    assert card["grain"], f"{name(model)}: its card does not say what a row is"
    told = [path for path in (ROOT / "tests").rglob("test_*.py") if model.stem in path.read_text(encoding="utf-8")]
    assert told, f"{name(model)}: no test speaks of {model.stem}"


@pytest.mark.parametrize("model", MODELS, ids=name)
def test_sql_means_the_same_on_both_duckdbs(model: Path) -> None:
    sql = re.sub(r"--[^\n]*", "", model.read_text(encoding="utf-8"))
    assert " ~ " not in sql, "write regexp_matches"
    assert not re.search(r"\b\w+ -> ", sql), "write a list comprehension"


def test_nothing_names_a_registry_or_a_machine() -> None:
    banned = re.compile(r"(pypi\.org|pythonhosted|registry\.npmjs|/(?:root|farm)/|index-url)")
    for path in [*ROOT.glob("*.md"), *ROOT.glob("*.toml"), *ROOT.glob("*.lock"), *(ROOT / "docs").rglob("*"), *MODULES]:
        if path.is_file():
            assert not banned.search(path.read_text(encoding="utf-8", errors="replace")), name(path)
