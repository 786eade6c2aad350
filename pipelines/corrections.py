"""After a withdrawal: who was shown what no longer stands, a notice for each of them, and the sheet to enter that it was sent.

A withdrawn finding stands in no edition any more; whoever read it in an earlier one must hear so from us (ledger.disclosure knows them).
"""

import csv
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from pipelines import warehouse
from pipelines.packet.build import SENT
from reports import lint
from reports.codes import codes
from reports.records import Context, Report, Section
from reports.render import pdf
from reports.render.sheet import disarmed

FOLDER = "corrections"

# The last decision on what the run does not find any more, of this audit.
GONE = """
select finding_id, change, "at", reason from ledger.correction
where change in ('upheld', 'withdrawn', 'amended') and finding_id not in (select finding_id from matching.finding)
  and finding_id in (
    select disclosure.finding_id from ledger.disclosure
    join ledger.report_sent on report_sent.report_sent_id = disclosure.report_sent_id
    where report_sent.audit in (select audit from curated.run)
  )
qualify row_number() over (partition by finding_id order by "at" desc, list_position(['withdrawn', 'amended', 'upheld'], change)) = 1
"""
# Shown by a document of a run begun before the decision, whenever it was sent; told by the same edition of a later run, which does not show
# it, or by the notice, which bears the edition that it corrects.
_BEGAN = """coalesce(try_strptime({0}.run_id, '%Y%m%dT%H%M%SZ'), {0}."at")"""
WITHDRAWN = f"""
select finding_id, decided_at, reason from matching.progress where decided = 'withdrawn'
union all
select finding_id, "at", reason from ({GONE}) where change = 'withdrawn'
"""
UNTOLD = f"""
select sent.recipient_kind, sent.recipient, disclosure.finding_id, min(sent."at") as shown_at, arg_min(sent.edition, sent."at") as edition,
  any_value(withdrawn.decided_at) as decided_at, any_value(withdrawn.reason) as reason
from ledger.disclosure
join ledger.report_sent as sent on sent.report_sent_id = disclosure.report_sent_id
join ({WITHDRAWN}) as withdrawn on withdrawn.finding_id = disclosure.finding_id
where {_BEGAN.format("sent")} < withdrawn.decided_at
  and not exists (
    select 1 from ledger.report_sent as later
    where later.recipient_kind = sent.recipient_kind and later.recipient = sent.recipient
      and later.audit is not distinct from sent.audit and later.edition is not distinct from sent.edition
      and {_BEGAN.format("later")} >= withdrawn.decided_at
  )
group by sent.recipient_kind, sent.recipient, disclosure.finding_id
order by all
"""
SHOWN = f"""
select untold.*, listing.name_raw, coalesce(source.insurer_name, source.title) as insurer,
  coalesce(case when finding.may_share then finding.sentence end, 'What that document said under this code.') as sentence
from ({UNTOLD}) as untold
left join matching.finding on finding.finding_id = untold.finding_id
left join curated.listing on listing.listing_id = finding.listing_id
left join curated.source on source.source_id = finding.source_id
order by untold.recipient_kind, untold.recipient, untold.finding_id
"""
ERRORS = f"""
select count(distinct disclosure.finding_id) as shown,
  count(distinct disclosure.finding_id) filter (where disclosure.finding_id in (select finding_id from ({WITHDRAWN}))) as withdrawn
from ledger.disclosure
join ledger.report_sent on report_sent.report_sent_id = disclosure.report_sent_id
where report_sent.audit in (select audit from curated.run)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One recipient who must hear that findings are withdrawn, and the letter that says so."""

    recipient_kind: str
    recipient: str
    finding_ids: tuple[str, ...]
    path: Path


def write(con: warehouse.Connection, context: Context, names: Mapping[str, str], folder: Path) -> list[Notice]:
    """A letter for each recipient still to be told, and sent.csv to fill in when they were; nothing where nobody is to be told.

    `names`: pseudonym → name, of persons who did not ask to be erased.
    """
    rows = warehouse.table(con, SHOWN)
    if not rows:
        return []
    (errors,) = warehouse.table(con, ERRORS)
    every = {finding_id for (finding_id,) in con.execute("select finding_id from matching.finding").fetchall()}
    spoken = codes(sorted(every | {row["finding_id"] for row in rows}))
    insurers = dict(con.execute("select source_id, coalesce(insurer_name, title) from curated.source").fetchall())
    folder.mkdir(parents=True, exist_ok=True)
    notices, sent = [], []
    for (kind, recipient), found in groupby(rows, key=lambda row: (row["recipient_kind"], row["recipient"])):
        about = list(found)
        to = names.get(recipient) or insurers.get(recipient) or recipient
        content = pdf.document(notice(to, about, spoken, errors, context))
        path = folder / f"{kind}-{hashlib.sha256(recipient.encode()).hexdigest()[:8]}.pdf"
        path.write_bytes(content)
        notices.append(Notice(recipient_kind=kind, recipient=to, finding_ids=tuple(row["finding_id"] for row in about), path=path))
        digest = hashlib.sha256(content).hexdigest()
        said = names.get(recipient, recipient)
        sent += [(digest, context.audit, context.run_id, row["edition"], kind, said, row["finding_id"], None, None, None) for row in about]
    with (folder / "sent.csv").open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(SENT)
        writer.writerows([disarmed(cell) for cell in row] for row in sent)
    return notices


def notice(to: str, about: list[dict[str, Any]], spoken: Mapping[str, str], errors: Mapping[str, int], context: Context) -> Report:
    """The letter to one recipient: what was said, that it is withdrawn and why, and how often we were wrong."""
    many = len(about) != 1
    made = Report(
        key="correction",
        title="We were wrong, and take it back" if not many else f"We were wrong in {len(about)} findings, and take them back",
        audit=context.audit,
        run_id=context.run_id,
        marks=tuple(mark for mark in context.marks if mark != "DRAFT"),  # a withdrawal holds from the moment it is decided
        facts={},
        sections=(
            Section(
                key="said",
                title="What we had told you",
                paragraphs=[
                    f"In a document of {min(row['shown_at'] for row in about):%Y-%m-%d} about provider directories you were shown:"
                ],
                columns=("Code", "Listing of", "Directory", "What it said"),
                rows=[(spoken[row["finding_id"]], row["name_raw"], row["insurer"], row["sentence"]) for row in about],
                quotes=("Listing of",),
            ),
            Section(
                key="withdrawn",
                title=f"{'These findings are' if many else 'This finding is'} withdrawn",
                paragraphs=[
                    "Please disregard what stands above, also in anything made from it. If you passed it on, please pass this on, too.",
                ],
                columns=("Code", "Withdrawn on", "Why"),
                rows=[(spoken[row["finding_id"]], f"{row['decided_at']:%Y-%m-%d}", lint.withheld(row["reason"])) for row in about],
                quotes=("Why",),
            ),
            Section(
                key="errors",
                title="How often we were wrong",
                paragraphs=[
                    f"Of {errors['shown']:,} findings of this audit that were sent to anybody, {errors['withdrawn']:,} "
                    f"{'has' if errors['withdrawn'] == 1 else 'have'} been withdrawn. Every report of it prints this count.",
                    f"Is something else wrong? Write to {context.contact or 'whoever sent you this'} and give the code.",
                ],
            ),
        ),
        made_at=context.made_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        extra={
            "layout": "letter",
            "subtitle": "A correction of what we sent you",
            "series": f"{context.title}: correction",
            "foot": f"Run {context.run_id}. Codes: {', '.join(spoken[row['finding_id']] for row in about)}",
            "date": f"{context.made_at:%Y-%m-%d}",
            "to": [to],
            "contacts": [context.contact],
        },
    )
    lint.wording(made)
    return made
