"""Record the transcripts again: `python -m tests.record_transcripts`, and read `git diff tests/transcripts`."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

TESTS = Path(__file__).parent

if __name__ == "__main__":
    for file in (TESTS / "transcripts").glob("*.txt"):
        file.unlink()
    options = ["-q", "-m", "slow or not slow", "-k", "not recordings"]
    command = [sys.executable, "-m", "pytest", *options, str(TESTS / "test_transcripts.py")]
    sys.exit(subprocess.run(command, env={**os.environ, "RECORD_TRANSCRIPTS": "1"}, cwd=TESTS.parent).returncode)
