"""What all requests to one Hub share."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field

from .accounts import Account
from .quota import Quota
from .state import State
from .xet.grants import Grant


@dataclass
class Site:
    """A Hub's repositories and tokens, and how it behaves where the real one leaves room."""

    state: State
    tokens: Mapping[str, Account]
    url: str
    storage_url: str
    lifetime: float
    quota: Quota
    batch_counts_xet: bool
    secret: bytes = field(default_factory=lambda: secrets.token_bytes(32), repr=False)
    grants: dict[str, Grant] = field(default_factory=dict)
