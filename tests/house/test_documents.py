"""The documents can't lag behind the code: diagram, gates, words and links are held to it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from reminder.domain.gates import CONTACT
from reminder.domain.lifecycle import TRANSITIONS
from reminder.domain.standing import STANDING

ROOT = Path(__file__).parents[2]
HOUSE = (ROOT / "reminder" / "README.md").read_text(encoding="utf-8")
DOCUMENTS = sorted(path for path in (*ROOT.glob("*.md"), *ROOT.glob("reminder/*.md"), *ROOT.glob("deploy/*.md")))


def test_the_diagram_is_the_table() -> None:
    """The life of a reminder as drawn has the table's transitions, all of them and no other."""
    drawn = set(re.findall(r"^ {4}(\w+) --> (\w+): (\w+)$", HOUSE, flags=re.MULTILINE))

    assert drawn == {(before.value, after.value, event.value) for (before, event), after in TRANSITIONS.items()}


def test_the_gates_are_told_in_their_order() -> None:
    """The gates as documented are those that are asked, in the order in which they are."""
    section = HOUSE.partition("## The gates, in order")[2]
    told = re.findall(r"`(\w+)`", section.partition("The first that")[0])

    assert told == [name for name, _ in STANDING] + [gate.name for gate in CONTACT]


def test_every_room_is_on_the_map() -> None:
    """Someone new finds each room of the house by its name in the map."""
    rooms = {path.name for path in (ROOT / "reminder").iterdir() if (path / "__init__.py").is_file()}

    assert rooms <= set(re.findall(r"`(\w+)/`", HOUSE))


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_what_a_document_points_to_is_there(document: Path) -> None:
    """No link and no path of the repository that a document names is missing."""
    text = document.read_text(encoding="utf-8")
    links = [link for link in re.findall(r"\]\(([^)#]+)\)", text) if "://" not in link]
    paths = re.findall(r"`((?:reminder|tests|config|templates|deploy)/[\w./-]*)`", text)

    assert [link for link in links if not (document.parent / link).exists()] == []
    assert [path for path in paths if not (ROOT / path).exists()] == []


def test_every_law_that_is_cited_is_told() -> None:
    """Whoever reads "law 8" finds it among the house's laws, which are numbered without a gap."""
    told = [int(number) for number in re.findall(r"^(\d+)\. \*\*", HOUSE, flags=re.MULTILINE)]
    texts = [*DOCUMENTS, *ROOT.glob("reminder/**/*.py"), *ROOT.glob("tests/**/*.py")]
    cited = [
        int(number)
        for text in texts
        for group in re.findall(
            r"\blaws? (\d+(?:(?:, | and | or | to )\d+)*)", text.read_text(encoding="utf-8").lower()
        )
        for number in re.findall(r"\d+", group)
    ]

    assert told == list(range(1, len(told) + 1))
    assert len(cited) > 100
    assert set(cited) <= set(told)
