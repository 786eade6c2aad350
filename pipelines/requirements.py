"""What a run still lacks before it may be filed: every step, how many findings it concerns, and what to do.

Asked of an open database of the run whose ledger.* is what the ledger holds now; `seen.*` in it are the ledger's tables as the run was
made. docs/filing.md has the steps in order: review, notice, reply, capture on the day, signatures.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from pipelines import corrections, warehouse
from reports.whole.rows import NOTICE_DAYS

FRESH_DAYS = 7  # how old the newest capture of roll and directory may be
SIGNATURES = 2
LATE = ("sign_off", "interest")  # entries that change no finding: made after the run, they are read when it is filed
PART_OF = ("draw",)  # of a sample, and counted with it


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """One step that a run lacks before it may be filed."""

    step: str
    count: int
    sentence: str
    to_do: str
    which: tuple[str, ...] = ()  # some of those concerned: finding ids, sources, names


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The run that is to be filed, and what the gate must know beyond its tables."""

    audit: str
    card: str  # the audit card as it is given on the command line
    run_id: str
    now: datetime  # UTC
    by: str | None  # who makes the audit
    contact: str | None
    tables: tuple[str, ...]  # of the ledger
    grain: Mapping[str, tuple[str, ...]]  # of each
    stale_cards: str | None  # why the run was not made by these cards; None where it was
    interests: tuple[str, ...]  # who declared an interest, or that there is none, by name


def missing(con: warehouse.Connection, asked: Asked) -> list[Missing]:
    """Every step that is missing, in the order in which people take them; an empty list means: file it."""
    lay_out(con)
    steps = (_entries, _sources, _captures, _review, _undecided, _error_rate, _insurers, _people, _withdrawals, _signatures, _contact)
    return [each for step in steps for each in step(con, asked)]


def again(card: str, run_id: str, why: str) -> Missing:
    """A run whose tables other code or other cards made."""
    sentence, to_do = f"run {run_id} was made before {why}", f"rollcall run {card} --from curate --offline"
    return Missing(step="run again", count=1, sentence=sentence, to_do=to_do)


def lay_out(con: warehouse.Connection) -> None:
    """Create the temp table `due`: each finding that the filed editions would show in a row, and what people did about it.

    A finding seen for the first time after its insurer was last written to is not due (`is_late`): it is counted and waits, unnamed, for
    the next filing. Directories change every week, and otherwise the capture on the day would undo the notice given two weeks before it.
    """
    con.execute(
        """
        create or replace temp table due as
        with told as (
          select finding.source_id, cast(max(progress.insurer_told_at) as date) as told_on
          from matching.finding
          join matching.progress on progress.finding_id = finding.finding_id
          group by finding.source_id
        )
        select
          finding.finding_id, finding.check_name, finding.tier, finding.about, finding.stage, finding.credential_id, finding.source_id,
          coalesce(source.insurer_name, source.title, 'an insurer not named') as insurer, progress.* exclude (finding_id, stage),
          progress.insurer_told_at is null and coalesce(finding.first_seen_on > told.told_on, false) as is_late
        from matching.finding
        left join matching.progress on progress.finding_id = finding.finding_id
        left join curated.source on source.source_id = finding.source_id
        left join told on told.source_id = finding.source_id
        where finding.state <> 'resolved' and finding.stage <> 'withdrawn' and finding.tier in ('A', 'B') and finding.may_share
          and (finding.claim_id is null or finding.claim_id in (select claim_id from reports.in_scope))
        """
    )


def _entries(con: warehouse.Connection, asked: Asked) -> Iterator[Missing]:
    """What was entered since the run looked, and a run that other code or other cards made: its findings heed neither."""
    if asked.stale_cards:
        yield again(asked.card, asked.run_id, asked.stale_cards)
    new: dict[str, int] = {}
    for table in asked.tables:
        if table not in LATE + PART_OF:
            key = " and ".join(f"live.{name} is not distinct from seen.{name}" for name in asked.grain[table])
            count = warehouse.count(con, f"ledger.{table} as live where not exists (select 1 from seen.{table} as seen where {key})")
            new |= {table: count} if count else {}
    if new:
        said = ", ".join(f"{count:,} {table.replace('_', ' ')}" for table, count in new.items())
        yield Missing(
            step="entries since the run",
            count=sum(new.values()),
            sentence=f"the ledger has entries that run {asked.run_id} did not see ({said}), so what follows is counted without them",
            to_do=f"rollcall run {asked.card} --from match --offline",
            which=tuple(new),
        )


def _sources(con: warehouse.Connection, asked: Asked) -> Iterator[Missing]:
    """A source of the audit without a complete visit, or with one older than it is meant to be visited."""
    rows = warehouse.table(
        con,
        """
        select source.source_id, snapshot.observed_on, snapshot.is_stale
        from curated.source
        left join curated.snapshot on snapshot.source_id = source.source_id and snapshot.is_latest
        where snapshot.snapshot_id is null or snapshot.is_stale
        order by 1
        """,
    )
    if rows:
        said = ", ".join(f"{row['source_id']} ({row['observed_on'] or 'never whole'})" for row in rows)
        yield Missing(
            step="sources",
            count=len(rows),
            sentence=f"captured incompletely, or longer ago than it is meant to be: {said}",
            to_do=f"rollcall run {asked.card}",
            which=tuple(row["source_id"] for row in rows),
        )


def _captures(con: warehouse.Connection, asked: Asked) -> Iterator[Missing]:
    """Roll and directories as they are in the days before the filing: somebody may have renewed, or been taken off."""
    rows = warehouse.table(
        con,
        """
        select source.source_id, snapshot.observed_on
        from curated.source
        join curated.snapshot on snapshot.source_id = source.source_id and snapshot.is_latest
        where source.kind in ('license_roll', 'insurer') and (snapshot.observed_on < $since or snapshot.observed_on > $until)
        order by 1
        """,
        {"since": asked.now.date() - timedelta(days=FRESH_DAYS), "until": (asked.now + timedelta(hours=14)).date()},
    )
    if rows:
        said = ", ".join(f"{row['source_id']} on {row['observed_on']}" for row in rows)
        yield Missing(
            step="captured again",
            count=len(rows),
            sentence=f"last captured more than {FRESH_DAYS} days ago, or said to be of a day still to come: {said}",
            to_do=f"rollcall run {asked.card}, which asks all of them again",
            which=tuple(row["source_id"] for row in rows),
        )


# What a reviewer, the insurer or the person doubted waits for a decision that came after the doubt; what was amended is still said as it
# was. What a person explains may be that the license is another one: only their agreement needs nobody.
OPEN = """(stage = 'flagged' and wrong_count > 0 and (right_count > 0 or decided is null)
  or decided in ('asked', 'amended')
  or insurer_answer = 'dispute' and coalesce(decided_at < answered_at, true)
  or person_answer <> 'concur' and coalesce(decided_at < person_answered_at, true))"""


def _review(con: warehouse.Connection, asked: Asked) -> Iterator[Missing]:
    """Tier A, and tier B where a row would name a person: somebody has looked at each and called it right."""
    yield from _findings(
        con,
        f"stage = 'flagged' and not coalesce({OPEN}, false) and (tier = 'A' or about = 'person')",
        step="reviewed",
        sentence="not called right by any reviewer: {findings}",
        to_do=f"rollcall sample {asked.card} --for review --seed NUMBER gives the sheet; fill it and rollcall import it",
    )


def _undecided(con: warehouse.Connection, _: Asked) -> Iterator[Missing]:
    """Somebody doubts it and nobody decided."""
    yield from _findings(
        con,
        OPEN,
        step="decided",
        sentence="doubted by a reviewer, the insurer or the person, and nobody has decided: {findings}",
        to_do="rollcall import a sheet of corrections that says upheld or withdrawn for each, with the reason",
    )


def _error_rate(con: warehouse.Connection, asked: Asked) -> Iterator[Missing]:
    """How often this audit's own findings are wrong, from a random sample that two people judged apart to its end."""
    if warehouse.count(con, "reports.measure where name = 'review.precision' and value is not null") or _is_all_judged(con):
        return
    rows = warehouse.table(con, "select numerator, denominator from reports.measure where name = 'review.judged'")
    judged = (
        f"of {rows[0]['denominator']:,} findings drawn for it, two people judged {rows[0]['numerator']:,}" if rows else "none was drawn"
    )
    yield Missing(
        step="error rate",
        count=rows[0]["denominator"] - rows[0]["numerator"] if rows else 1,
        sentence=f"error rate not measured: it needs ten findings drawn at random, or all, judged by two people apart, and {judged}",
        to_do=f"rollcall sample {asked.card} --for review --seed NUMBER: a sheet for each of two reviewers; fill and rollcall import both",
    )


def _is_all_judged(con: warehouse.Connection) -> bool:
    """There are too few findings for a rate, and all of them were drawn and judged."""
    sql = "select coalesce(count(*) >= any_value(frame_count) and count(*) = count(is_right), false) from reports.judged"
    return bool(con.execute(sql).fetchall()[0][0])


def _insurers(con: warehouse.Connection, asked: Asked) -> Iterator[Missing]:
    """Each insurer has had each finding for two weeks."""
    rows = warehouse.table(
        con,
        """
        select insurer, count(*) as n, count(insurer_told_at) as told, max(insurer_told_at) as last_told
        from due where not is_late and (insurer_told_at is null or insurer_told_at > $since) group by insurer order by insurer
        """,
        {"since": _since(asked)},
    )
    for row in rows:
        recent = f"; {row['told']:,} since, the last on {row['last_told']:%Y-%m-%d}" if row["told"] else ""
        yield Missing(
            step="insurer told",
            count=row["n"],
            sentence=f"{row['insurer']} was not told {NOTICE_DAYS} days ago of {_counted(row['n'], 'finding')}{recent}",
            to_do=f"rollcall packet {asked.card} --to insurer; send it after the letters, import sent.csv; wait {NOTICE_DAYS} days",
            which=(row["insurer"],),
        )


def _people(con: warehouse.Connection, asked: Asked) -> Iterator[Missing]:
    """Nobody is named to a regulator who was not asked first."""
    yield from _findings(
        con,
        "about = 'person' and (person_told_at is null or person_told_at > $since)",
        step="person told",
        sentence=f"the person it is about was not told {NOTICE_DAYS} days ago: {{findings}}",
        to_do=f"rollcall packet {asked.card} --to therapist; send the letters, fill and import sent.csv; wait {NOTICE_DAYS} days",
        since=_since(asked),
    )


def _withdrawals(con: warehouse.Connection, _: Asked) -> Iterator[Missing]:
    """Whoever was shown what is now withdrawn has heard so."""
    rows = warehouse.table(con, corrections.UNTOLD)
    if rows:
        recipients = {(row["recipient_kind"], row["recipient"]) for row in rows}
        findings = {row["finding_id"] for row in rows}
        yield Missing(
            step="withdrawals told",
            count=len(recipients),
            sentence=f"shown to {_counted(len(recipients), 'recipient')} and withdrawn since, untold: {_counted(len(findings), 'finding')}",
            to_do="send each the notice in corrections/ beside the documents of the run; fill and import its sent.csv",
            which=tuple(sorted(findings))[:10],
        )


def _signatures(con: warehouse.Connection, asked: Asked) -> Iterator[Missing]:
    """Two people stand for this very run with their names, and said what they have to do with insurers and with those listed."""
    signed = signers(con, asked)
    if len(signed) < SIGNATURES:
        yield Missing(
            step="signed",
            count=SIGNATURES - len(signed),
            sentence=f"{len(signed)} of {SIGNATURES} people signed run {asked.run_id}{': ' + ', '.join(signed) if signed else ''}",
            to_do=f"rollcall import a sheet with the columns audit, run_id, name, capacity, statement ({asked.audit}, {asked.run_id})",
            which=signed,
        )
    silent = tuple(name for name in signed if name not in asked.interests)
    if silent:
        yield Missing(
            step="interests",
            count=len(silent),
            sentence=f"signed without declaring an interest, or that there is none: {', '.join(silent)}",
            to_do="rollcall import a sheet with the columns audit, person, interest; page one prints what was declared",
            which=silent,
        )


def signers(con: warehouse.Connection, asked: Asked) -> tuple[str, ...]:
    """Who signed this run, by name; names that may be one person's are one signature."""
    rows = con.execute(
        "select distinct trim(name) from ledger.sign_off where audit = $audit and run_id = $run order by 1",
        {"audit": asked.audit, "run": asked.run_id},
    ).fetchall()
    apart: list[str] = []
    for (name,) in rows:
        if not any(may_be_one(name, other) for other in apart):
            apart.append(name)
    return tuple(apart)


def may_be_one(name: str, other: str) -> bool:
    """Whether two names may be one person's: every word of the shorter stands in the other, or one begins as its initial does.

    >>> [may_be_one("Ida Birkeland", each) for each in ("Birkeland, IDA", "I. Birkeland", "Ída Marie Birkeland", "Mei Birkeland")]
    [True, True, True, False]
    """
    few, many = sorted((_words(name), _words(other)), key=len)
    for word in few:
        alike = [each for each in many if each == word or (min(len(each), len(word)) == 1 and each[0] == word[0])]
        if not alike:
            return False
        many.remove(max(alike, key=len))
    return True


def _words(name: str) -> list[str]:
    """Its words, the longest first, without case, accents and marks."""
    bare = "".join(each for each in unicodedata.normalize("NFKD", name.casefold()) if not unicodedata.combining(each))
    return sorted(re.findall(r"[^\W\d_]+", bare), key=len, reverse=True)


def _contact(_: warehouse.Connection, asked: Asked) -> Iterator[Missing]:
    """A page that names people says who made it, and where to have it corrected."""
    if not asked.by:
        yield Missing(
            step="who makes it",
            count=1,
            sentence="the audit card does not say who makes the audit, and a letter from nobody is not answered",
            to_do="write `by:` on the audit card, and ask again",
        )
    if not asked.contact:
        yield Missing(
            step="contact",
            count=1,
            sentence="no address for corrections is named, and the documents would print none",
            to_do="set ROLLCALL_CONTACT to an e-mail address or a page, and ask again",
        )


def _findings(con: warehouse.Connection, condition: str, *, step: str, sentence: str, to_do: str, **values: object) -> Iterator[Missing]:
    """One step for all findings due that answer to a condition."""
    ids = [row[0] for row in con.execute(f"select finding_id from due where not is_late and {condition} order by 1", values).fetchall()]
    if ids:
        yield Missing(
            step=step, count=len(ids), sentence=sentence.format(findings=_counted(len(ids), "finding")), to_do=to_do, which=tuple(ids[:10])
        )


def _since(asked: Asked) -> datetime:
    return warehouse.utc(asked.now - timedelta(days=NOTICE_DAYS))


def _counted(count: int, noun: str) -> str:
    """
    >>> _counted(1, "finding"), _counted(1200, "finding")
    ('1 finding', '1,200 findings')
    """
    return f"{count:,} {noun}{'s' * (count != 1)}"
