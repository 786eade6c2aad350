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


def scores(bins: Sequence[tuple[str, int, int, int]]) -> str:
    """Columns of whole bins, by the probability of the best match: same dark, unsure middle, different light, the count above."""
    names = ("same", "unsure", "different")
    frame = pd.DataFrame(
        [
            {"bin": bin, "judgement": name, "order": order, "count": count}
            for bin, *counts in bins
            for order, (name, count) in enumerate(zip(names, counts, strict=True))
        ],
        columns=["bin", "judgement", "order", "count"],
    )
    shades = alt.Color(
        "judgement:N",
        scale=alt.Scale(domain=list(names), range=[DARK, MIDDLE, LIGHT]),
        legend=alt.Legend(title=None, orient="top", labelFont=FONT, labelFontSize=13, symbolStrokeColor=INK, symbolType="square"),
    )
    label = alt.Axis(labelFont=FONT, titleFont=FONT, labelFontSize=12, titleFontSize=13, labelColor=INK, titleColor=INK, labelAngle=0)
    bars = alt.Chart(frame).mark_bar(stroke=INK, strokeWidth=0.6)
    encoded = bars.encode(
        x=alt.X("bin:N", sort=[bin for bin, *_ in bins], title="probability", axis=label),
        y=alt.Y("count:Q", stack="normalize", title="share of the listings", axis=label),
        color=shades,
        order="order:O",
    )
    totals = pd.DataFrame([{"bin": bin, "label": f"{sum(counts):,}"} for bin, *counts in bins], columns=["bin", "label"])
    text = alt.Chart(totals).mark_text(dy=-8, font=FONT, fontSize=12.5, color=INK)
    above = text.encode(x=alt.X("bin:N", sort=[bin for bin, *_ in bins]), y=alt.datum(1), text="label:N")
    return _svg(encoded + above, 7, width=620)


def waterfalls(pairs: Sequence[tuple[str, Sequence[tuple[str, float]]]]) -> str:
    """One below the other, how the odds of each pair add up: dark where an answer speaks for one person, light where against."""
    steps: list[dict[str, Any]] = []
    for at, (title, weights) in enumerate(pairs):
        reached = 0.0
        for reason, weight in weights:
            row = {"row": f"{at}.{len(steps):03d}|{_wrapped(reason, 62)}", "pair": title, "from": reached, "to": reached + weight}
            steps.append(
                row | {"label": f"{weight:+.1f}", "way": "for" if weight > 0 else "against", "end": max(reached, reached + weight)}
            )
            reached += weight
        whole = {"row": f"{at}.{len(steps):03d}|{title}", "pair": title, "from": 0.0, "to": reached, "label": f"{reached:+.1f}"}
        steps.append(whole | {"way": "sum", "end": max(reached, 0.0)})
    frame = pd.DataFrame(steps)
    axis = alt.Axis(
        title=None, ticks=False, domain=False, labelFont=FONT, labelFontSize=12.5, labelColor=INK, labelPadding=8, labelLimit=430,
        labelExpr="split(split(datum.label, '|')[1], '\\n')",
    )  # fmt: skip
    rows = alt.Y("row:N", sort=[step["row"] for step in steps], axis=axis)
    shades = alt.Color("way:N", scale=alt.Scale(domain=["for", "against", "sum"], range=[MIDDLE, LIGHT, DARK]), legend=None)
    low, high = min(0.0, frame["from"].min(), frame["to"].min()), max(frame["from"].max(), frame["to"].max())
    across = alt.Scale(domain=[low, high + (high - low) * 0.15], nice=False)
    bars = alt.Chart(frame).mark_bar(height=15, stroke=INK, strokeWidth=0.6).encode(
        y=rows, x=alt.X("from:Q", scale=across, axis=None), x2="to:Q", color=shades
    )  # fmt: skip
    text = alt.Chart(frame).mark_text(align="left", dx=5, font=FONT, fontSize=12.5, color=INK)
    return _svg(bars + text.encode(y=rows, x=alt.X("end:Q", scale=across, axis=None), text="label:N"), len(steps), row=30)


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


def _wrapped(name: str, width: int = 44) -> str:
    return "\n".join(wrap(name, width, max_lines=2, placeholder="…"))


def _across(column: str, most: int) -> alt.X:
    # a third of the width is kept free for the label beside the longest bar
    return alt.X(f"{column}:Q", scale=alt.Scale(domain=[0, most * 1.45], nice=False), axis=None)


def _svg(chart: Any, rows: int, width: int = WIDTH, row: int = ROW) -> str:
    _know_the_font()
    whole = chart.properties(width=width, height=max(1, rows) * row, background="white")
    whole = whole.configure(font=FONT, view=alt.ViewConfig(stroke=None))
    return str(vl_convert.vegalite_to_svg(whole.to_dict()))


@cache
def _know_the_font() -> None:
    vl_convert.register_font_directory(font_source_sans_pro.font_directory)
