"""Secrets in files: found where they are said to be, never guessed at, and an error says which file."""

from __future__ import annotations

from pathlib import Path

import pytest

from reminder.config.secret_files import SecretFiles
from reminder.errors import ConfigError


def write(path: Path, text: str) -> str:
    """Write a file; return its path as text."""
    path.write_text(text, encoding="utf-8")
    return str(path)


@pytest.mark.parametrize("ending", ["", "\n", "\r\n"], ids=repr)
def test_a_variable_may_stand_in_a_file(tmp_path: Path, ending: str) -> None:
    """`NAME_FILE` is as good as `NAME`; the line break that editors add is no part of it, blanks are."""
    environ = SecretFiles({"TOKEN_FILE": write(tmp_path / "t", f" hush {ending}"), "OTHER": "x"})

    assert (environ["TOKEN"], environ.get("OTHER"), environ.get("NONE")) == (" hush ", "x", None)
    assert "TOKEN" in environ


def test_a_file_is_read_when_it_is_asked_for(tmp_path: Path) -> None:
    """A secret that is rotated while the program runs is found at the next question; nobody asks for all of them."""
    path = tmp_path / "t"
    environ = SecretFiles({"TOKEN_FILE": write(path, "old"), "BROKEN_FILE": "/nowhere"})
    assert environ["TOKEN"] == "old"
    write(path, "new")

    assert environ["TOKEN"] == "new"


def test_an_empty_variable_is_none(tmp_path: Path) -> None:
    """Compose files pass empty ones on."""
    assert SecretFiles({"TOKEN": "", "TOKEN_FILE": write(tmp_path / "t", "hush")})["TOKEN"] == "hush"
    assert SecretFiles({"TOKEN": "hush", "TOKEN_FILE": ""})["TOKEN"] == "hush"


def test_systemds_credentials_are_found(tmp_path: Path) -> None:
    """What `LoadCredential=NAME:…` puts there is the variable NAME; nothing outside the folder is."""
    write(tmp_path / "TOKEN", "hush")
    write(tmp_path / "no-variable", "x")
    environ = SecretFiles({"CREDENTIALS_DIRECTORY": str(tmp_path)})

    assert environ["TOKEN"] == "hush"
    assert environ.get("../TOKEN") is None


def test_twice_is_refused(tmp_path: Path) -> None:
    """Nobody could tell which of them counts."""
    environ = SecretFiles({"TOKEN": "a", "TOKEN_FILE": write(tmp_path / "t", "hush")})
    with pytest.raises(ConfigError, match="variable TOKEN: expected it once, found it here and in ") as told:
        environ["TOKEN"]
    assert "hush" not in str(told.value)


def test_a_file_that_is_away_is_named(tmp_path: Path) -> None:
    """The error says which variable, which file, and why."""
    with pytest.raises(ConfigError, match=r"variable TOKEN: expected its value in .*/t, found: No such file"):
        SecretFiles({"TOKEN_FILE": str(tmp_path / "t")})["TOKEN"]
    (tmp_path / "t").write_bytes(b"\xff")
    with pytest.raises(ConfigError, match="it is not UTF-8"):
        SecretFiles({"TOKEN_FILE": str(tmp_path / "t")})["TOKEN"]


def test_strangers_files_are_never_opened() -> None:
    """Other programs have such variables too: reading the whole environment opens none of their files."""
    given = {"TF_CLI_CONFIG_FILE": "/nowhere/terraformrc", "SSL_CERT_FILE": "/nowhere/cert.pem", "HOME": "/root"}

    assert dict(SecretFiles(given)) == given
    assert len(SecretFiles(given)) == 3
