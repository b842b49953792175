"""State that all requests to one Hub share."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field

from .accounts import Account
from .quota import Quota
from .state import State


@dataclass
class Grant:
    """A permission to upload one xorb straight to the storage, and what came; `checksum` is a CRC-64/NVME."""

    xorb: str
    length: int
    checksum: int
    data: bytes | None = None


@dataclass
class Site:
    """A Hub's repositories and tokens, and how it behaves where the real one leaves room."""

    state: State
    tokens: dict[str, Account]
    url: str
    storage_url: str
    lifetime: float
    quota: Quota
    publishers: Mapping[str, str]
    secret: bytes = field(default_factory=lambda: secrets.token_bytes(32), repr=False)
    grants: dict[str, Grant] = field(default_factory=dict)
