"""What a person asks of published audits, through the command: query, status, sources, and the ways in which it says no."""

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pipelines import cli, publication, warehouse
from scrapers.records import Refused
from tests.scrapers.site import Reply, served
from tests.story.command import rollcall

Ask = Callable[..., Result]


@pytest.fixture
def ask(tmp_path: Path) -> Ask:
    home = tmp_path / "curated" / "story"
    with warehouse.rebuilt(home / "audit-20260305T000000Z.duckdb") as con:
        con.execute("create schema curated")
        con.execute("create table curated.listing as select * from (values ('=1+1', '0123'), ('Ada', null)) as t(name_raw, zip5)")
        con.execute("create schema matching")
        con.execute("create table matching.finding as select 'flagged' as stage, 'new' as state, 'A' as tier")
    publication.point(home, home / "audit-20260305T000000Z.duckdb", print)

    def run(*words: str) -> Result:
        return CliRunner().invoke(cli.rollcall, [*words, "--data", str(tmp_path)])

    return run


def refusal(said: Result) -> str:
    assert isinstance(said.exception, Refused), said.output
    assert said.exception.status == 2
    return str(said.exception)


def test_a_query_answers_as_table_csv_and_json(ask: Ask) -> None:
    sql = "select name_raw, zip5 from curated.listing order by 2"
    assert ask("query", sql).output.splitlines() == ["name_raw  zip5", "--------  ----", "=1+1      0123", "Ada", "(2 rows)"]
    assert json.loads(ask("query", sql, "--json").output) == [{"name_raw": "=1+1", "zip5": "0123"}, {"name_raw": "Ada", "zip5": None}]
    disarmed = list(csv.reader(io.StringIO(ask("query", sql, "--csv").output)))
    assert disarmed == [["name_raw", "zip5"], ["'=1+1", "0123"], ["Ada", ""]]  # a spreadsheet must not run it


@pytest.mark.parametrize(
    "sql",
    [
        pytest.param("drop table curated.listing", id="changes nothing"),
        pytest.param("select * from read_text('/etc/hostname')", id="reads no file"),
        pytest.param("copy curated.listing to 'stolen.csv'", id="writes no file"),
        pytest.param("attach 'other.duckdb'", id="opens no other database"),
        pytest.param("set enable_external_access = true", id="configuration is locked"),
        pytest.param("install httpfs", id="fetches nothing"),
        pytest.param("selec 1", id="is not SQL"),
    ],
)
def test_a_query_may_only_look(ask: Ask, sql: str) -> None:
    assert refusal(ask("query", sql)).startswith("DuckDB refused the query: ")


def test_a_query_is_stopped_in_time(ask: Ask) -> None:
    endless = "select count(*) from range(100000000000) as a(i) where i % 7 = 3"
    assert "took longer than 0.2 seconds" in refusal(ask("query", endless, "--seconds", "0.2"))


def test_what_is_not_there_is_said_with_what_is(ask: Ask, tmp_path: Path) -> None:
    assert "published: 20260305T000000Z" in refusal(ask("query", "select 1", "--run", "20200101T000000Z"))
    assert "'xyz!' is not a finding id" in refusal(ask("why", "xyz!"))
    assert "no audit card 'nowhere'" in refusal(ask("run", "nowhere"))
    assert "for nobody" in refusal(ask("query", "select 1", "--audit", "nobody"))
    (tmp_path / "curated" / "second").mkdir()
    (tmp_path / "curated" / "second" / "current").write_text("audit-1.duckdb\n")
    assert "several audits are published (second, story)" in refusal(ask("query", "select 1"))


def test_terminal_commands_in_a_name_stay_text(ask: Ask) -> None:
    said = ask("query", "select chr(27) || '[2J' || chr(10) || 'x' as name")
    assert "\x1b" not in said.output
    assert said.output.count("\n") == 4


def test_status_and_sources_answer(ask: Ask) -> None:
    (audit,) = json.loads(ask("status", "--json").output)["audits"]
    assert (audit["published"], audit["findings"]) == ("20260305T000000Z", {"flagged": 1})
    assert "wa.doh" in ask("sources", "list").output
    assert "never visited" in ask("sources", "check", "wa.doh").output
    assert "wa.doh" in refusal(ask("sources", "check", "wa.doe"))  # the nearest one


def test_a_live_check_reads_the_first_page_and_fails_with_3_when_it_cannot(tmp_path: Path) -> None:
    with served({"/list.csv": Reply(body=b"Provider\nRowan Ashdale\n")}) as site:
        text = "{{title: Alder, kind: insurer, format: table, start: {start}, columns: {{name: Provider}}, visit: {{pause_seconds: 0}}}}"
        (tmp_path / "alder.yml").write_text(text.format(start=f"{site.url}/list.csv"))
        asked = ("sources", "check", tmp_path / "alder.yml", "--live", "--data", tmp_path)
        well = rollcall(*asked)
        assert (well.status, "alder: well" in well.out) == (0, True), well
        site.says["/list.csv"] = Reply(body=b"<html><title>Sign in</title></html>")
        failing = rollcall(*asked)
        assert (failing.status, "got an HTML page" in failing.out) == (3, True), failing
    assert not list((tmp_path / "raw").glob("[!.]*")), "a check keeps no evidence"


def test_every_verb_has_help_with_an_example() -> None:
    verbs = [[name] for name in cli.rollcall.commands if name != "sources"] + [["sources", "list"], ["sources", "check"]]
    for verb in verbs:
        said = CliRunner().invoke(cli.rollcall, [*verb, "--help"]).output
        assert f"Example: rollcall {' '.join(verb)}" in " ".join(said.split()), verb


def test_a_misspelt_verb_is_answered_with_the_nearest() -> None:
    said = CliRunner().invoke(cli.rollcall, ["stauts"])
    assert said.exit_code == 2
    assert "did you mean 'status'?" in said.output


def test_the_pointer_moves_at_once_and_the_old_run_stays(tmp_path: Path) -> None:
    home = tmp_path / "curated" / "story"
    for run, value in (("1", 1), ("2", 2)):
        with warehouse.rebuilt(home / f"audit-{run}.duckdb") as con:
            con.execute(f"create table t as select {value} as x")
        publication.point(home, home / f"audit-{run}.duckdb", print)
    assert publication.current(home) == home / "audit-2.duckdb"
    assert [warehouse.ask(home / name, "select x from t")[1] for name in ("audit.duckdb", "audit-1.duckdb")] == [[(2,)], [(1,)]]
