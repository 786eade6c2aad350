"""The verbs between a run and a filed report: what people did, and what they are handed."""

from dataclasses import asdict
from pathlib import Path

import click

from pipelines import settings as environment
from pipelines.verbs import answer, as_json, audit_card, watching, with_data
from scrapers.records import Refused


@click.command(name="file", epilog="Example: rollcall file audits/my_audit.yml")
@audit_card
@as_json
@with_data
def file_run(settings: environment.Settings, audit: str, as_json: bool) -> None:
    """Remove DRAFT: freeze the newest run for ever, or list all that it lacks and exit with 1."""
    from pipelines import audits, filing
    from pipelines.runs import Stopped

    with watching() as (say, _):
        done = filing.file(settings, audits.read(Path(audits.find(audit))), audit, say)
    answer(asdict(done), as_json, lambda: filing.lines(done))
    if isinstance(done, filing.Unready):
        raise Stopped(f"run {done.run_id} of {done.audit} is not filed: what it lacks is listed above ({len(done.missing)})")


@click.command(name="packet", epilog="Example: rollcall packet audits/my_audit.yml --to insurer")
@audit_card
@click.option(
    "--to",
    "edition",
    required=True,
    type=click.Choice(["commissioner", "insurer", "therapist", "legislator", "public", "patient"]),
    help="Who reads it.",
)
@click.option("--planned", is_flag=True, help="To an insurer: announce the audit, before any finding.")
@click.option(
    "--recipients",
    type=click.Path(path_type=Path),
    help="Legislators, a page each: a spreadsheet with name, [office, district, counties (; between), email].",
)
@as_json
@with_data
def make_packet(settings: environment.Settings, audit: str, edition: str, planned: bool, recipients: Path | None, as_json: bool) -> None:
    """Write what one kind of reader is handed, with its evidence; DRAFT unless the newest run is filed."""
    from pipelines import audits, filing

    if recipients and edition != "legislator":
        raise click.UsageError("--recipients names legislators; it goes with --to legislator alone")
    if recipients and not recipients.is_file():
        raise Refused(f"{recipients}: there is no such file; give legislators, one row each, saved as .xlsx or .csv")
    with watching() as (say, _):
        done = filing.hand(settings, audits.read(Path(audits.find(audit))), edition, planned, recipients, say)
    answer(asdict(done), as_json, lambda: filing.handed_lines(done))


@click.command(epilog="Example: rollcall verify packet-commissioner")
@click.argument("folder", metavar="PACKET", type=click.Path(path_type=Path))
@as_json
@with_data
def verify(_: environment.Settings, folder: Path, as_json: bool) -> None:
    """Check a packet with no network and no database: what was changed, removed or added is named."""
    from pipelines import packet
    from pipelines.runs import Stopped

    done = packet.check(folder)
    answer([asdict(each) for each in done], as_json, lambda: packet.lines(done))
    wrong = [sentence for each in done for sentence in each.wrong]
    if wrong:
        raise Stopped(wrong[0])


@click.command(name="import", epilog="Example: rollcall import verdicts.xlsx --person 'Ada Example'")
@click.argument("file", metavar="FILE", type=click.Path(path_type=Path))
@click.option("--person", help="Who did what the file does not say who did.")
@as_json
@with_data
def import_(settings: environment.Settings, file: Path, person: str | None, as_json: bool) -> None:
    """Enter what people did into the ledger, from CSV or XLSX told apart by its header; twice changes nothing.

    Verdicts, calls, replies, attestations, applications, corrections, documents sent, sign-offs, interests, contacts, erasure requests.
    """
    from pipelines import spreadsheets

    done = spreadsheets.import_file(settings, file, person)
    answer(done.said(), as_json, done.lines)


@click.command(epilog="Example: rollcall sample my_audit --margin 0.05 --confidence 0.95 --by network --seed 7")
@audit_card
@click.option(
    "--for",
    "purpose",
    type=click.Choice(["call", "review"]),
    default="call",
    show_default=True,
    help="Listings to telephone, or findings to review.",
)
@click.option(
    "--margin", default=0.05, show_default=True, type=click.FloatRange(0.001, 0.5), help="How far off a share may be, either way."
)
@click.option("--confidence", default=0.95, show_default=True, type=click.FloatRange(0.5, 0.999), help="How often it is not farther off.")
@click.option("--by", help="Draw from each part: source, network, county, city; of findings check, tier, source.")
@click.option("--seed", required=True, type=click.IntRange(0, 2**63 - 1), help="Choose it before you look; it is recorded before the draw.")
@click.option("--person", help="Who draws. [ROLLCALL_CONTACT]")
@as_json
@with_data
def sample(
    settings: environment.Settings,
    audit: str,
    purpose: str,
    margin: float,
    confidence: float,
    by: str | None,
    seed: int,
    person: str | None,
    as_json: bool,
) -> None:
    """Draw listings to telephone or findings to review, and write the sheets to fill in; the same command draws the same."""
    from pipelines import sampling

    done = sampling.draw(settings, audit, purpose, margin, confidence, by, seed, person)
    said = {
        "sample_id": done.sample_id,
        "frame": done.frame_count,
        "drawn": done.drawn_count,
        "is_new": done.is_new,
        "earlier": done.earlier,
    }
    answer(said | {"files": [str(path) for path in done.files]}, as_json, lambda: sampling.lines(done))
