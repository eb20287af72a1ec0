"""What the endpoints work with follows the files in force, words of customers included."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from reminder.app import open_deployment
from reminder.domain.receipt import Meaning
from reminder.installation import Installation, read_installation
from reminder.pipeline.deployment import Deployment
from reminder.web import service
from support.deployments import write_deployment

KEYWORDS = """\
language: eo
source: a test
stop: {words: [HALTU]}
confirmation: "{lender}: ne plu."
"""


@dataclass
class Changing:
    """What is in force, and changes."""

    installation: Installation
    deployment: Deployment


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """The folder of settings of a deployment."""
    return write_deployment(tmp_path)


def test_words_of_customers_change_with_the_files(config: Path) -> None:
    """An edited file of keywords counts once it is in force, and is worked out once."""
    before = read_installation(config, {})
    assert not before.keywords.problems
    with open_deployment(before) as deployment:
        served = Changing(before, deployment)
        hearing = service._Hearing(served)
        first = hearing()
        assert hearing() is first
        (config / "keywords").mkdir()
        (config / "keywords" / "eo.yaml").write_text(KEYWORDS, encoding="utf-8")
        assert hearing() is first
        served.installation = read_installation(config, {})
        assert not served.installation.keywords.problems
        second = hearing()

    assert second is not first
    assert hearing() is second
    assert first.keywords.understand("HALTU").meaning is not Meaning.STOP
    assert second.keywords.understand("HALTU").meaning is Meaning.STOP
