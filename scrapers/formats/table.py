"""A table as one CSV file: comma, semicolon, tab or pipe; the first row names the columns.

Every header is mapped under `columns:` or listed under `ignore:`, or the table is refused. An ignored column is never kept.
"""

import csv
import io
from collections.abc import Callable, Mapping
from typing import Any

from scrapers.reading import DASHES, EXCERPT, check_names, decoded, folded, groups, names, nearest, record_type
from scrapers.records import Credential, Refused, Request, Source, SourceUnreadable

DELIMITERS = (",", ";", "\t", "|")
LONGEST_RECORD = 16_000_000  # bytes; also how much one unclosed quote can swallow


def requests(source: Source) -> list[Request]:
    """The whole table is one file per start."""
    return [Request(url=each, expects="csv", is_leaf=True) for each in source.start]


def check(source: Source) -> None:
    """A table must say which column is which."""
    if not source.columns:
        raise Refused(f"{source.name}: `columns` is missing; say which column of the table is which of ours, e.g. {{name: Provider}}")
    check_names(source, source.columns, "columns")


def select(source: Source, head: bytes) -> str:
    """One SELECT over the CSV at $path: `locator` ("row N", counting the records that could be read), our fields, `problem`, `excerpt`."""
    return reading(source, head, folded)


def reading(source: Source, head: bytes, same: Callable[[str], str]) -> str:
    """The SELECT of a table whose headers are compared in the form that `same` gives them."""
    text = decoded(head, source, whole=False)
    delimiter, header = first_row(text, source)
    ours = accounted(header, source, same)
    # a header may stand twice among the ignored ones; DuckDB wants names of its own
    columns = [each if header.count(each) == 1 and each else f"{each} (column {number})" for number, each in enumerate(header, 1)]
    types = ", ".join(f"{quoted(each)}: 'VARCHAR'" for each in columns)
    said = ",\n    ".join(f"{clean(identifier(columns[at]))} as {identifier(name)}" for name, at in ours.items())
    fields, problem = projection(source, list(ours))
    excerpt = f"left(concat_ws(' | ', {', '.join(f'said.{identifier(name)}' for name in ours)}), {EXCERPT})"
    encoding = quoted(str(source.options.get("encoding", "utf-8")))
    # DuckDB 1.5.6 takes a row of the wrong width for a good one, or stops with an internal error, when a column is left out of a
    # scan that stores rejects. So every column is looked at, and only the mapped ones are kept.
    whole_rows = f"hash({', '.join(map(identifier, columns))}) is not null"
    return f"""
select 'row ' || said.n as locator, {fields},
  {problem} as problem,
  case when ({problem}) is not null then {excerpt} end as excerpt
from (
  select row_number() over () as n,
    {said}
  from read_csv($path, columns={{{types}}}, header=true, auto_detect=false, delim={quoted(delimiter)}, quote='"', escape='"',
    strict_mode=true, encoding={encoding}, compression='gzip', store_rejects=true, max_line_size={LONGEST_RECORD})
  where {whole_rows}
) said"""


def first_row(text: str, source: Source) -> tuple[str, list[str]]:
    """The delimiter, and the headers. The delimiter is the one that splits the first row into most columns."""
    if not text.strip():
        raise SourceUnreadable(f"{source.name}: the file is empty; expected a row of column names")
    if text.lstrip()[0] in "<{[":
        raise SourceUnreadable(f"{source.name}: the file begins with {text.lstrip()[:20]!r}, like a page or JSON; expected a table in CSV")
    if "\r\n" in text and not text.split("\n", 1)[0].endswith("\r"):  # DuckDB loses such rows, or stops
        raise SourceUnreadable(f"{source.name}: the first line ends in LF and later ones in CR LF; save the file with one kind of line end")
    rows = [next(csv.reader(io.StringIO(text, newline=""), delimiter=each)) for each in DELIMITERS]
    delimiter, header = max(zip(DELIMITERS, rows, strict=True), key=lambda pair: len(pair[1]))
    if not any(each.strip() for each in header):
        raise SourceUnreadable(f"{source.name}: the first row is blank; expected a row of column names")
    return delimiter, header


def accounted(header: list[str], source: Source, same: Callable[[str], str]) -> dict[str, int]:
    """Ours → place of its column, in the card's order, once every header and every column of the card is accounted for."""
    places: dict[str, list[int]] = {}
    for at, written in enumerate(header):
        places.setdefault(same(written), []).append(at)
    ignored = {same(each) for each in source.ignore}
    mapped = {same(theirs): theirs for theirs in source.columns.values()}
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
    return {ours: places[same(theirs)][0] for ours, theirs in source.columns.items()}


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
    if record_type(source) is Credential:
        reasons.append(f"when {values.get('number', 'null')} is null then 'no license number'")
    else:
        named = [values[name] for name in ("name", "last", "organization") if name in values]
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


def clean(value: str) -> str:
    """The expression for a text with blanks collapsed, null where nothing is left; as `reading.collapsed`.

    The test in front is what makes it three times as fast: hardly any text needs mending.
    """
    odd = "\\x09-\\x0D\\x1C-\\x1F\\x{85}"  # what Python calls a blank and Unicode does not call a separator
    mended = f"trim(regexp_replace({value}, '[\\pZ{odd}]+', ' ', 'g'))"
    return f"nullif(case when regexp_matches({value}, '^ |  | $|[^\\PZ ]|[{odd}]') then {mended} else {value} end, '')"


def quoted(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def identifier(value: str) -> str:
    return '"' + value.replace('"', '""') + '"'


def literal(value: bool | str | None) -> str:
    return quoted(value) if isinstance(value, str) else {True: "true", False: "false", None: "null"}[value]
