"""The one door to Great Expectations: what must be true of a table before the next room may read it.

DuckDB measures each table once (counts of rows and of rows that break an expectation); Great Expectations judges
those few numbers, never the rows, so a gate costs the same for a thousand listings as for ten million.
"""

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas

from matching.records import Connection
from pipelines import settings
from pipelines.models import Model, quoted

Bounds = tuple[float | None, float | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """What must be true of a table before the next room may read it."""

    table: str
    says: str  # what is expected, in words
    value: float  # what was measured
    low: float | None = None
    high: float | None = None
    stops: bool = True  # False: a notice, which warns and goes on
    advice: str = ""  # one sentence for a person when it fails


@dataclass(frozen=True, slots=True)
class Verdict:
    """One expectation and whether the table met it."""

    expectation: Expectation
    met: bool

    @property
    def sentence(self) -> str:
        """What we saw, what we expected, what to do."""
        said = self.expectation
        return said.advice or f"{said.table}: expected {said.says}; {said.value:g} {'row differs' if said.value == 1 else 'rows differ'}"


def of_models(con: Connection, models: Iterable[Model]) -> list[Expectation]:
    """Measure every expectation on the cards of these models, one query per table."""
    found: list[Expectation] = []
    for model in models:
        one_each = f"one row per {', '.join(model.grain)}"
        asked: list[tuple[str, str, Bounds, bool]] = [(one_each, _unique(model.grain), (0, 0), True)]
        for stops, each in [(True, said) for said in model.expect] + [(False, said) for said in model.notice]:
            asked += [(*part, stops) for part in _asked(model, each)]
        values = con.execute(f"select {', '.join(sql for _, sql, _, _ in asked)} from {model.name}").fetchone()
        found += [
            Expectation(table=model.name, says=says, value=float(value or 0), low=low, high=high, stops=stops)
            for (says, _, (low, high), stops), value in zip(asked, values, strict=True)
        ]
    return found


def _unique(columns: Sequence[str]) -> str:
    listed = ", ".join(f'"{name}"' for name in columns)
    return f"count(*) - count(distinct row({listed}))"


def _asked(model: Model, said: Mapping[str, Any]) -> list[tuple[str, str, Bounds]]:
    """(words, SQL that counts, bounds) for one entry of a card; an entry we do not know is a ValueError."""
    ((kind, value),) = said.items()
    none: Bounds = (0, 0)
    if kind == "not_null":
        return [(f"{name} is never empty", f'count(*) filter (where "{name}" is null)', none) for name in value]
    if kind == "unique":
        return [(f"no two rows share {', '.join(value)}", _unique(value), none)]
    if kind == "within":
        return [
            (
                f"{name} is one of {', '.join(values)}",
                f'count(*) filter (where "{name}" not in ({", ".join(quoted(str(each)) for each in values)}))',
                none,
            )
            for name, values in value.items()
        ]
    if kind == "holds":
        return [(value, f"count(*) filter (where not ({value}))", none)]
    if kind == "references":
        asked = []
        for name, target in value.items():
            table, column = target.rsplit(".", 1)
            asked.append(
                (
                    f"every {name} is in {table}",
                    f'count(*) filter (where "{name}" is not null and "{name}" not in (select "{column}" from {table}))',
                    none,
                )
            )
        return asked
    if kind == "rows":
        bounds = (value.get("at_least"), value.get("at_most"))
        return [(f"rows: {value}", "count(*)", bounds)]
    raise ValueError(f"{model.name}: a card cannot expect {kind!r}")


def judge(expectations: Sequence[Expectation]) -> list[Verdict]:
    """Every expectation with whether it was met, judged by Great Expectations: one row each of measured value, low and high bound.

    Two comparisons of columns judge them all; a column for each expectation would cost a second for a hundred.
    """
    if not expectations:
        return []
    settings.tell_nobody()
    import great_expectations as gx  # takes 3-4 seconds: only a gate pays for it
    from great_expectations.data_context.types.base import ProgressBarsConfig
    from great_expectations.expectations.core.expect_column_pair_values_a_to_be_greater_than_b import (
        ExpectColumnPairValuesAToBeGreaterThanB,
    )

    # it tells of every scratch folder it makes, at a level that it sets for itself
    logging.getLogger("great_expectations.data_context.types.base").setLevel(logging.WARNING)
    bounds = {"value": [each.value for each in expectations]}
    bounds |= {name: [getattr(each, name) for each in expectations] for name in ("low", "high")}
    measured = pandas.DataFrame(bounds, dtype="float").assign(number=range(len(expectations)))
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    whole = context.data_sources.add_pandas("measured").add_dataframe_asset("profile").add_batch_definition_whole_dataframe("whole")
    suite = gx.ExpectationSuite(
        name="gate",
        expectations=[
            ExpectColumnPairValuesAToBeGreaterThanB(column_A=more, column_B=less, or_equal=True, ignore_row_if="either_value_is_missing")
            for more, less in (("value", "low"), ("high", "value"))
        ],
    )
    wanted = {"result_format": "COMPLETE", "unexpected_index_column_names": ["number"]}
    result = whole.get_batch({"dataframe": measured}).validate(suite, result_format=wanted)
    if any("unexpected_index_list" not in one.result for one in result.results):
        raise RuntimeError(f"Great Expectations did not judge: {result.results}")
    unmet = {row["number"] for one in result.results for row in one.result["unexpected_index_list"]}
    return [Verdict(each, number not in unmet) for number, each in enumerate(expectations)]
