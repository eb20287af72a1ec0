"""Readiness: every way in which something is wrong has its code, and looking never fails."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from reminder.app import now, open_deployment
from reminder.installation import read_installation
from reminder.pipeline.vitals import Vitals
from reminder.store import gateway_states
from reminder.web.readiness import Complaint, readiness_of
from reminder.web.served import Standing
from support.deployments import POLICY, write_deployment


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """The folder of settings of a deployment."""
    return write_deployment(tmp_path)


@contextmanager
def opened(config: Path) -> Iterator[Standing]:
    """Lend what is in force."""
    installation = read_installation(config, {})
    with open_deployment(installation) as deployment:
        yield Standing(installation, deployment)


def test_all_is_well(config: Path) -> None:
    """Nothing wrong is ready."""
    with opened(config) as standing:
        found = readiness_of(standing)

    assert (found.ready, found.codes) == (True, [])


def test_a_wrong_file_is_told_with_its_place(config: Path) -> None:
    """RM-E001 says where the first of the mistakes is."""
    (config / "policies" / "broken.yaml").write_text(POLICY.replace("grace_days", "grace_dais"), "utf-8")
    with opened(config) as standing:
        (complaint,) = readiness_of(standing).complaints

    assert complaint.code == "RM-E001"
    assert "broken.yaml:6:1" in complaint.found


def test_tables_of_another_release_are_told(config: Path) -> None:
    """RM-E011 says which are there and which are needed, and what to do."""
    with opened(config) as standing:
        with standing.deployment.engine.begin() as connection:
            connection.execute(text("UPDATE alembic_version SET version_num = '0000'"))
        (complaint,) = readiness_of(standing).complaints

    assert (complaint.code, complaint.hint) == ("RM-E011", "run `reminder db upgrade`")
    assert "are of 0000" in complaint.found


def test_a_database_that_is_away_is_a_code_and_no_failure(config: Path) -> None:
    """RM-E010, whatever the driver says."""
    with opened(config) as standing:
        with standing.deployment.engine.begin() as connection:
            connection.execute(text("ALTER TABLE outbox RENAME TO away"))
        found = readiness_of(standing)

    assert found.codes == ["RM-E010"]


def test_a_daemon_that_hangs_says_so_itself(config: Path) -> None:
    """RM-E070 of this process: another daemon that is well must not hide it."""
    vitals = Vitals()
    with opened(config) as standing:
        vitals.alive(now() - timedelta(minutes=5))
        hanging = Standing(standing.installation, replace(standing.deployment, vitals=vitals))
        assert readiness_of(hanging).codes == ["RM-E070"]
        vitals.alive(now())
        assert readiness_of(hanging).ready


def test_troubles_are_told_by_their_codes(config: Path) -> None:
    """What alerts tell of, readiness tells of."""
    with opened(config) as standing:
        at = now()
        with standing.deployment.engine.begin() as connection:
            gateway_states.pause(connection, "twilio", until=at + timedelta(hours=1), reason="20003", at=at)
        (complaint,) = readiness_of(standing).complaints

    assert complaint == Complaint("RM-W042", "twilio is paused: 20003", complaint.hint)
