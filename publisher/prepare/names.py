"""Names of configs and splits as folders, files and patterns: which can be, and how they are written."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable

from publisher.errors import UsageError

DEFAULT = "default"  # a config of this name is the default one, whatever else a card says
TAKEN = (  # beside the configs' folders
    *("assets", "readme.md", ".gitattributes", ".git", ".cache"),
    *(".huggingface", ".huggingface.yaml", "dataset_infos.json"),
)
RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)  # devices on Windows
SPLIT = re.compile(r"\w+(\.\w+)*")  # what `datasets` takes, to the very end of the name
LONGEST = 200  # bytes of a name, of the 255 that file systems allow


def check_config_names(names: Collection[str], default: str) -> None:
    """Refuse names of configs under which nobody could load them.

    Raises
    ------
    UsageError
        Names the config, says why, and what to do.

    Examples
    --------
    >>> check_config_names(["[2m]", "en-de"], "en-de")
    >>> check_config_names(["main", "data"], "main")
    Traceback (most recent call last):
    ...
    publisher.errors.UsageError: a config cannot be named 'data', the folder of the default config 'main': rename it
    """
    for name, count in Counter(names).items():
        if count > 1:
            raise UsageError(f"{count} configs are named {name!r}: give each a name of its own")
        reason = _obstacle(name)
        if name == "data" != default and default in names:
            reason = f"the folder of the default config {default!r}"
        if name == DEFAULT != default and default in names:
            reason = f"because {default!r} is the default: `load_dataset` would find two"
        if reason:
            raise UsageError(f"a config cannot be named {name!r}, {reason}: rename it")


def check_split_names(config: str, names: Iterable[str]) -> None:
    """Refuse names of splits that `datasets` does not take, and a config without any."""
    names = list(names)
    if not names:
        raise UsageError(f"config {config!r} has no splits: let `_split_generators` return at least one")
    for name, count in Counter(names).items():
        if count > 1:
            raise UsageError(f"config {config!r} has {count} splits that are named {name!r}: give each another name")
        if not SPLIT.fullmatch(name) or name.lower() == "all":
            reason = "it may have letters, digits, _, and . between them"
            if name.lower() == "all":
                reason = "`load_dataset` takes that for all splits"
            raise UsageError(f"config {config!r} cannot have a split named {name!r}: {reason}: rename it")
        if len(name.encode()) > LONGEST:
            raise UsageError(
                f"config {config!r} has a split with a name of more than {LONGEST} bytes, {name[:20]!r}..."
            )


def _obstacle(name: str) -> str | None:
    if not isinstance(name, str):
        return "which is no text"
    if not name.strip() or name in (".", ".."):
        return "which is no folder's name"
    if name.lower() in TAKEN:
        return "the name of a file or folder beside the configs"
    if any(not character.isprintable() or character in '<>:/\\|?*"$' for character in name):
        return "which has characters that cannot be in the name of a folder"  # $HOME: `datasets` puts its value there
    if name != name.strip() or name.endswith("."):
        return "because some systems drop a space or a dot at either end"
    if RESERVED.fullmatch(name):
        return "which is no folder's name on Windows"
    if len(name.encode(errors="replace")) > LONGEST:
        return f"which has more than {LONGEST} bytes"
    return None
