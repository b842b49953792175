"""What may be the name of a repository, branch or tag."""

from __future__ import annotations

import re
import unicodedata

from huggingface_hub.errors import HFValidationError
from huggingface_hub.utils import validate_repo_id

from publisher.errors import UsageError

HIDDEN = ("Cc", "Cf", "Cs", "Zl", "Zp")  # categories of Unicode that end a line, act on a terminal, or are no text
JOINERS = "\u200c\u200d"  # of emoji and of several scripts
NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_./-]*")  # of a repository, branch or tag: what git and the Hub both take


def check_repo_id(argument: str, repo_id: str) -> None:
    """Refuse what cannot be the name of a repository.

    Examples
    --------
    >>> check_repo_id("REPO_ID", "data")
    Traceback (most recent call last):
    publisher.errors.UsageError: REPO_ID 'data' is not allowed: give namespace/name ...
    """
    try:
        validate_repo_id(repo_id)
    except HFValidationError:
        allowed = False
    else:
        allowed = bool(NAME.fullmatch(repo_id)) and "/" in repo_id
    if not allowed:
        raise UsageError(
            f"{argument} {repo_id!r} is not allowed: give namespace/name of letters, digits and -_. between them"
        )


def check_ref(argument: str, name: str | None) -> None:
    """Refuse what cannot be the name of a branch, tag or commit.

    Examples
    --------
    >>> check_ref("--tag", "v 1")
    Traceback (most recent call last):
    publisher.errors.UsageError: --tag 'v 1' is not allowed: give letters, digits and -_./ between them
    """
    if name is not None and (not NAME.fullmatch(name) or ".." in name or name.endswith((".", ".lock", "/"))):
        raise UsageError(f"{argument} {name!r} is not allowed: give letters, digits and -_./ between them")


def check_title(argument: str, title: str) -> None:
    r"""Refuse what cannot be the title of a commit.

    Examples
    --------
    >>> check_title("--message", "Version 2\nSigned-off-by: me")
    Traceback (most recent call last):
    publisher.errors.UsageError: --message 'Version 2\nSigned-off-by: me' is not allowed: give one line of text ...
    """
    hidden = any(unicodedata.category(letter) in HIDDEN and letter not in JOINERS for letter in title)
    if hidden or not title.strip():
        raise UsageError(f"{argument} {title!r} is not allowed: give one line of text without control characters")
