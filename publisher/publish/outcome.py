"""What a publish or a check found and did."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from publisher.plan.plan import Plan
from publisher.plan.state import Commit, State


@dataclass(frozen=True)
class Outcome:
    """What was found and done."""

    plan: Plan  # the one that was carried out, or would be
    before: State | None  # None: there was no repository
    new_branch: bool = False  # the revision starts at `main`
    commit: Commit | None = None  # where the wanted state is, if it is
    differences: list[str] = field(default_factory=list)
    meanwhile: Sequence[str] = ()  # who committed it, if somebody else was faster


Show = Callable[[Outcome], object]
