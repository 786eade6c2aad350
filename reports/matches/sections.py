"""The page on matching, section by section: each puts a question to one run's database; its words are in report.yml."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib import resources
from typing import Any

import yaml

from matching.records import SAME, Connection
from reports.records import Context, Measure, Report, Section
from reports.render import charts

Rows = Sequence[tuple[Any, ...]]
BINS = 10


def build(con: Connection, _measures: Sequence[Measure], context: Context) -> Report:
    """How the listings of one run were matched; needs matching.* alone."""
    page = _Page(con, context)
    return Report(
        key="matches",
        title=page.words["title"].format(title=context.title),
        audit=context.audit,
        run_id=context.run_id,
        marks=tuple(context.marks),
        facts={"Run": context.run_id, "Program": context.code_version},
        sections=tuple(page.sections()),
        made_at=context.made_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        extra={"subtitle": page.words["subtitle"]},
    )


@dataclass
class _Page:
    con: Connection
    context: Context

    @cached_property
    def words(self) -> Mapping[str, Any]:
        said: Mapping[str, Any] = yaml.safe_load(resources.files("reports.matches").joinpath("report.yml").read_text(encoding="utf-8"))
        return said

    def ask(self, sql: str, *values: Any) -> Rows:
        return [tuple(row) for row in self.con.execute(sql, list(values)).fetchall()]

    def count(self, sql: str, *values: Any) -> int:
        ((count,),) = self.ask(sql, *values)
        return int(count or 0)

    @cached_property
    def names(self) -> Mapping[str, str]:
        """What the braces in report.yml stand for."""
        judged: dict[str, int] = dict(
            self.ask(
                "select judgement, count(*) from (select case when bool_or(judgement = 'same') then 'same' "
                "when bool_or(judgement = 'unsure') then 'unsure' else 'none' end as judgement "
                "from matching.listed left join matching.pair using (identity_id) where family is not null group by listing_id) group by 1"
            )
        )
        once, twice = self.ask("select coalesce(sum(alone), 0), coalesce(sum(with_one), 0) / 2 from matching.blocking")[0]
        verdicts = self.ask("select judgement, count(*) from matching.match where judged_by <> 'rule' group by 1 order by 1")
        counts = {
            "wordings": self.count("select count(*) from matching.linkable"),
            "credentials": self.count("select count(*) from matching.licensed"),
            "missed": round(once * max(once - 1, 0) / (2 * (twice + 1))),
            "poor": self.count("select count(*) from matching.linkable where probability < ?", SAME),
            **{name: judged.get(name, 0) for name in ("same", "unsure", "none")},
        }
        said = ", ".join(f"{count:,} {judgement}" for judgement, count in verdicts)
        return {name: f"{count:,}" for name, count in counts.items()} | {
            "least": f"{SAME:g}",
            "verdicts": f"Verdicts of named people that stand above the rules: {said}." if said else "No person has judged a pair yet.",
        }

    def section(self, key: str, rows: Sequence[tuple[Any, ...]] = (), chart: str = "", said: str = "") -> Section:
        words = self.words["sections"][key]
        return Section(
            key=key,
            title=words["title"],
            paragraphs=[line.format_map(self.names) for line in words["words"]],
            columns=words.get("columns", ()),
            rows=tuple(rows),
            chart=chart,
            alt=words.get("alt", "").format(said=said),
        )

    def sections(self) -> Iterator[Section]:
        yield self.section("keys", self.ask("select keys, pairs, same, with_one, alone from matching.blocking order by place"))
        yield self.section(
            "weights",
            self.ask(
                "select replace(respect, '_', ' '), replace(level, '_', ' '), printf('%.4f', m), printf('%.2g', u), "
                "printf('%+.1f', weight) "
                "from matching.weight order by respect, place"
            ),
        )
        yield self.scores()
        yield from self.examples()
        yield self.section("linkable", self.linkable())
        yield self.section("sensitivity", self.sensitivity())
        yield self.section("verdicts")

    def scores(self) -> Section:
        rows = self.ask(
            f"""
            with best as (
              select listing_id, arg_max(judgement, probability) as judgement, max(probability) as probability
              from matching.listed join matching.pair using (identity_id) group by listing_id
            )
            select least(floor(probability * {BINS}), {BINS - 1}) / {BINS} as bin, count(*) filter (judgement = 'same'),
              count(*) filter (judgement = 'unsure'), count(*) filter (judgement = 'different')
            from best group by bin order by bin
            """
        )
        shown = [(f"{low:.1f}–{low + 1 / BINS:.1f}", same, unsure, different) for low, same, unsure, different in rows]
        said = "; ".join(f"{bin}: {same} same, {unsure} unsure, {different} different" for bin, same, unsure, different in shown)
        return self.section("scores", shown, charts.scores(shown), said)

    def examples(self) -> Iterator[Section]:
        """One match by number, one by name, one unsure: whichever there are."""
        found: list[tuple[Any, ...]] = []
        for condition in (
            "judgement = 'same' and license_number = 'equal'",
            "judgement = 'same' and license_number = 'unsaid'",
            "judgement = 'unsure' and is_compatible",
        ):
            found += self.ask(
                "select judgement, probability, weight, cast(explanation as text) from matching.pair "
                f"where judged_by = 'rule' and {condition} order by identity_id, credential_id limit 1"
            )
        if found:
            told = [(f"{judgement}, probability {probability:.2f}", json.loads(why)) for judgement, probability, _, why in found]
            said = ". ".join(
                f"{title}: " + "; ".join(f"{each['reason']} {each['weight']:+.1f}" for each in why if each["weight"]) for title, why in told
            )
            steps = [(title, [(each["reason"], each["weight"]) for each in why if each["weight"]]) for title, why in told]
            yield self.section("examples", (), charts.waterfalls(steps), said)

    def linkable(self) -> Rows:
        rows = self.ask("select least(floor(probability * 10), 9) / 10 as low, count(*) from matching.linkable group by low order by low")
        return [(f"{low:.1f}–{low + 0.1:.1f}", count) for low, count in rows]

    def sensitivity(self) -> Rows:
        return self.ask(
            """
            select printf('%.2f', least), coalesce(sum(count) filter (what = 'matched'), 0), coalesce(sum(count) filter (tier = 'A'), 0),
              coalesce(sum(count) filter (tier = 'B'), 0), coalesce(sum(count) filter (tier = 'C'), 0)
            from matching.sensitivity group by least order by least
            """
        )
