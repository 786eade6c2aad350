"""`python -m benchmarks [WHAT]`: print the tables. Nothing here asserts."""

import argparse
from pathlib import Path

from benchmarks import audit, intervals, linkage, packet, providers
from benchmarks.systems import PEERS


def main() -> None:
    """All but `big` and `packet` when nothing is asked for by name."""
    asked = argparse.ArgumentParser(prog="python -m benchmarks", description="Speed and quality, measured and printed.")
    asked.add_argument("--rounds", type=int, default=3, help="medians over so many (default 3)")
    asked.add_argument("--peers", type=Path, default=PEERS, help="the virtualenv with Splink (default .venv-bench)")
    verbs = asked.add_subparsers(dest="what")
    verbs.add_parser("linkage", help="rollcall link and Splink on labelled sets").add_argument("sets", nargs="*", help="these only")
    scale = verbs.add_parser("scale", help="rollcall link and Splink on 100,000 listings and 1,000,000 roll rows")
    scale.add_argument("--folder", type=Path, action="append", default=[], help="a set made already: left, right, truth, tags (.parquet)")
    big = verbs.add_parser("big", help="rollcall link on 1,000,000 listings and 9,000,000 roll rows")
    big.add_argument("--memory", default="4GB", help="ROLLCALL_MEMORY (default 4GB)")
    for verb, roll, listings in ((scale, 1_000_000, 100_000), (big, 9_000_000, 1_000_000)):
        verb.add_argument("--roll", type=int, default=roll)
        verb.add_argument("--listings", type=int, default=listings)
    scale.add_argument("--seed", type=int, action="append", default=[], help="may be given several times (default 42)")
    big.add_argument("--seed", type=int, default=42)
    verbs.add_parser("providers", add_help=False, help="findings over the whole roll of an invented state; takes options of its own")
    verbs.add_parser("audit", help="the whole audit over ten seeds").add_argument("--speed", action="store_true", help="its speed only")
    verbs.add_parser("intervals", help="how often the intervals hold the truth")
    packets = verbs.add_parser("packet", help="a packet of five thousand findings: seconds and memory")
    packets.add_argument("--listings", type=int, default=10_800, help="of the largest insurer; about half of them make a finding")
    packets.add_argument("--seed", type=int, default=2022)
    packets.add_argument("--home", type=Path, help="where the run is, or is made to be measured again")
    given, further = asked.parse_known_args()
    if further and given.what != "providers":
        asked.error(f"unrecognized arguments: {' '.join(further)}")

    everything = given.what is None
    if everything or given.what == "linkage":
        linkage.labelled(rounds=given.rounds, peers=given.peers, only=[] if everything else given.sets)
    if everything:
        given = asked.parse_args(["--rounds", str(given.rounds), "--peers", str(given.peers), "scale"])
    if given.what == "scale":
        seeds = given.seed or [42]
        linkage.scale(rounds=given.rounds, peers=given.peers, seeds=seeds, folders=given.folder, roll=given.roll, listings=given.listings)
    if given.what == "big":
        linkage.big(rounds=given.rounds, peers=given.peers, seed=given.seed, roll=given.roll, listings=given.listings, memory=given.memory)
    if everything or given.what == "providers":
        providers.main(further)
    if everything or given.what == "intervals":
        intervals.main()
    if everything or given.what == "audit":
        audit.main(speed_only=not everything and given.speed)
    if given.what == "packet":
        packet.main(given.listings, given.seed, given.rounds, given.home)


if __name__ == "__main__":
    main()
