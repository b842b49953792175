"""Open the explorer on this machine, or gather the files of its Space: `python -m explorer [--space DIR]`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from explorer import SPACE_ID
from explorer.space import write_space


def main(argv: Sequence[str] | None = None) -> int:
    """Serve the page, or write the folder; exit code 2 if that cannot be."""
    parser = argparse.ArgumentParser(prog="python -m explorer", description=__doc__)
    parser.add_argument("--space", type=Path, metavar="DIR", help="write the files of the Space into a new folder")
    parser.add_argument("--port", type=int, help="default: the first that is free from 7860")
    arguments = parser.parse_args(argv)
    if arguments.space:
        try:
            files = write_space(arguments.space)
        except OSError as error:
            parser.error(f"{arguments.space} cannot be written: {error.strerror}; give a new folder")
        print(f"Wrote {len(files)} files. To publish the Space, with the token of someone who may write to it:")
        print(f"hf repos create {SPACE_ID} --type space --sdk gradio --exist-ok")
        print(f"hf upload {SPACE_ID} {arguments.space} --type space")
        return 0
    try:
        import mnist1d  # noqa: F401  # first: it says which file of the user's own hides one of this project
        from explorer.app import launch
    except ImportError as error:
        missing = isinstance(error, ModuleNotFoundError)
        said = f'{error.name} is not installed: pip install -e ".[explorer]"' if missing else error
        print(f"explorer: {said}", file=sys.stderr)
        return 2
    try:
        launch(server_port=arguments.port)
    except OSError as error:  # the port is taken
        print(f"explorer: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
