"""A database that goes away, is cut off, or finds its disk full in mid-run: nothing twice, nothing lost."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from faults.conftest import Setter
from sqlalchemy import make_url

from reminder.store.engine import open_engine
from reminder.store.upgrade import upgrade
from support.nursery import Child
from support.proxy import wire
from support.stage import Stage, told
from support.stormy import Provider

PEOPLE = 60
SLOW = (1.0, {"mode": "slow", "seconds": 0.4})
"""So that its book takes a second and a half, sixteen calls at a time: what goes wrong does so in mid-run."""
FULL_BYTES = 12_000_000
GONE_SECONDS = float(os.environ.get("FAULT_GONE_SECONDS") or 3)  # noqa: TID251 - how long is a matter of who runs it
BINARIES = Path(shutil.which("initdb") or max(Path("/usr/lib/postgresql").glob("*/bin/initdb"), default="/")).parent


SAID = {"reminder.dispatch.answers_wait", "reminder.daemon.database_away", "reminder.daemon.tick_failed"}
"""What a daemon says of a database that fails it: of answers that wait to be kept, of no connection, of a tick."""


def begin(stage: Stage, provider: Provider) -> Child:
    """Start a daemon, and wait until it is in the middle of its work."""
    provider.weather(SLOW)
    daemon = stage.start("daemon")
    stage.nursery.until(lambda: len(provider.accepted()) >= 3)
    return daemon


def end(stage: Stage, daemon: Child) -> None:
    """Let it finish; hold everything against the provider, and see that it said what happened."""
    assert not stage.settle(daemon, seconds=150), daemon.output.read_text("utf-8")[-3000:]
    stage.stop(daemon)
    assert stage.complaints() == []
    assert len(stage.provider.accepted()) == stage.people.made
    assert SAID & told(daemon).keys()


@pytest.mark.parametrize("kind", ["postgresql", "mariadb"])
def test_a_connection_to_the_database_that_is_cut(
    request: pytest.FixtureRequest, staged: Setter, provider: Provider, kind: str
) -> None:
    """Laws 3, 4, 9: cut in mid-run, refused for a while, and cut again: the daemon says so, and goes on by itself."""
    url = request.getfixturevalue(f"{kind}_url")
    place = make_url(url)
    if not place.host or not place.host.startswith("127."):
        pytest.skip("the server is reached by a socket file, which no wire can be put before")
    with wire(place.host, place.port or {"postgresql": 5432, "mariadb": 3306}[kind]) as line:
        through = place.set(port=line.port).render_as_string(hide_password=False)
        stage = staged(url, PEOPLE, database=through)
        daemon = begin(stage, provider)
        assert line.cut() > 0
        stage.nursery.until(lambda: len(provider.accepted()) >= PEOPLE // 3)
        line.tear()
        assert len(provider.accepted()) < PEOPLE
        stage.nursery.until(lambda: bool(SAID & told(daemon).keys()))
        line.mend()
        end(stage, daemon)


class Cluster:
    """A PostgreSQL server of a test's own, which may be stopped."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port: int = free.getsockname()[1]
        self.run("initdb", "-D", str(folder / "data"), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync")

    def run(self, program: str, *arguments: str) -> None:
        """Run a program of PostgreSQL's as a user that it accepts."""
        command = [str(BINARIES / program), *arguments]
        if os.getuid() == 0:
            command = ["runuser", "-u", "postgres", "--", *command]
        # Its server inherits what it is given: a pipe would be open as long as that lives.
        subprocess.run(command, check=True, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)

    def start(self) -> None:
        """Start it, and wait until it answers."""
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -c fsync=off -k {self.folder}"
        self.run(
            "pg_ctl", "-D", str(self.folder / "data"), "-l", str(self.folder / "log"), "-o", options, "-w", "start"
        )

    def stop(self) -> None:
        """Stop it as a power cut does."""
        self.run("pg_ctl", "-D", str(self.folder / "data"), "-m", "immediate", "-w", "stop")


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    """Lend a PostgreSQL server that nobody else uses, or skip where its programs are not."""
    if not (BINARIES / "initdb").exists():
        pytest.skip(f"a server of its own can't be made: no initdb at {BINARIES}")
    if os.getuid() == 0 and not _is_user("postgres"):
        pytest.skip("a server of its own can't be made: root may not run one, and there is no user postgres")
    folder = Path(tempfile.mkdtemp(prefix="reminder-pg-"))
    if os.getuid() == 0:
        shutil.chown(folder, "postgres")
    made = Cluster(folder)
    made.start()
    yield made
    made.stop()
    shutil.rmtree(folder)


def _is_user(name: str) -> bool:
    try:
        pwd.getpwnam(name)
    except KeyError:
        return False
    return True


def test_a_database_that_is_gone_and_restarted(staged: Setter, provider: Provider, cluster: Cluster) -> None:
    """Laws 3, 4, 9: stopped in mid-run as by a power cut, gone for a while, and started again: the daemon goes on."""
    url = f"postgresql://postgres@127.0.0.1:{cluster.port}/postgres"
    engine = open_engine(url)
    upgrade(engine)
    engine.dispose()
    stage = staged(url, PEOPLE)
    daemon = begin(stage, provider)
    stage.engine.dispose()
    cluster.stop()
    stage.nursery.until(lambda: bool(SAID & told(daemon).keys()))
    stage.nursery.listen(GONE_SECONDS)
    assert daemon.status is None
    cluster.start()
    end(stage, daemon)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own that is soon full."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={FULL_BYTES}", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip(f"a small file system can't be mounted here: {mounted.stderr.decode().strip()}")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_full_disk(staged: Setter, provider: Provider, sqlite_url: str, small_disk: Path) -> None:
    """Laws 3 and 4: a disk that is full takes no intent, so nothing is sent; what was on its way is asked for."""
    shutil.copyfile(sqlite_url.removeprefix("sqlite:///"), small_disk / "reminder.db")
    stage = staged(f"sqlite:///{small_disk}/reminder.db", PEOPLE)
    daemon = begin(stage, provider)
    with filled(small_disk):
        stage.nursery.until(lambda: bool(SAID & told(daemon).keys()))
        sent = len(provider.accepted())
        stage.nursery.listen(1.0)
        assert len(provider.accepted()) == sent
    end(stage, daemon)


@contextmanager
def filled(folder: Path) -> Iterator[None]:
    """Leave no byte free on a file system."""
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file:
        free = os.statvfs(folder)
        file.write(b"x" * (free.f_bavail * free.f_frsize - free.f_frsize))
        try:
            while file.write(b"x" * 512):
                pass
        except OSError:
            pass
        try:
            yield
        finally:
            filler.unlink()
