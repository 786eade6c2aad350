"""Pictures of numbers as SVG: flat, labelled directly, readable in black and white."""

from collections.abc import Sequence
from functools import cache
from textwrap import wrap
from typing import Any

import altair as alt
import font_source_sans_pro
import pandas as pd
import vl_convert

FONT = "Source Sans Pro"
INK, DARK, MIDDLE, LIGHT = "#1a1a1a", "#1f3a5f", "#7f9cc0", "#dbe4ef"  # luminance 4 %, 31 % and 76 %: three greys when printed
WIDTH = 400
ROW = 34


def flow(steps: Sequence[tuple[str, int]]) -> str:
    """Bars from what was captured to what is final, each with its count."""
    frame = pd.DataFrame({"step": [_wrapped(name) for name, _ in steps], "count": [count for _, count in steps]})
    frame["label"] = [f"{count:,}" for count in frame["count"]]
    most = max([1, *frame["count"]])
    base = alt.Chart(frame).encode(y=_rows("step", list(frame["step"])))
    bars = base.mark_bar(color=DARK, height=18).encode(x=_across("count", most))
    labels = base.mark_text(align="left", dx=5, font=FONT, fontSize=13, color=INK).encode(x=_across("count", most), text="label:N")
    return _svg(bars + labels, len(steps))


def findings(checks: Sequence[tuple[str, int, int, int]]) -> str:
    """Stacked bars of listings per check: tier A dark, B middle, C light, the three counts written beside them."""
    tiers = ("A documented", "B probable", "C unresolved")
    parts = pd.DataFrame(
        [
            {"check": _wrapped(name), "tier": tier, "order": order, "count": count}
            for name, *counts in checks
            for order, (tier, count) in enumerate(zip(tiers, counts, strict=True))
        ],
        columns=["check", "tier", "order", "count"],
    )
    totals = pd.DataFrame(
        [{"check": _wrapped(name), "count": a + b + c, "label": f"A {a:,} · B {b:,} · C {c:,}"} for name, a, b, c in checks],
        columns=["check", "count", "label"],
    )
    most = max([1, *totals["count"]])
    rows = _rows("check", list(totals["check"]))
    shades = alt.Color(
        "tier:N",
        scale=alt.Scale(domain=list(tiers), range=[DARK, MIDDLE, LIGHT]),
        legend=alt.Legend(title=None, orient="top", labelFont=FONT, labelFontSize=13, symbolStrokeColor=INK, symbolType="square"),
    )
    bars = (
        alt.Chart(parts)
        .mark_bar(height=18, stroke=INK, strokeWidth=0.6)
        .encode(y=rows, x=_across("count", most), color=shades, order="order:O")
        .transform_filter("datum.count > 0")
    )
    text = alt.Chart(totals).mark_text(align="left", dx=6, font=FONT, fontSize=12.5, color=INK)
    return _svg(bars + text.encode(y=rows, x=_across("count", most), text="label:N"), len(checks))


def _rows(column: str, names: Sequence[str]) -> alt.Y:
    axis = alt.Axis(
        title=None,
        ticks=False,
        domain=False,
        labelFont=FONT,
        labelFontSize=13,
        labelColor=INK,
        labelPadding=8,
        labelLimit=330,
        labelExpr="split(datum.label, '\\n')",  # Vega wraps nothing by itself
    )
    return alt.Y(f"{column}:N", sort=list(names), axis=axis)


def _wrapped(name: str) -> str:
    return "\n".join(wrap(name, 44, max_lines=2, placeholder="…"))


def _across(column: str, most: int) -> alt.X:
    # a third of the width is kept free for the label beside the longest bar
    return alt.X(f"{column}:Q", scale=alt.Scale(domain=[0, most * 1.45], nice=False), axis=None)


def _svg(chart: Any, rows: int) -> str:
    _know_the_font()
    whole = chart.properties(width=WIDTH, height=max(1, rows) * ROW, background="white")
    whole = whole.configure(font=FONT, view=alt.ViewConfig(stroke=None))
    return str(vl_convert.vegalite_to_svg(whole.to_dict()))


@cache
def _know_the_font() -> None:
    vl_convert.register_font_directory(font_source_sans_pro.font_directory)
