"""From curated tables to who is meant: identities, judgements, groups."""

from matching import group, identities, judge
from matching.records import Connection, Settings


def link(con: Connection, settings: Settings) -> None:
    """Create matching.listed, .licensed, .pair, .candidate, .match, .provider_member and .duplicate from curated.*."""
    identities.read(con, settings)
    judge.judge(con)
    group.group(con)
