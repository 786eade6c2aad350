"""From curated tables to who is meant: candidates, comparisons, judgements, groups."""

from matching import candidates, compare, group, judge
from matching.records import Connection, Settings


def link(con: Connection, settings: Settings) -> None:
    """Create matching.listed, .licensed, .pair, .candidate, .match, .provider_member and .duplicate from curated.*."""
    candidates.read(con, settings)
    compare.alike(con)
    candidates.pair_up(con)
    judge.judge(con)
    group.group(con)
