"""Random schedules on the real store, judged by the promises: `python -m tests.chaos --schedules 2000 --seed 7`.

Exit codes: 0 nothing was broken (with --broken: every broken build was found out), 1 otherwise, 2 wrong usage,
130 interrupted; with --resume the same command goes on.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from dataclasses import asdict
from pathlib import Path

from tests.chaos.campaign import Campaign, run
from tests.chaos.detection import BEYOND, MECHANISMS, MOST, find_all, meaning
from tests.chaos.printing import Progress, as_trace, row, summary
from tests.chaos.work import settings_of
from tests.support.broken import WITHOUT


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--schedules", type=int, default=2000, metavar="N", help="how many (default 2000)")
    parser.add_argument("--seed", type=int, default=0, help="two seeds share no schedule (default 0)")
    parser.add_argument("--setting", default="", metavar="NAME", help="only this one, or all that begin with it")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes (default: one per core)")
    parser.add_argument("--resume", type=Path, metavar="FILE", help="keep the state here, and go on from it")
    parser.add_argument("--without", default="", metavar="MECHANISM", help="a gateway that lacks it")
    parser.add_argument("--broken", action="store_true", help="how soon each broken gateway is found out")
    parser.add_argument("--only", nargs="*", default=[], metavar="MECHANISM", help="with --broken: these")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    return parser


def main(arguments: list[str] | None = None) -> int:
    parser = _parser()
    given = parser.parse_args(arguments)
    if not settings_of(given.setting):
        parser.error(f"there is no setting {given.setting!r}")
    unknown = [name for name in (*given.only, *([given.without] if given.without else [])) if name not in WITHOUT]
    if unknown:
        parser.error(f"unknown: {', '.join(unknown)}; there are {', '.join(WITHOUT)}")
    try:
        return _broken(given) if given.broken else _campaign(given, parser)
    except KeyboardInterrupt:
        sys.stderr.write("\ninterrupted\n")
        return 130


def _campaign(given: argparse.Namespace, parser: argparse.ArgumentParser) -> int:
    campaign = Campaign(given.seed, given.setting, given.without)
    if given.resume and given.resume.exists():
        campaign = Campaign.load(given.resume)
        if (campaign.seed, campaign.setting, campaign.lacking) != (given.seed, given.setting, given.without):
            parser.error(f"{given.resume} is of another campaign: seed {campaign.seed}, setting {campaign.setting!r}")
    run(campaign, given.schedules, given.jobs, Progress(given.schedules), given.resume)
    if given.json:
        sys.stdout.write(json.dumps({**asdict(campaign), "done": len(campaign.done)}) + "\n")
    else:
        for violation in campaign.violations:
            sys.stdout.write(as_trace(violation))
        sys.stdout.write(summary(campaign) + "\n")
    return 1 if campaign.violations else 0


def _broken(given: argparse.Namespace) -> int:
    found = []
    for each in find_all(given.seed, given.only or MECHANISMS, given.jobs):
        found.append(each)
        if not given.json:
            sys.stdout.write(row(each) + "\n")
            sys.stdout.flush()
    missed = [each.mechanism for each in found if not each.promise]
    if given.json:
        rows = [{**asdict(each), "instead": meaning(each.mechanism)} for each in found]
        sys.stdout.write(json.dumps({"seed": given.seed, "most": MOST, "found": rows, "beyond": BEYOND}) + "\n")
    elif missed:
        sys.stdout.write(f"not noticed within {MOST} schedules: {', '.join(missed)}\n")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
