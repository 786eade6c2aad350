"""Pictures of numbers as SVG: flat, labelled directly, readable in black and white."""

import json
from collections.abc import Mapping, Sequence
from datetime import date
from functools import cache, lru_cache
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

Rate = tuple[str, int, int, float | None, float | None, float | None]  # name, count, out of, share, low, high; None: too few for a share
Event = tuple[date, str, str]  # day, kind (listed, gone or event), what happened


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


def intervals(rates: Sequence[Rate]) -> str:
    """One row per insurer, in the order given: the share as a dot, its interval as a line, both in words beside it; no row is first."""
    frame = pd.DataFrame(
        [
            {"name": _numbered(place, name), "value": value, "low": low, "high": high, "label": _rate(count, whole, value)}
            for place, (name, count, whole, value, low, high) in enumerate(rates)
        ],
        columns=["name", "value", "low", "high", "label"],
    )
    most = min(1.0, max([0.01, *(rate[5] for rate in rates if rate[5] is not None)]) * 1.05)
    across = alt.Scale(domain=[0, most * 1.7], nice=False)
    ticks = [most * part / 4 for part in range(5)]
    axis = alt.Axis(
        title=None, values=ticks, format=".1%" if most < 0.2 else ".0%", labelFont=FONT, labelFontSize=12, labelColor=INK, labelFlush=False,
        grid=True, gridColor="#d5d9df", domain=False, ticks=False,
    )  # fmt: skip
    base = alt.Chart(frame).encode(y=_rows("name", list(frame["name"])))
    known = base.transform_filter("isValid(datum.value)")
    lines = known.mark_rule(color=DARK, strokeWidth=3).encode(x=alt.X("low:Q", scale=across, axis=axis), x2="high:Q")
    ends = [
        known.mark_tick(color=DARK, thickness=3, height=12, opacity=1).encode(x=alt.X(f"{end}:Q", scale=across, axis=axis))
        for end in ("low", "high")
    ]
    dots = known.mark_point(filled=True, color=DARK, size=90, opacity=1).encode(x=alt.X("value:Q", scale=across, axis=axis))
    text = base.mark_text(align="left", font=FONT, fontSize=12.5, color=INK).encode(
        x=alt.datum(most * 1.06, scale=across, axis=axis), text="label:N"
    )
    return _svg(alt.layer(lines, *ends, dots, text), len(rates))


def standing(insurers: Sequence[tuple[str, int, int, int]]) -> str:
    """How the listings of each insurer stand – confirmed, undetermined, contradicted – with the verified range as a bracket above."""
    names = ("confirmed", "undetermined", "contradicted")
    parts: list[dict[str, Any]] = []
    ranges: list[dict[str, Any]] = []
    for place, (name, *counts) in enumerate(insurers):
        row, whole, reached = _numbered(place, name), max(1, sum(counts)), 0.0
        for which, count in zip(names, counts, strict=True):
            parts.append({"name": row, "standing": which, "from": reached, "to": reached + count / whole})
            reached += count / whole
        low, high = counts[0], counts[0] + counts[1]
        said = f"{low:,} to {high:,} of {sum(counts):,} verified" if low != high else f"{low:,} of {sum(counts):,} verified"
        ranges.append({"name": row, "low": low / whole, "high": high / whole, "label": said})
    across = alt.Scale(domain=[0, 1.55], nice=False)
    rows = _rows("name", [each["name"] for each in ranges], offset=6)
    shades = alt.Color(
        "standing:N",
        scale=alt.Scale(domain=list(names), range=[DARK, LIGHT, MIDDLE]),
        legend=alt.Legend(title=None, orient="top", labelFont=FONT, labelFontSize=13, symbolStrokeColor=INK, symbolType="square"),
    )
    part = pd.DataFrame(parts, columns=["name", "standing", "from", "to"])
    spread = pd.DataFrame(ranges, columns=["name", "low", "high", "label"])
    bars = alt.Chart(part).mark_bar(height=16, yOffset=5, stroke=INK, strokeWidth=0.6).transform_filter("datum.to > datum.from")
    base = alt.Chart(spread).encode(y=rows)
    some = base.transform_filter("datum.high > 0")
    line = some.mark_rule(color=INK, strokeWidth=1.5, yOffset=-9, y2Offset=-9).encode(
        x=alt.X("low:Q", scale=across, axis=None), x2="high:Q"
    )
    ends = [
        some.mark_tick(color=INK, thickness=1.5, height=8, yOffset=-7, opacity=1).encode(x=alt.X(f"{end}:Q", scale=across, axis=None))
        for end in ("low", "high")
    ]
    text = base.mark_text(align="left", dx=8, dy=5, font=FONT, fontSize=12.5, color=INK).encode(
        x=alt.datum(1, scale=across), text="label:N"
    )
    drawn = bars.encode(y=rows, x=alt.X("from:Q", scale=across, axis=None), x2="to:Q", color=shades)
    return _svg(alt.layer(drawn, line, *ends, text), len(insurers), row=42)


def timeline(lanes: Sequence[tuple[str, Sequence[Event]]]) -> str:
    """What happened on which day, a lane for each who said it: a full dot is listed, an open one no longer, a diamond anything else."""
    marks: list[dict[str, Any]] = []
    for name, events in lanes:
        for place, (day, kind, said) in enumerate(sorted(events)):
            label = [day.isoformat(), *wrap(said, 22, max_lines=2, placeholder="…")]
            is_above = place % 2 == 0  # neighbours take turns, so that close days do not write over each other
            marks.append({"lane": name, "day": day.isoformat(), "kind": kind, "up": is_above})
            marks[-1]["label"] = [""] * (3 - len(label)) * is_above + label
    frame = pd.DataFrame(marks, columns=["lane", "day", "kind", "label", "up"])
    axis = alt.Axis(
        title=None,
        format="%Y-%m-%d",
        labelFont=FONT,
        labelFontSize=12,
        labelColor=INK,
        tickCount=4,
        grid=False,
        labelOverlap=True,
        orient="bottom",
    )
    days = alt.X("day:T", axis=axis, scale=alt.Scale(padding=70))
    base = alt.Chart(frame).encode(y=_rows("lane", [name for name, _ in lanes]), x=days)
    shape = alt.Shape("kind:N", scale=alt.Scale(domain=["listed", "gone", "event"], range=["circle", "circle", "diamond"]), legend=None)
    fill = alt.Fill("kind:N", scale=alt.Scale(domain=["listed", "gone", "event"], range=[DARK, "#ffffff", MIDDLE]), legend=None)
    line = base.mark_line(color=MIDDLE, strokeWidth=1.5).encode(detail="lane:N")
    dots = base.mark_point(size=130, stroke=DARK, strokeWidth=2, opacity=1).encode(shape=shape, fill=fill)
    small: dict[str, Any] = {"font": FONT, "fontSize": 12, "color": INK, "lineHeight": 13}
    above = base.transform_filter("datum.up").mark_text(baseline="bottom", dy=-38, **small).encode(text="label")
    below = base.transform_filter("!datum.up").mark_text(baseline="top", dy=12, **small).encode(text="label")
    return _svg(alt.layer(line, dots, above, below), len(lanes), width=620, row=112)


def _rate(count: int, whole: int, value: float | None) -> str:
    return f"{count:,} of {whole:,}, too few for a share" if value is None else f"{100 * value:.1f}% ({count:,} of {whole:,})"


def _rows(column: str, names: Sequence[str], offset: int = 0) -> alt.Y:
    axis = alt.Axis(
        title=None,
        ticks=False,
        domain=False,
        labelFont=FONT,
        labelFontSize=13,
        labelColor=INK,
        labelPadding=8,
        labelLimit=330,
        labelOffset=offset,
        labelExpr="split(slice(datum.label, indexof(datum.label, '|') + 1), '\\n')",  # Vega wraps nothing by itself
    )
    return alt.Y(f"{column}:N", sort=list(names), axis=axis)


def _numbered(place: int, name: str) -> str:
    """A row's name that stays its own where two rows are called the same; the page shows what follows the bar."""
    return f"{place}|{_wrapped(name)}"


def _wrapped(name: str, width: int = 46) -> str:
    return "\n".join(wrap(name, width, max_lines=2, placeholder="…"))


def _across(column: str, most: int) -> alt.X:
    # a third of the width is kept free for the label beside the longest bar
    return alt.X(f"{column}:Q", scale=alt.Scale(domain=[0, most * 1.45], nice=False), axis=None)


def _svg(chart: Any, rows: int, width: int = WIDTH, row: int = ROW) -> str:
    whole = chart.properties(width=width, height=max(1, rows) * row, background="white")
    whole = whole.configure(font=FONT, view=alt.ViewConfig(stroke=None))
    return svg(whole.to_dict())


def svg(picture: Mapping[str, Any]) -> str:
    """A picture in Vega-Lite as SVG. A run's documents and packets show the same pictures, and each is drawn once in a process."""
    return _drawn(json.dumps(picture))


@lru_cache(maxsize=64)
def _drawn(picture: str) -> str:
    _know_the_font()
    return str(vl_convert.vegalite_to_svg(picture))


@cache
def _know_the_font() -> None:
    vl_convert.register_font_directory(font_source_sans_pro.font_directory)
