"""What a table reader's SELECT is made of: their columns accounted for, turned into our fields, and every row a record or a reason."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from scrapers.formats._dialect import Dialect
from scrapers.reading import DASHES, EXCERPT, folded, groups, names, nearest, record_type
from scrapers.records import Credential, Listing, Refused, Source

LONGEST_RECORD = 16_000_000  # bytes; also how much one unclosed quote can swallow
FEWEST = 4
SWALLOWED = "a value that holds whole rows: a quote is not closed"
AND = " + "  # between two of their columns that make one of ours
ODD = "\\x09-\\x0D\\x1C-\\x1F\\x{85}"  # what Python calls a blank and Unicode does not call a separator
NO_DELIMITER = "\x1f"  # stands in no text: a line of fixed width is one field


def select_of(
    source: Source,
    how: Dialect,
    same: Callable[[str], str],
    packing: str,
    where: str = "",
    *,
    encoding: str = "utf-8",
    is_placed: bool = False,
) -> str:
    """One SELECT over the text at $path: `locator` ("row ", or as its first field says: `is_placed`), our fields, `problem`, `excerpt`."""
    header = list(how.header)
    ours = accounted(header, source, same)
    # a header may stand twice among the ignored ones; DuckDB wants names of its own
    fields = [each if header.count(each) == 1 and each else f"{each} (column {number})" for number, each in enumerate(header, 1)]
    odd: list[str] = []
    if how.widths:
        columns = ["line"]
        raw = [f"substr(line, {first}, {last - first + 1})" for first, last in how.widths]
        between = " || ".join(f"substr(line, {first}, {length})" for first, length in _gaps(how.widths))
        odd.append(f"when trim({between}) <> '' then 'letters where the card has no column' ")
    else:
        columns = [*(["(place)"] if is_placed else []), *fields, *(["(after the last)"] if how.is_trailing else [])]
        raw = [identifier(each) for each in fields]
        if how.is_trailing:
            odd.append("""when "(after the last)" <> '' then 'a field more than the header has' """)
        if how.quote:
            odd.append(f"when {_swallowed(raw, how.delimiter)} then {quoted(SWALLOWED)} ")
        if not how.quote and "quote" in how.detected:
            quoted_ = " or ".join(
                f"regexp_matches({raw[at]}, '^\\s*\"(.*)\"\\s*$')" for at in sorted({at for places in ours.values() for at in places})
            )
            odd.append(f"when {quoted_} then 'a value in quotes, in a file that quoted none; say `quote:` on the card' ")
    values = {
        name: raw[places[0]] if len(places) == 1 else f"concat_ws(' ', {', '.join(raw[at] for at in places)})"
        for name, places in ours.items()
    }
    # a row's values are looked at together, once; of fixed width nearly every one ends in blanks
    is_odd = "true" if how.widths else odd_blanks(f"concat_ws(chr(1), {', '.join(values.values())})")
    cleaned = {name: clean(value, identifier("(odd)")) for name, value in values.items()}
    said = "".join(f",\n    {value} as {identifier(name)}" for name, value in cleaned.items())
    strange = f"case {''.join(odd)}end" if odd else "cast(null as varchar)"
    projected, reason = projection(source, list(ours))
    wrong = f"coalesce(said.strange, {reason})" if odd else reason
    excerpt = f"left(concat_ws(' | ', {', '.join(f'said.{identifier(name)}' for name in ours)}), {EXCERPT})"
    if how.quote and not how.widths:  # what is swallowed may be of columns that are never kept
        excerpt = f"case when said.strange = {quoted(SWALLOWED)} then '' else {excerpt} end"
    types = ", ".join(f"{quoted(each)}: 'VARCHAR'" for each in columns)
    quote = f"quote={quoted(how.quote)}, escape={quoted(how.quote)}"
    # DuckDB 1.5.6 takes a row of the wrong width for a good one, or stops with an internal error, when a column is left out of a
    # scan that stores rejects. So every column is looked at, and only the mapped ones are kept.
    whole_rows = f"hash({', '.join(map(identifier, columns))}) is not null"
    locator = "said.place" if is_placed else quoted(where + "row ")
    return f"""
select {locator} as locator, {projected},
  {wrong} as problem,
  case when ({wrong}) is not null then {excerpt} end as excerpt
from (
  select {'"(place)" as place, ' if is_placed else ""}{strange} as strange{said}
  from (
    select *, {is_odd} as "(odd)"
    from read_csv($path, columns={{{types}}}, header=false, skip={how.skip}, auto_detect=false,
      delim={quoted(NO_DELIMITER if how.widths else how.delimiter)}, {quote if not how.widths else "quote='', escape=''"},
      strict_mode=true, encoding={quoted(encoding)}, compression={quoted(packing)}, store_rejects=true, max_line_size={LONGEST_RECORD})
    where {whole_rows}
  )
) said"""


def _swallowed(raw: list[str], delimiter: str) -> str:
    """Whether a value goes on over line ends with as many delimiters in it as so many rows have: a stray quote reads so, and loses them.

    Fewer than FEWEST delimiters may be an address of several lines.
    """
    inside, n = quoted(delimiter), len(raw) - 1
    lines, marks = "(length({0}) - length(replace({0}, chr(10), '')))", f"(length({{0}}) - length(replace({{0}}, {inside}, '')))"
    whole = f"contains({{0}}, chr(10)) and {marks} >= {FEWEST} and {marks} = {n} * {lines}"
    return " or ".join(f"({whole.format(each)})" for each in raw)


def _gaps(widths: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """(first position, length) of what no column takes, the rest of the line included."""
    free = 1
    for first, last in sorted(widths):
        if first > free:
            yield free, first - free
        free = max(free, last + 1)
    yield free, 1_000_000


def accounted(header: list[str], source: Source, same: Callable[[str], str]) -> dict[str, list[int]]:
    """Ours → places of its columns, in the card's order, once every header and every column of the card is accounted for."""
    places: dict[str, list[int]] = {}
    for at, written in enumerate(header):
        places.setdefault(same(written), []).append(at)
    ignored = {same(each) for each in source.ignore}
    mapped = {same(each): each for theirs in source.columns.values() for each in theirs.split(AND)}
    missing = [theirs for key, theirs in mapped.items() if key not in places]
    new = [header[at[0]] for key, at in places.items() if key not in mapped and key not in ignored]
    if new:
        near = nearest(new[0], missing) if missing else None
        hint = f" (the card's {near!r} is not there: is it this one?)" if near else ""
        said = ", ".join(map(repr, new))
        raise Refused(f"{source.name}: the table has {said}, not on the card{hint}; map it under `columns:` or list it under `ignore:`")
    if missing:
        near = nearest(missing[0], header)
        hint = f"; the nearest is {near!r}" if near else ""
        said = ", ".join(map(repr, missing))
        raise Refused(f"{source.name}: the card maps {said}, which the table does not have{hint}; correct `columns:`")
    if twice := [mapped[key] for key, at in places.items() if key in mapped and len(at) > 1]:
        raise Refused(f"{source.name}: the table has {', '.join(map(repr, twice))} more than once, so we cannot tell which is meant")
    return {ours: [places[same(each)][0] for each in theirs.split(AND)] for ours, theirs in source.columns.items()}


def projection(source: Source, given: list[str]) -> tuple[str, str]:
    """The select list that turns the values given (columns of `said`) into our fields, and the expression for why a row is refused."""
    patterns = source.options.get("patterns", {})
    values: dict[str, str] = {}
    reasons: list[str] = []
    for name in given:
        value = f"said.{identifier(name)}"
        if name in patterns:
            whole, parts = f"^(?:{patterns[name]})$", groups(patterns[name])
            taken = f"regexp_extract({value}, {quoted(whole)}, [{', '.join(map(quoted, parts))}])"
            values |= {part: f"nullif({taken}.{identifier(part)}, '')" for part in parts}
            says = quoted(f"{name} says '") + f" || left({value}, 80) || " + quoted("', which does not fit its pattern")
            reasons.append(f"when not regexp_matches({value}, {quoted(whole)}) then {says}")
        else:
            values[name] = value
    for name in ("network", "accepting"):
        known = source.words.get(name)
        if name in values and known is not None:
            values[name], reason = translated(name, values[name], known)
            reasons.append(reason)
    values |= {name: quoted(constant) for name, constant in source.options.get("constants", {}).items()}
    if record_type(source) is Credential:
        reasons.append(f"when {values.get('number', 'null')} is null then 'no license number'")
    else:
        named = [
            values[name] for name in ("name", "last", "organization", "npi")[: 3 if record_type(source) is Listing else 4] if name in values
        ]
        reasons.append(f"when coalesce({', '.join([*named, 'null'])}) is null then 'no name'")
        if source.network:
            values["network"] = f"coalesce({values.get('network', 'null')}, {quoted(source.network)})"
    fields = ", ".join(f"{values[name]} as {identifier(name)}" for name in names(source) if name in values)
    return fields, f"case {' '.join(reasons)} end"


def translated(name: str, value: str, known: Mapping[str, Any]) -> tuple[str, str]:
    """The expression for what the card says a value means, and the case in which it says nothing."""
    dashes = "".join(map(chr, DASHES))
    word = f"lower(translate(coalesce({value}, ''), {quoted(dashes)}, {quoted('-' * len(dashes))}))"
    by_fold = {folded(each): means for each, means in known.items()}
    cases = " ".join(f"when {quoted(each)} then {literal(means)}" for each, means in by_fold.items())
    kind = "boolean" if name == "accepting" else "varchar"
    meant = f"cast(case {word} {cases} end as {kind})" if cases else f"cast(null as {kind})"
    listed = ", ".join(quoted(each) for each in {*by_fold, ""})
    says = quoted("; the card knows " + ", ".join(map(repr, known)) + "; map it under `words:`")
    return meant, f"when {word} not in ({listed}) then {quoted(name + ' says ')} || '''' || left({value}, 80) || '''' || {says}"


def clean(value: str, is_odd: str | None = None) -> str:
    """The expression for a text with blanks collapsed, null where nothing is left; as `reading.collapsed`.

    The test in front (`is_odd`, where it was made for several values at once) is what makes it three times as fast: hardly any text
    needs mending.
    """
    mended = f"trim(regexp_replace({value}, '[\\pZ{ODD}]+', ' ', 'g'))"
    return f"nullif(case when {is_odd or odd_blanks(value)} then {mended} else {value} end, '')"


def odd_blanks(value: str) -> str:
    """The expression for whether a text, or one of several with chr(1) between them, may hold a blank that needs mending."""
    return f"regexp_matches({value}, '^ |  | $|\\x01 | \\x01|[^\\PZ ]|[{ODD}]')"


def quoted(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def identifier(value: str) -> str:
    return '"' + value.replace('"', '""') + '"'


def literal(value: bool | str | None) -> str:
    return quoted(value) if isinstance(value, str) else {True: "true", False: "false", None: "null"}[value]
