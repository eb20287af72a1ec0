"""The service runs with least privilege, and its unit is one that systemd accepts."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

UNIT = Path(__file__).parents[2] / "deploy" / "reminder.service"
EXPOSURE_MAX = 2.0

needs_systemd = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not here")


@needs_systemd
def test_the_unit_exposes_little() -> None:
    """Least privilege: systemd rates the unit's exposure at two of ten or less."""
    rated = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--no-pager", str(UNIT)],
        capture_output=True,
        text=True,
        check=False,
    )

    found = re.search(r"Overall exposure level for reminder.service: ([\d.]+)", rated.stdout)
    assert found is not None, rated.stdout + rated.stderr
    assert float(found[1]) <= EXPOSURE_MAX


def test_the_unit_keeps_secrets_out_of_itself() -> None:
    """Secrets come from a file that only root reads; none stands in the unit."""
    text = UNIT.read_text(encoding="utf-8")

    assert "EnvironmentFile=" in text
    assert not re.search(r"^Environment=", text, flags=re.MULTILINE)


def test_the_unit_gives_the_batch_under_way_time_to_end() -> None:
    """A stop is a SIGTERM to the daemon alone, and patience: nothing in flight is killed at once."""
    text = UNIT.read_text(encoding="utf-8")

    assert "KillMode=mixed" in text
    assert int(re.findall(r"TimeoutStopSec=(\d+)", text)[0]) >= 60
