"""What a picture shows, in words, for those who hear the page: every number that is drawn, in the order in which it is drawn."""

from collections.abc import Sequence

from reports.render.charts import Event, Rate


def intervals(what: str, rates: Sequence[Rate]) -> str:
    """
    >>> intervals("Duplicates", [("Evergreen", 3, 62, 0.048, 0.017, 0.133), ("Tidewater", 2, 8, None, None, None)])
    'Duplicates by insurer, with 95% intervals: Evergreen 4.8% (1.7 to 13.3), 3 of 62; Tidewater 2 of 8, too few for a share.'
    """
    return f"{what} by insurer, with 95% intervals: " + "; ".join(map(_rate, rates)) + "."


def _rate(rate: Rate) -> str:
    name, count, whole, value, low, high = rate
    if value is None or low is None or high is None:
        return f"{name} {count:,} of {whole:,}, too few for a share"
    return f"{name} {100 * value:.1f}% ({100 * low:.1f} to {100 * high:.1f}), {count:,} of {whole:,}"


def standing(rows: Sequence[tuple[str, int, int, int]]) -> str:
    """
    >>> standing([("Evergreen", 12, 362, 26)])
    'Bars of unique listings: Evergreen 12 confirmed, 362 undetermined, 26 contradicted, so 12 to 374 of 400 verified.'
    """
    said = "; ".join(
        f"{name} {confirmed:,} confirmed, {undetermined:,} undetermined, {contradicted:,} contradicted, "
        f"so {confirmed:,} to {confirmed + undetermined:,} of {confirmed + undetermined + contradicted:,} verified"
        for name, confirmed, undetermined, contradicted in rows
    )
    return f"Bars of unique listings: {said}."


def timeline(lanes: Sequence[tuple[str, Sequence[Event]]]) -> str:
    """
    >>> from datetime import date
    >>> timeline([("Directory", [(date(2026, 5, 1), "listed", "listed")]), ("License roll", [(date(2026, 3, 2), "event", "expired")])])
    'Timeline. Directory: 2026-05-01 listed. License roll: 2026-03-02 expired.'
    """
    return "Timeline. " + " ".join(
        f"{name}: " + ", ".join(f"{day} {said}" for day, _, said in sorted(events)) + "." for name, events in lanes
    )
