"""Draw the card's pictures into `card/assets`, and remove those that no config needs: `python -m tools.figures`."""

from __future__ import annotations

import sys
from pathlib import Path

from publisher.builders import load_module
from publisher.errors import PublishingError

ASSETS = Path(__file__).parents[2] / "card" / "assets"


def main() -> int:
    """Draw all, say what was written and removed; exit code 2 if a library is missing."""
    try:
        load_module("mnist1d")
        from tools.figures.files import draw_all, remove_unused

        for path in draw_all(ASSETS):
            print(f"{path.stat().st_size:>9,} bytes  {path}")
        for path in remove_unused(ASSETS):
            print(f"{'removed':>15}  {path}")
    except ModuleNotFoundError as error:
        print(f'tools.figures: {error.name} is not installed: pip install -e ".[figures]"', file=sys.stderr)
        return 2
    except PublishingError as error:  # a slip in a declaration
        print(f"tools.figures: {error}", file=sys.stderr)
        return error.exit_code
    except OSError as error:
        print(f"tools.figures: a picture cannot be written: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
