"""Where a build goes, and how."""

from __future__ import annotations

from dataclasses import dataclass

MAIN = "main"
SCRIPT_BRANCH = "script"  # where the library's own command left what was there before


@dataclass(frozen=True)
class Target:
    """What a publish is to do beside the build."""

    repo_id: str
    revision: str = MAIN
    private: bool = False
    create_pr: bool = False
    tag: str | None = None
    message: str = "Publish the dataset"
    overwrite_card: bool = False
    keep_card: bool = False  # its prose, if somebody else wrote or edited it
    source: str = ""  # the repository of the script, and its commit, if it is from the Hub
    replace_dataset: bool = False  # another dataset than the card's record says
    rollback: str | None = None  # to the dataset of this revision, whatever the builder declares now
    rewrite: bool = False  # files whose rows are there already, in bytes of another version of the libraries
    adopt: bool = False  # take over a repository that holds its loading script, which is removed
    leave_other_configs: bool = False  # only some configs were built

    @property
    def script(self) -> str:
        """The file for which `load_dataset` refuses a repository, whatever else it holds."""
        return f"{self.repo_id.rpartition('/')[2]}.py"

    @property
    def done(self) -> str:
        """What has happened to a dataset that is committed."""
        return "proposed" if self.create_pr else "rolled back" if self.rollback else "published"
