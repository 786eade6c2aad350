"""Make a packet: the documents for one kind of reader, the evidence as a bag, and what whoever sends it fills in.

    packet-commissioner/
      README.txt  sent.csv  timestamp.txt  [evidence.tsr]  seal-sha256.txt
      filing/     summary.pdf, workbook.xlsx, cover.pdf: at most 10 MB, and they stand alone
      evidence/   a BagIt bag; packet-sha256.txt in it holds the hashes of README.txt and filing/
      sealed/     street and telephone, handed over apart

Everything is made in a folder beside, which takes its name at the end: an interrupted build leaves nothing half.
The only clock is the run's.
"""

import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from importlib import resources
from pathlib import Path
from typing import Any

import yaml

from pipelines import publication, spreadsheets, warehouse
from pipelines.packet import bag, contents, excerpts, stamp
from pipelines.settings import Settings
from reports import editions
from reports.exhibits import Exhibit, exhibits
from reports.records import Context, Measure, Report, Section
from reports.render import exhibits as render
from reports.render import html, pdf, sheet
from scrapers.evidence import Archive
from scrapers.records import Refused
from scrapers.sources import Audit

Say = Callable[[str], None]
EDITIONS = ("commissioner", "insurer", "therapist", "legislator", "public", "patient")
LARGEST_FILING = 10_000_000  # bytes: what the commissioner's web form takes
SENT = ("document_sha256", "audit", "run_id", "edition", "recipient_kind", "recipient", "finding_id", "channel", "sent_by", "sent_on")
FILLED = SENT[-3:]
TAG_MANIFEST = f"evidence/{bag.TAGS}"


def build(
    settings: Settings,
    audit: Audit,
    edition: str,
    database: Path | None = None,
    folder: Path | None = None,
    *,
    is_filed: bool = False,
    planned: bool = False,
    recipients: Path | None = None,
    say: Say = lambda _: None,
) -> Path:
    """Write the packet of one edition from one run's database, and return its folder; packets for insurers lie in it, one to a source.

    `database`, `folder`: by default the published run and packet-EDITION in its folder. `recipients`: legislators, as a spreadsheet.
    Raises Refused where nothing is published, kept evidence is damaged, or an edition says of a person what it may not.
    """
    if edition not in EDITIONS or (planned and edition != "insurer"):
        raise Refused(f"no packet is made to {edition!r}{' ahead of an audit' * planned}; made: {', '.join(EDITIONS)}, and insurer planned")
    database = database or publication.current(settings.curated(audit.name))
    if database is None or not database.exists():
        raise Refused(f"{audit.name}: nothing is published that a packet could be made of; run `rollcall run {audit.name}` first")
    run_id = database.stem.removeprefix("audit-")
    name = "planned" if planned else edition
    target = folder or settings.curated(audit.name) / run_id / f"packet-{name}"
    part = target.with_name(f".{target.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    with warehouse.read_only(database) as con:
        maker = _Maker(con, settings, audit, publication.marks(audit, is_filed=is_filed), recipients, say)
        for where, pack in maker.packets(name):
            maker.finish(part / where, pack)
    if not part.exists():
        raise Refused(f"{audit.name}: run {run_id} has no insurer to send a packet to")
    shutil.rmtree(target, ignore_errors=True)
    part.replace(target)
    return target


@dataclass(frozen=True, slots=True, kw_only=True)
class Addressed:
    """One document of a packet, to whom it goes, and the findings it shows."""

    document: str  # its path in the packet
    kind: str  # of recipient, as in ledger.report_sent
    recipient: str
    finding_ids: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Pack:
    """What one packet is made of."""

    edition: str
    report: Report
    documents: dict[str, bytes]
    addressed: Sequence[Addressed]
    shown: Sequence[Exhibit] | None = None  # None: nothing about any one listing
    withhold: bool = True
    sealed: Report | None = None
    rows: bytes | None = None  # the annex as CSV


@dataclass
class _Maker:
    con: warehouse.Connection
    settings: Settings
    audit: Audit
    marks: Sequence[str]
    recipients: Path | None
    say: Say
    words: dict[str, Any] = field(default_factory=lambda: yaml.safe_load(_words()))

    @cached_property
    def context(self) -> Context:
        return publication.context(self.con, self.audit, self.marks, self.settings.contact)

    @cached_property
    def measures(self) -> list[Measure]:
        names = [each.name for each in fields(Measure)]
        rows = warehouse.table(self.con, f"select {', '.join(names)} from reports.measure order by rowid")
        return [Measure(**row) for row in rows]

    def reports(self, *names: str) -> Iterator[tuple[str, Report]]:
        return editions.build_each(names, self.con, self.measures, self.context)

    def packets(self, edition: str) -> Iterator[tuple[str, Pack]]:
        """The packets of one edition, each with its folder below the whole ("." where there is one)."""
        if edition == "commissioner":
            yield ".", self.commissioner()
        elif edition in ("insurer", "planned"):
            for _, report in self.reports(edition):
                yield report.extra["recipient"], self.insurer(edition, report)
        elif edition == "therapist":
            yield ".", self.therapist()
        else:
            yield ".", self.page(edition)

    def commissioner(self) -> Pack:
        made = dict(self.reports("commissioner", "summary", "sealed"))
        report, shown = made["commissioner"], exhibits(self.con, look_up=self.look_up)
        regulator = self.context.regulator
        documents = {
            "filing/summary.pdf": pdf.document(made["summary"]),
            "filing/workbook.xlsx": sheet.workbook(report),
            "filing/cover.pdf": pdf.document(self.cover(report, shown, regulator)),
        }
        if sum(map(len, documents.values())) > LARGEST_FILING:
            self.say("notice: the workbook is too large to be filed with its rows; they are in evidence/data/findings.csv")
            documents["filing/workbook.xlsx"] = sheet.workbook(replace(report, annex=()))
        to = Addressed(document=TAG_MANIFEST, kind="regulator", recipient=regulator, finding_ids=[each.finding_id for each in shown])
        return Pack(
            edition="commissioner",
            report=report,
            documents=documents,
            addressed=[to],
            shown=shown,
            sealed=made["sealed"],
            rows=sheet.annex(report),
        )

    def insurer(self, edition: str, report: Report) -> Pack:
        source = report.extra["recipient"]
        documents = {"notice/notice.pdf": pdf.document(report), "notice/notice.html": html.page(report).encode()}
        if edition == "planned":
            return Pack(
                edition=edition,
                report=report,
                documents=documents,
                addressed=[Addressed(document=TAG_MANIFEST, kind="insurer", recipient=source)],
            )
        shown = exhibits(self.con, source_id=source, look_up=self.look_up, withhold=False)
        documents["notice/answers.xlsx"] = sheet.workbook(report)
        documents["notice/answers.csv"] = sheet.annex(report)
        to = Addressed(document=TAG_MANIFEST, kind="insurer", recipient=source, finding_ids=[each.finding_id for each in shown])
        return Pack(edition=edition, report=report, documents=documents, addressed=[to], shown=shown, withhold=False, rows=None)

    def therapist(self) -> Pack:
        ((_, report),) = self.reports("therapist")
        documents = {"letters/list.csv": sheet.annex(report), "letters/list.html": html.page(report).encode()}
        addressed = []
        letters = report.extra["letters"]
        if letters:
            documents["letters/all.pdf"] = pdf.letters([each.report for each in letters])
        for place, each in enumerate(letters, 1):
            name = f"letters/{place:04}.pdf"
            documents[name] = pdf.document(each.report)
            who = each.report.extra["to"][0]
            addressed.append(Addressed(document=name, kind="therapist", recipient=who, finding_ids=each.finding_ids))
        return Pack(edition="therapist", report=report, documents=documents, addressed=addressed)

    def page(self, edition: str) -> Pack:
        ((_, report),) = self.reports(edition)
        documents = {f"pages/{edition}.html": html.page(report).encode(), f"pages/{edition}.pdf": pdf.document(report)}
        kind = "legislator" if edition == "legislator" else "other"
        addressed = [Addressed(document=TAG_MANIFEST, kind=kind, recipient="")]
        if edition == "legislator" and self.recipients:
            from reports.legislator import sections

            named = [rows for _, rows in spreadsheets.sheets(self.recipients)]
            if len(named) != 1:
                raise Refused(f"{self.recipients.name} has {len(named)} sheets with something on them; expected one, of the recipients")
            to = sections.recipients(named[0])
            addressed = []
            for place, (who, made) in enumerate(zip(to, sections.legislators(self.con, self.measures, self.context, to), strict=True), 1):
                documents[f"pages/{place:04}.pdf"] = pdf.document(made)
                addressed.append(Addressed(document=f"pages/{place:04}.pdf", kind=kind, recipient=who.name))
        return Pack(edition=edition, report=report, documents=documents, addressed=addressed)

    @cached_property
    def look_up(self) -> str | None:
        """Where one license can be looked up by its number: a dataset that answers for one column, where the roll is one."""
        roll = self.audit.roll
        if roll is None or roll.format != "socrata" or "number" not in roll.columns or not roll.start[0].startswith("http"):
            return None
        start = roll.start[0].split("?")[0].removesuffix(".csv").removesuffix(".json")
        return f"{start}.csv?{roll.columns['number']}={{number}}"

    def cover(self, report: Report, shown: Sequence[Exhibit], regulator: str) -> Report:
        words, days = self.words["cover"], sorted({each.observed_on for each in shown})
        told = {
            **report.extra["whole"].extra["names"],
            "count": f"{len(shown):,}",
            "days": days[0] if len(days) == 1 else f"{days[0]} to {days[-1]}" if days else "no day",
            "example": shown[0].code if shown else "none yet",
        }
        lines = [line.format_map(told) for line in words["words"]] + ([words["draft"]] if "DRAFT" in self.marks else [])
        return replace(
            report,
            key="cover",
            title=words["title"].format_map(told),
            facts={
                "To": regulator[:1].upper() + regulator[1:],
                "Date": self.context.made_at.strftime("%Y-%m-%d"),
                "Write to": self.contact,
                **{label: said for label, said in report.facts.items() if label == "Signed by"},
            },
            sections=(Section(key="cover", title=words["section"], paragraphs=lines),),
            annex_columns=(),
            annex=(),
            annex_kinds=(),
            extra={"compact": True},
        )

    @property
    def contact(self) -> str:
        return self.context.contact or "an address that is not yet named, and must be before this is filed"

    def finish(self, folder: Path, pack: Pack) -> None:
        """Write one packet: its documents, its bag, what binds the two, and whether somebody stamped it."""
        for name, content in pack.documents.items():
            bag.write(folder / name, content)
        bag.write(folder / "README.txt", self.readme(pack))
        evidence = folder / "evidence"
        self.evidence(evidence, pack)
        if pack.sealed is not None:
            bag.write(folder / "sealed" / "sealed-annex.xlsx", sheet.workbook(pack.sealed))
            bag.write(folder / "sealed" / "README.txt", self.words["sealed"].format_map(self.told))
            bag.write(evidence / "sealed-sha256.txt", bag.sums(folder, ["sealed/README.txt", "sealed/sealed-annex.xlsx"]))
        bag.write(evidence / "packet-sha256.txt", bag.sums(folder, sorted([*pack.documents, "README.txt"])))
        bag.close(evidence, self.info)
        bag.write(folder / "sent.csv", contents.table(SENT, sent(folder, self.context, pack)))
        self.seal(folder)
        self.say(f"{folder.name.strip('.').removesuffix('.part')}: {len(bag.files(folder)):,} files")

    def evidence(self, folder: Path, pack: Pack) -> None:
        contents.origin(folder, self.con, self.context)
        if pack.report.extra.get("measures"):
            contents.figures(folder, self.con, pack.report)
        to_send = [(each.document, each.kind, each.recipient, finding) for each in pack.addressed for finding in each.finding_ids or ("",)]
        bag.write(folder / "data" / "to-send.csv", contents.table(("document", "recipient_kind", "recipient", "finding_id"), to_send))
        if pack.shown is None:
            return
        archive = Archive(self.settings.raw, self.settings.until)
        kept = excerpts.write(folder, archive, self.audit.sources, pack.shown, withhold=pack.withhold)
        cover = render.Cover(title="Exhibits", marks=self.marks, run_id=self.context.run_id, made_at=pack.report.made_at)
        contents.exhibits(folder, pack.shown, kept, cover)
        contents.check_us(folder, pack.shown, pack.report, self.words["check"], self.contact)
        if pack.rows is not None:
            bag.write(folder / "data" / "findings.csv", pack.rows)

    def seal(self, folder: Path) -> None:
        root = self.settings.tsa_root.read_bytes() if self.settings.tsa_root else b""
        made = stamp.ask(self.settings.tsa, (folder / TAG_MANIFEST).read_bytes(), root)
        bag.write(folder / "timestamp.txt", made.sentence + "\n")
        sealed = ["timestamp.txt", TAG_MANIFEST]
        if made.answer is not None:
            bag.write(folder / "evidence.tsr", made.answer)
            sealed.append("evidence.tsr")
            if root:
                bag.write(folder / "evidence.tsr.pem", root)
                sealed.append("evidence.tsr.pem")
        bag.write(folder / "seal-sha256.txt", bag.sums(folder, sorted(sealed)))

    @cached_property
    def told(self) -> dict[str, str]:
        marks = " · ".join(self.marks)
        return {"marks": marks, "run_id": self.context.run_id, "audit": self.audit.name, "code_version": self.context.code_version}

    @property
    def info(self) -> dict[str, str]:
        return {
            "External-Identifier": f"{self.audit.name} {self.context.run_id}",
            "External-Description": self.audit.title + (f" ({' · '.join(self.marks)})" if self.marks else ""),
            "Bagging-Date": self.context.made_at.date().isoformat(),  # of the run: two builds from one run are the same bytes
            "Bag-Software-Agent": f"Rollcall {self.context.code_version}",
        }

    def readme(self, pack: Pack) -> str:
        rooms = sorted({name.split("/")[0] for name in pack.documents}) + (["sealed"] if pack.sealed else [])
        told = self.told | {
            "title": pack.report.title,
            "reader": self.words["reader"][pack.edition],
            "documents": "\n".join(f"  {room + '/':<14}{self.words['documents'][room]}" for room in rooms),
            "evidence": self.words["figures" if pack.shown is None else "rows"],
        }
        return str(self.words["readme"]).format_map(told)


def sent(folder: Path, context: Context, pack: Pack) -> Iterator[Sequence[str]]:
    """A row for each finding that each document shows, for the person who sends it to fill in."""
    for each in pack.addressed:
        sha256 = bag.sha256(folder / each.document)
        for finding in each.finding_ids or ("",):
            yield sha256, context.audit, context.run_id, pack.edition, each.kind, each.recipient, finding, "", "", ""


def _words() -> str:
    return resources.files(__package__).joinpath("words.yml").read_text(encoding="utf-8")
