"""`rollcall link`, as a person types it: two files in, one file of pairs out, and the ways in which it says no."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from pipelines import warehouse
from scrapers.records import Refused
from tests.story.command import ROOT, Said, rollcall

FIELDS = """
id: uid
fields:
  - {column: first, kind: given_name}
  - {column: last, kind: family_name}
  - {column: phone, kind: phone}
"""
LISTED = "uid,first,last,phone\nl1,Bill,Ashdale,206-555-0101\nl2,Ida,Birkeland,206-555-0102\nl3,Zebedee,Unterwald,206-555-0103\n"
ROLL = "uid,first,last,phone\nr1,William,Ashdale,206-555-0101\nr2,Ida,Birkeland,206-555-0102\nr3,Otto,Lindqvist,206-555-0109\n"

Link = Callable[..., Said]


@pytest.fixture
def link(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Link:
    monkeypatch.chdir(tmp_path)
    for name, text in (("fields.yml", FIELDS), ("listed.csv", LISTED), ("roll.csv", ROLL)):
        Path(name).write_text(text, encoding="utf-8")

    def run(*words: str, fields: str = "fields.yml", out: str = "pairs.parquet") -> Said:
        return rollcall("link", *words, "--fields", fields, "--out", out)

    return run


def pairs(path: str = "pairs.parquet") -> list[tuple[str, str]]:
    with duckdb.connect() as con:
        return con.execute(f"select id_l, id_r from '{path}' where probability > 0.5").fetchall()


def table(path: str, select: str) -> None:
    with duckdb.connect() as con:
        con.execute(f"copy ({select}) to '{path}' (format parquet)")


def no(said: Said, *words: str) -> None:
    """It is refused in one sentence that holds these words, and nothing is left behind."""
    assert said.status == 2, said
    for word in words:
        assert word in said.sentence
    assert not [path.name for path in Path().iterdir() if path.suffix in {".parquet", ".tmp"} and path.name.startswith("pairs")]
    assert not list(Path().glob(".rollcall-*")), "the spill goes"


def test_two_files(link: Link) -> None:
    done = link("listed.csv", "roll.csv")
    assert done.status == 0
    assert "of 3 records with 3" in done.out
    assert done.err == "", "progress is for a terminal"
    assert ("l2", "r2") in pairs()
    with duckdb.connect() as con:
        columns = [name for name, *_ in con.execute("describe select * from 'pairs.parquet'").fetchall()]
        rows = con.execute("select id_l, -probability, id_r from 'pairs.parquet'").fetchall()
    assert columns == ["id_l", "id_r", "weight", "probability", "level_first", "level_last", "level_phone"]
    assert rows == sorted(rows)
    assert sorted(path.name for path in Path().iterdir()) == ["fields.yml", "listed.csv", "pairs.parquet", "roll.csv"]


def test_one_file_with_itself(link: Link) -> None:
    families = ("Ashdale", "Lindqvist", "Tull", "Oakes", "Quill", "Moss")
    names = [(given, family) for given in ("Ada", "Otto", "Ines", "Karl", "Ruth") for family in families]
    rows = [f"p{at},{given},{family},206555{at * 331:04}\n" for at, (given, family) in enumerate(names)]
    again = [row.replace("p", "q", 1) for row in rows[:15]]
    Path("twice.csv").write_text("uid,first,last,phone\n" + "".join(rows + again), encoding="utf-8")
    assert link("twice.csv").status == 0
    assert pairs() == sorted((f"p{at}", f"q{at}") for at in range(15))


def test_what_was_done_as_json(link: Link) -> None:
    said = json.loads(link("listed.csv", "roll.csv", "--json", "--independent", "--at-least", "0.5").out)
    assert said["left"] == said["right"] == 3
    assert said["pairs_written"] == len(pairs())
    assert said["pairs_compared"] == sum(rule["pairs"] for rule in said["rules"]) == 9, "so few are all compared"
    assert said["blocks_capped"] == 0
    assert set(said["shares"]) == {"match", "moved", "household", "practice"}
    assert said["seconds"] > 0
    assert json.loads(link("listed.csv", "--json").out)["right"] is None


def test_the_same_twice_is_the_same_file(link: Link) -> None:
    link("listed.csv", "roll.csv")
    first = Path("pairs.parquet").read_bytes()
    link("listed.csv", "roll.csv")
    assert Path("pairs.parquet").read_bytes() == first


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(LISTED.replace(",", ";"), id="semicolons"),
        pytest.param(LISTED.replace(",", "\t"), id="tabs"),
        pytest.param(LISTED.replace("\n", "\r\n"), id="the line ends of Windows"),
        pytest.param("\ufeff" + LISTED, id="a byte order mark"),
        pytest.param(LISTED.replace("Ida", '"Ida"').replace("uid,", '"uid",'), id="quotation marks"),
        pytest.param(LISTED.replace("\n", ",\n"), id="a column without a name"),
        pytest.param(
            LISTED.replace("phone\n", "phone,note,note\n")
            .replace("02\n", '02,"a\nb",x\n')
            .replace("01\n", "01,,\n")
            .replace("03\n", "03,,\n"),
            id="columns nobody asked for",
        ),
    ],
)
def test_csv_as_programs_write_it(link: Link, body: str) -> None:
    Path("listed.csv").write_text(body, encoding="utf-8", newline="")
    done = link("listed.csv", "roll.csv")
    assert done.status == 0, done.err
    assert ("l2", "r2") in pairs()


def test_parquet_and_columns_that_are_no_text(link: Link) -> None:
    table(
        "listed.parquet",
        "select * from (values (7, 'Ida', 'Birkeland', 2065550102::double), (8, null, null, 'nan'::double)) as t(uid, first, last, phone)",
    )
    table("roll.parquet", "select 9.0::double as uid, 'Ida' as first, 'Birkeland' as last, 2065550102 as phone")
    assert link("listed.parquet", "roll.parquet", "--at-least", "0").status == 0
    with duckdb.connect() as con:
        assert ("7", "9", 1) in con.execute("select id_l, id_r, level_phone from 'pairs.parquet'").fetchall()


def test_a_file_is_known_by_what_it_holds(link: Link) -> None:
    table("listed.csv", "select 'l2' as uid, 'Ida' as first, 'Birkeland' as last, '2065550102' as phone")
    assert link("listed.csv", "roll.csv").status == 0


@pytest.mark.parametrize("name", ["a[1].csv", "b*.csv", "q'uo te.csv", "; drop.csv", "k=v.csv"])
def test_a_file_may_be_called_anything(link: Link, name: str) -> None:
    Path(name).write_text(LISTED, encoding="utf-8")
    Path("a1.csv").write_text("not this one", encoding="utf-8")
    Path("bx.csv").write_text("nor this", encoding="utf-8")
    assert link(name, "roll.csv", out="it's.parquet").status == 0
    assert Path("it's.parquet").exists()


def test_hostile_column_names(link: Link) -> None:
    Path("fields.yml").write_text(
        'id: "u\\"id"\nfields: [{column: "; drop table x", kind: family_name}, {column: "a\\nb", kind: given_name}]\n', encoding="utf-8"
    )
    Path("listed.csv").write_text('"u""id",; drop table x,"a\nb"\n1,Birkeland,Ida\n', encoding="utf-8")
    assert link("listed.csv", "listed.csv").status == 0
    with duckdb.connect() as con:
        columns = [column[0] for column in con.execute("select * from 'pairs.parquet'").description or ()]
    assert columns[4:] == ["level_; drop table x", "level_a\nb"]


def test_no_rows_no_pairs(link: Link) -> None:
    Path("none.csv").write_text("uid,first,last,phone\n", encoding="utf-8")
    for files in (["none.csv"], ["none.csv", "roll.csv"], ["listed.csv", "none.csv"]):
        assert link(*files).status == 0
        assert pairs() == []


# The ways in which it says no ------------------------------------------------------------------------------------

BAD: dict[str, tuple[bytes, list[str]]] = {
    "an empty file": (b"", ["listed.csv is empty", "column names"]),
    "a column is missing": (b"uid,first,Lsat,phone\n", ["listed.csv has no column 'last'", "did you mean 'Lsat'?"]),
    "the id is missing": (b"key,first,last,phone\n", ["has no column 'uid'", "'key', 'first'"]),
    "a column stands twice": (b"uid,first,last,phone,last\n", ["2 columns 'last'", "rename"]),
    "an id twice": (b"uid,first,last,phone\nl1,A,B,\nl1,C,D,\nl1,E,F,\n", ["id 'l1'", "3 rows"]),
    "ids twice": (b"uid,first,last,phone\nl1,A,B,\nl1,C,D,\nl2,E,F,\nl2,G,H,\n", ["id 'l1'", "2 rows", "1 other"]),
    "no id": (b"uid,first,last,phone\n,A,B,\nl1,C,D,\n", ["1 row without an id", "'uid'"]),
    "another encoding": ("uid,first,last,phone\nl1,Zoë,B,\n".encode("latin-1"), ["line 2", "UTF-8"]),
    "another encoding, far down": (
        b"uid,first,last,phone\n" + b"".join(b"l%d,Ann,B,\n" % at for at in range(20_000)) + b"x,Zo\xeb,B,\n",
        ["UTF-8"],
    ),
    "half a surrogate pair": (b"uid,first,last,phone\nl1,\xed\xa0\x80,B,\n", ["UTF-8"]),
    "two bytes a letter": ("uid,first,last,phone\n".encode("utf-16"), ["neither Parquet nor CSV"]),
    "a workbook": (b"PK\3\4\x14\0\0\0", ["neither Parquet nor CSV"]),
    "cells too many": (b"uid,first,last,phone\nl1,A,B,,,C\n", ["line 2", "5 cells under 4"]),
    "cells too few": (b"uid,first,last,phone\nl1,A,B\n", ["line 2", "3 cells under 4"]),
    "an open quotation mark": (b'uid,first,last,phone\nl1,"A,B,\nl2,C,D,\n', ["line 2", "quotation mark"]),
}


@pytest.mark.parametrize("kind", BAD)
def test_a_csv_that_cannot_be_linked(link: Link, kind: str) -> None:
    body, words = BAD[kind]
    Path("listed.csv").write_bytes(body)
    no(link("listed.csv", "roll.csv"), *words)
    Path("listed.csv").write_text(LISTED, encoding="utf-8")
    Path("roll.csv").write_bytes(body)
    no(link("listed.csv", "roll.csv"), *(word.replace("listed.csv", "roll.csv") for word in words))


def test_a_parquet_that_cannot_be_linked(link: Link) -> None:
    table("whole.parquet", "select '1' as uid, 'Zoé' as first, 'B' as last, '2' as phone")
    whole = Path("whole.parquet").read_bytes()
    bad = {
        "text.parquet": b"uid\n1\n",
        "cut.parquet": whole[:-20],
        "half.parquet": whole.replace("é".encode(), b"\xed\xa0"),
        "tiny.parquet": b"PAR1",
    }
    bad["half.parquet"] = whole.replace("Zoé".encode(), b"Zo\xed\xa0")
    for name, body in bad.items():
        Path(name).write_bytes(body)
    no(link("text.parquet", "roll.csv"), "text.parquet is not Parquet")
    no(link("cut.parquet", "roll.csv"), "cut.parquet cannot be read")
    no(link("tiny.parquet", "roll.csv"), "tiny.parquet cannot be read")
    no(link("half.parquet", "roll.csv"), "half.parquet", "UTF-8")
    no(link("roll.csv", "half.parquet"), "half.parquet", "UTF-8")


def test_files_that_are_not_there(link: Link) -> None:
    no(link("nowhere.csv", "roll.csv"), "nowhere.csv is not there")
    no(link("listed.csv", "."), "is a folder")
    no(link("listed.csv", "roll.csv", fields="nowhere.yml"), "nowhere.yml cannot be read")
    no(link("listed.csv", "https://elsewhere.example/roll.csv"), "is not there")


def test_places_where_nothing_can_be_written(link: Link) -> None:
    no(link("listed.csv", "roll.csv", out="nowhere/pairs.parquet"), "no folder nowhere")
    no(link("listed.csv", "roll.csv", out="pairs.csv"), ".parquet")
    Path("folder.parquet").mkdir()
    no(link("listed.csv", "roll.csv", out="folder.parquet"), "is a folder")
    table("own.parquet", "select '1' as uid, 'A' as first, 'B' as last, '2' as phone")
    before = Path("own.parquet").read_bytes()
    no(link("own.parquet", "roll.csv", out="own.parquet"), "one of the files to be read")
    assert Path("own.parquet").read_bytes() == before


@pytest.mark.skipif(
    os.name == "nt" or getattr(os, "geteuid", lambda: 1)() == 0, reason="root may write anywhere, and Windows asks otherwise"
)
def test_a_folder_in_which_we_may_not_write(link: Link) -> None:
    Path("locked").mkdir(mode=0o500)
    no(link("listed.csv", "roll.csv", out="locked/pairs.parquet"), "cannot be written")


@pytest.mark.parametrize("said", ["-0.1", "1.5", "nan"])
def test_a_probability_that_is_none(link: Link, said: str) -> None:
    no(link("listed.csv", "roll.csv", "--at-least", said), "between 0 and 1")


def test_a_refusal_leaves_the_earlier_pairs_alone(link: Link) -> None:
    link("listed.csv", "roll.csv")
    before = Path("pairs.parquet").read_bytes()
    Path("roll.csv").write_text(ROLL + "r1,A,B,\n", encoding="utf-8")
    assert link("listed.csv", "roll.csv").status == 2
    assert Path("pairs.parquet").read_bytes() == before


def test_memory_that_is_no_size_or_too_little(link: Link, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROLLCALL_MEMORY", "lots")
    no(link("listed.csv", "roll.csv"), "ROLLCALL_MEMORY", "'lots'", "4GB")
    monkeypatch.setenv("ROLLCALL_MEMORY", "1MB")
    no(link("listed.csv", "roll.csv"), "more than the 1MB", "ROLLCALL_MEMORY")


def test_the_bench_takes_what_it_may_and_leaves_nothing(tmp_path: Path) -> None:
    with warehouse.workbench(tmp_path, "300MB", threads=1) as con:
        assert con.execute("select current_setting('memory_limit'), current_setting('threads')").fetchone() == ("286.1 MiB", 1)
        con.execute("create temp table wide as select range as n, repeat('x', 1000) || range as text from range(1000000)")  # 1 GB
        assert list(tmp_path.glob(".rollcall-*/*")), "it spills"
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(Refused), warehouse.workbench(tmp_path):
        raise Refused("…")
    assert list(tmp_path.iterdir()) == []


def test_what_takes_long_to_import_is_left_alone(link: Link) -> None:
    program = """
import sys
from pipelines import cli
sys.argv = ["rollcall", "link", "listed.csv", "roll.csv", "--fields", "fields.yml", "--out", "pairs.parquet"]
try:
    cli.main()
finally:
    print(sorted({"pandas", "prefect", "great_expectations", "pyarrow", "jinja2", "httpx"} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)})
    assert done.stdout.splitlines()[-1] == "[]", done.stderr
