"""Reading a CSV file as it is in the wild: its encoding, its separator, its header, and its records one by one.

Nothing in a record makes reading stop: what can't be split into cells comes as a fault with its line.
"""

from __future__ import annotations

import csv
import io
from codecs import getincrementaldecoder
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, BinaryIO, Self

from reminder.book.mapping import PARTS, REQUIRED_PARTS
from reminder.errors import DataError, Problem

if TYPE_CHECKING:
    from _csv import Reader

__all__ = ["CELL_CHARS_MAX", "KNOWN_COLUMNS", "CsvSource", "ImportFileError", "Record"]

KNOWN_COLUMNS = (*PARTS, "closed", "never_contact")
"""Columns with a meaning of their own; any other column of the file is an attribute."""

CELL_CHARS_MAX = 131_072
"""The longest cell that is read, in characters; a longer one comes of a quote that is never closed."""

_SEPARATORS = (",", ";", "\t")
_PROBE_BYTES = 65_536

Record = tuple[int, list[str], str]
"""The line a record begins on (from 1), its cells, and what is wrong with its shape (empty if nothing is)."""


class ImportFileError(DataError):
    """A file can't be imported at all. `problems` says what is wrong with it and where."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


@dataclass(frozen=True, slots=True)
class _Encoding:
    """How a file's bytes are read as text, and what to tell about it."""

    name: str
    note: str = ""


class CsvSource:
    """A CSV file, open for reading once. Use it as a context manager. It is of accounts unless it is said otherwise.

    `known` are the columns that have a meaning, `required` those that must be there. `columns` are the header's names,
    in small letters and with `_` for spaces; a column that is to be left out is an empty text. `notes` are doubts about
    the file as a whole. Raises ImportFileError where the file can't be read or a required column is missing.
    """

    def __init__(
        self, path: Path, *, known: Sequence[str] = KNOWN_COLUMNS, required: Sequence[str] = REQUIRED_PARTS
    ) -> None:
        self.path = path
        self._known, self._required = known, required
        self.notes: list[Problem] = []
        try:
            self._size = max(path.stat().st_size, 1)
            encoding = _encoding_of(path)
            self._raw: BinaryIO = path.open("rb")
        except OSError as error:
            reason = error.strerror or type(error).__name__
            raise self._refused(0, 0, f"expected a CSV file, found: {reason}: check the path") from error
        if encoding.note:
            self.notes.append(Problem(str(path), 0, 0, encoding.note, warning=True))
        # Bytes that are no text become U+FFFD, so that their rows can be told from the others.
        text = io.TextIOWrapper(self._raw, encoding=encoding.name, errors="replace", newline="")
        self._lines = text
        try:
            self._reader, self.columns = self._header(text)
        except BaseException:
            text.close()
            raise

    def __enter__(self) -> Self:
        """Return the source itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the file."""
        self._lines.close()

    @property
    def share(self) -> float:
        """Return how much of the file has been read, from 0 to 1."""
        return min(self._raw.tell() / self._size, 1.0)

    def _refused(self, line: int, column: int, message: str) -> ImportFileError:
        return ImportFileError([Problem(str(self.path), line, column, message)])

    def _header(self, text: io.TextIOWrapper) -> tuple[Reader, list[str]]:
        """Return a reader that stands behind the header, and the names of the columns."""
        csv.field_size_limit(CELL_CHARS_MAX)
        first = text.readline(CELL_CHARS_MAX)
        if not first.strip():
            raise self._refused(1, 1, "expected a header with the names of the columns, found an empty line")
        separator = max(_SEPARATORS, key=lambda each: sum(name in self._known for name in _names(first, each)))
        columns = _names(first, separator)
        self._check(columns)
        return csv.reader(text, delimiter=separator), [name if _usable(name) else "" for name in columns]

    def _check(self, columns: list[str]) -> None:
        problems = [
            Problem(str(self.path), 1, 1, f"expected a column {name}, found none{_near(name, columns)}")
            for name in self._required
            if name not in columns
        ]
        for place, name in enumerate(columns):
            if name and name in columns[:place]:
                message = f"expected each column once, found {name} again: rename or remove one"
                problems.append(Problem(str(self.path), 1, place + 1, message))
            elif not _usable(name):
                message = f"column {name[:40]!r} is left out: a name has letters, digits and _ only"
                self.notes.append(Problem(str(self.path), 1, place + 1, message, warning=True))
        if problems:
            raise ImportFileError(problems)

    def records(self) -> Iterator[Record]:
        """Yield the records behind the header, blank lines left out. Never raises for what is in the file."""
        width = len(self.columns)
        reader = self._reader
        begins = 2  # the header was taken before the reader began to count
        while True:
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error:
                ends = reader.line_num + 1
                yield (
                    begins,
                    [],
                    f"expected cells, found a quote that is never closed or a cell too long, to line {ends}",
                )
                begins = ends + 1
                continue
            if cells:
                if len(cells) > width and not any(cells[width:]):
                    del cells[width:]
                yield begins, cells, "" if len(cells) == width else _ragged(cells, width, reader.line_num + 2 - begins)
            begins = reader.line_num + 2


def _ragged(cells: list[str], width: int, lines: int) -> str:
    spans = f" over {lines} lines: is a quote not closed?" if lines > 1 else ": is one left out, or not quoted?"
    return f"expected {width} cells as in the header, found {len(cells)}{spans}"


def _names(header: str, separator: str) -> list[str]:
    """Return the normalised names in a header line that is split at this separator."""
    cells = next(csv.reader([header], delimiter=separator), [])
    return [cell.strip().lower().replace(" ", "_").replace("-", "_") for cell in cells]


def _usable(name: str) -> bool:
    return name.isidentifier()


def _near(name: str, columns: list[str]) -> str:
    close = get_close_matches(name, columns, n=1)
    return f": is it {close[0]!r}?" if close else f": the header has {', '.join(columns)[:200]}"


def _encoding_of(path: Path) -> _Encoding:
    """Return how to read the file: by its mark, or else as what most of its non-ASCII lines are."""
    with path.open("rb") as file:
        if file.read(2) in (b"\xff\xfe", b"\xfe\xff"):
            return _Encoding("utf-16")
        file.seek(0)
        if _is_utf8(file):
            return _Encoding("utf-8-sig")
        file.seek(0)
        good, bad = _count_utf8_lines(file)
    if good >= bad:
        return _Encoding("utf-8-sig", f"{bad} lines are not UTF-8: their rows are refused; save the file as UTF-8")
    return _Encoding("gb18030", "not UTF-8, read as GB18030: look at the names, and save the file as UTF-8")


def _is_utf8(file: BinaryIO) -> bool:
    """Return whether all of it is UTF-8, as nearly every file is: to look at its lines one by one takes longer."""
    decoder = getincrementaldecoder("utf-8")()
    try:
        while part := file.read(_PROBE_BYTES):
            decoder.decode(part)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _count_utf8_lines(file: BinaryIO) -> tuple[int, int]:
    """Return how many lines with more than ASCII in them are UTF-8, and how many are not."""
    good = bad = 0
    while line := file.readline(_PROBE_BYTES):
        if line.isascii():
            continue
        try:
            line.decode()
        except UnicodeDecodeError:
            bad += 1
        else:
            good += 1
    return good, bad
