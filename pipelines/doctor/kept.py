"""What is kept: the data folder, evidence, published and filed runs, the ledger, and cards."""

import os
import re
import shutil
import tempfile
import time
from datetime import timedelta
from pathlib import Path

from pipelines import audits, filing, ledger, models, published, queries, runs, stages, warehouse
from pipelines.doctor.signs import BAD, OK, WARN, Said, heard, trouble
from pipelines.lines import few
from pipelines.packet import bag
from pipelines.settings import Settings
from scrapers import sources
from scrapers.evidence import Archive
from scrapers.records import Refused

PAGES, BYTES = 50, 200_000_000  # of one source's newest snapshot, at most so many bodies are hashed, of so many bytes together
LEAST = 2_000_000_000  # bytes free; a run over an invented state with a roll of 60,000 rows writes a tenth
AHEAD = timedelta(minutes=5)  # two clocks that are set may differ by as much
KILLED = re.compile(r".*\.(part|part\.wal|spill)|\.flat-.*|file\.duckdb(\.wal)?")  # what is being written; see warehouse, packet, filing
HOUR = 3600  # seconds


def data(settings: Settings) -> Said:
    """The data folder can be written, and has room for the next run."""
    folder = settings.data.resolve()
    there = next(each for each in (folder, *folder.parents) if each.exists())
    try:
        with tempfile.TemporaryFile(dir=there):
            pass
    except OSError as wrong:
        yield BAD, f"{there} cannot be written ({wrong.strerror}); expected a folder of yours: give leave to write, or another with --data"
        return
    sizes = [path.stat().st_size for path in settings.data.glob("curated/*/*.duckdb")]
    needed = max(LEAST, 3 * max(sizes, default=0))  # curate, match and publish each leave a database
    free = shutil.disk_usage(there).free
    room = f"{free / 1e9:,.1f} GB are free for {folder}"
    if free < needed:
        yield WARN, f"{room}; expected {needed / 1e9:,.1f} GB for the next run: make room, or give another folder with --data"
    else:
        yield OK, room


def paths(settings: Settings) -> Said:
    """The longest path that will be written below the data folder is one this system takes; Windows takes 259 characters."""
    folder = str(settings.data.resolve())
    limit = 259 if os.name == "nt" else os.pathconf(settings.data.resolve().anchor, "PC_PATH_MAX")
    longest = len(f"{folder}/curated/{'a' * 33}/filed/{'0' * 16}/packet-commissioner/") + bag.LONGEST
    if longest > limit:
        yield BAD, f"a packet's paths may have {longest} characters and this system takes {limit}; choose a data folder nearer the root"
    else:
        yield OK, f"a packet's paths have at most {longest} characters, and this system takes {limit}"


def evidence(settings: Settings) -> Said:
    """Each source's newest snapshot: the manifest it was named by, a sample of its bodies by SHA-256, and that it is not of tomorrow."""
    counts = dict[str, int]()
    wrong = [fault for name in _kept(settings) if (fault := trouble(lambda name=name: counts.update({name: _hashed(settings, name)})))]
    yield from ((BAD, each) for each in wrong)
    if not wrong:
        yield OK, f"{len(counts)} sources, {sum(counts.values()):,} bodies of their newest snapshots hashed anew"


def _hashed(settings: Settings, name: str) -> int:
    """How many bodies of a source were hashed; Refused at the first thing that is wrong with it."""
    archive, now = Archive(settings.raw), runs.clock(settings)
    try:
        newest = archive.snapshots(name)[-1:]
    except (ValueError, KeyError) as wrong:
        raise Refused(f"{name}: a complete.json under {settings.raw / name} cannot be read ({wrong}); restore it from a copy") from wrong
    count, left = 0, BYTES
    for snapshot in newest:
        pages = archive.evidence(snapshot)
        for each in pages[:: len(pages) // PAGES + 1]:
            if left <= 0:
                break
            count, left = count + 1, left - each.byte_count
            if not archive.verify(each):
                told = f"{snapshot.id}: the bytes kept of {each.url} no longer have their SHA-256"
                raise Refused(f"{told}; support nothing with them, and restore {each.path} from a copy")
        if snapshot.finished_at > now + AHEAD:
            told = f"{snapshot.id} was fetched at {snapshot.finished_at:%Y-%m-%d %H:%M} UTC, and the clock here says {now:%Y-%m-%d %H:%M}"
            raise Refused(f"{told}; set the clock, and if it was wrong then, collect {name} again")
    return count


def current(settings: Settings) -> Said:
    """What readers are led to opens and has this version's tables, and so has what a run would go on from."""
    homes = _homes(settings)
    for home in homes:
        shown = heard(_of_readers(settings, home))
        yield from shown
        if all(verdict == OK for verdict, _ in shown):  # else the one remedy is the same
            yield from heard(_of_runs(settings, home))
    if not homes:
        yield OK, f"nothing under {settings.data} yet"


def _of_readers(settings: Settings, home: Path) -> Said:
    if not (home / "current").exists():
        return
    path = queries.database(settings, home.name, None)
    with warehouse.read_only(path) as con:
        odd = models.odd(con, models.of(*models.FOLDERS))
    name, _, day = home.name.partition("@")
    again = f"rollcall run {name} " + (f"--until {day}" if day else "--from curate")
    if odd:
        yield WARN, f"{path} has another version's tables, which differ in {few(odd)}; read it as it is, or make it anew: `{again}`"
    else:
        yield OK, f"{home.name}: {path.name}, with this version's tables"


def _of_runs(settings: Settings, home: Path) -> Said:
    if fault := trouble(runs.latest, settings, home.name):
        yield BAD, f"{home / 'work' / 'run.json'} cannot be read ({fault}); expected what a run has done: delete it and run the audit again"
    elif run := runs.latest(settings, home.name):
        wrong = [fault for stage in stages.LEFT if stage in run.done and (fault := trouble(stages.finished_database, run, stage))]
        yield from ((WARN, each) for each in wrong[:1])


def filed(settings: Settings) -> Said:
    """The newest filed run of each audit is as it was filed."""
    folders = [path for home in _homes(settings) for path in sorted((home / "filed").glob("[!.]*"))[-1:]]
    wrong = [fault for folder in folders if (fault := trouble(filing.filed, folder))]
    yield from ((BAD, each) for each in wrong)
    if not wrong:
        yield OK, f"{', '.join(f'{each.parents[1].name} {each.name}' for each in folders)}: as filed" if folders else "no run is filed yet"


def people(settings: Settings) -> Said:
    """The ledger: its chain, whole as far as any published run rests on it, and its guards."""
    heads: list[str] = []
    unread = trouble(lambda: heads.extend(published.heads(settings)))
    count = ledger.verify(settings, heads)
    gone = ledger.unguarded(settings)
    if gone:
        yield (
            BAD,
            f"the ledger, its {count:,} entries whole, has lost what keeps them from being changed ({few(gone)}); restore it from a copy",
        )
    if unread:
        yield WARN, f"the ledger's {count:,} entries are whole, but published runs could not be held against it: {unread}"
    if not gone and not unread:
        yield OK, f"{count:,} entries, none changed or gone"


def leftovers(settings: Settings) -> Said:
    """What killed runs left half written. Their locks the system has let go."""
    depths = ("curated/*/*", "curated/*/*/*", "raw/*/*.part", "raw/*/*/*.part")
    old = time.time() - HOUR  # what is younger may be being written
    left = sorted(
        each
        for depth in depths
        for each in settings.data.glob(depth)
        if KILLED.fullmatch(each.name) and max(inside.stat().st_mtime for inside in (each, *each.rglob("*"))) < old
    )
    size = sum(each.stat().st_size for path in left for each in (path, *path.rglob("*")) if each.is_file())
    if left:
        named = few([str(each) for each in left])
        yield WARN, f"a run that was killed left {named} ({size / 1e6:,.1f} MB); its next run takes them away, or delete them"
    else:
        yield OK, "nothing half written"


def cards(_: Settings) -> Said:
    """Every audit card under audits/, every source card under sources/, and the catalogue load."""
    own = [*Path("audits").glob("*.yml"), *(models.ROOT / "audits").glob("*.yml"), *Path("sources").rglob("*.yml")]
    paths = sorted({path.resolve() for path in own})
    wrong = [fault] if (fault := trouble(sources.catalogue)) else []
    for path in paths:
        asked = (audits.read, path) if path.parent.name == "audits" else (sources.load, f"./{path.name}", path.parent)
        if fault := trouble(*asked):
            wrong.append(fault if path.name in fault else f"{path}: {fault}")
    yield from ((BAD, each) for each in dict.fromkeys(wrong))
    if not wrong:
        yield OK, f"all load: the catalogue, and {len(paths)} here"


def _kept(settings: Settings) -> list[str]:
    """Sources of which there is evidence."""
    return sorted(path.name for path in settings.raw.glob("[!.]*") if path.is_dir())


def _homes(settings: Settings) -> list[Path]:
    """Folders of audits."""
    return sorted(path for path in (settings.data / "curated").glob("[!.]*") if path.is_dir())


CHECKS = {
    "data": data,
    "paths": paths,
    "evidence": evidence,
    "published": current,
    "filed": filed,
    "ledger": people,
    "leftovers": leftovers,
    "cards": cards,
}
