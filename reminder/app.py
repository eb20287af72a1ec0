"""The composition root: joins the concrete parts, and is the only place that reads the clock and the environment.

To an installation, which is what the files say, `open_deployment` adds the database, the book and the gateways.
"""

from __future__ import annotations

import os
import random
import socket
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from pydantic import ValidationError
from sqlalchemy import Engine

from reminder.book.book import Book
from reminder.book.mapping import BookMapping, mapped_book, own_book
from reminder.config.book_model import BookSettings
from reminder.config.encryption_key import read_encryption_keys
from reminder.config.secret_files import SecretFiles
from reminder.config.wording import problems_of
from reminder.domain.record import Kind
from reminder.domain.selector import canonical
from reminder.errors import ConfigError, GatewayError, Problem
from reminder.gateways.base import Gateway, GatewayContext, NotConfiguredError
from reminder.gateways.registry import build, gateway_class
from reminder.installation import Installation
from reminder.pipeline import terms
from reminder.pipeline.deployment import Deployment
from reminder.store.engine import open_engine
from reminder.store.keyring import Keyring
from reminder.store.rekeying import require_newest
from reminder.store.schema import account as own_accounts
from reminder.store.upgrade import require_current

__all__ = [
    "environment",
    "gateways_of",
    "monotonic_usec",
    "now",
    "open_database",
    "open_deployment",
    "redeployed",
    "steady",
]


def now() -> datetime:
    """Return the present instant (UTC). Nothing else in this program reads the clock."""
    return datetime.now(UTC)  # noqa: TID251 - the one place


def steady() -> float:
    """Return seconds since some beginning: nobody can set them, and they go on while the machine sleeps."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()


def monotonic_usec() -> int:
    """Return microseconds of CLOCK_MONOTONIC, which is what systemd counts in."""
    return time.monotonic_ns() // 1000


def environment() -> Mapping[str, str]:
    """Return the environment, files of secrets included. Nothing else in this program reads it."""
    return SecretFiles(os.environ)  # noqa: TID251 - the one place


@contextmanager
def open_database(installation: Installation, *, read_only: bool = False, any_key: bool = False) -> Iterator[Engine]:
    """Lend the engine of the deployment's database, whatever its schema; let go of its connections at the end.

    Raises ConfigError where the keys can't be read, and StoreError where rows are sealed with others than the newest
    of them; the latter not with `any_key`, which is for whoever looks into it or puts it right.
    """
    path = installation.settings.encryption_key_file
    keyring = Keyring(read_encryption_keys(Path(path))) if path is not None else None
    engine = open_engine(installation.settings.database, read_only=read_only, keyring=keyring)
    try:
        if not any_key:
            require_newest(engine)
        yield engine
    finally:
        engine.dispose()


@contextmanager
def open_deployment(
    installation: Installation, *, read_only: bool = False, clock: Callable[[], datetime] = now
) -> Iterator[Deployment]:
    """Lend everything the pipeline needs; let go of connections at the end.

    Raises StoreError where the schema is not the one this program is for, and ConfigError for a gateway's wrong
    options. A gateway that is not configured is no error: it is `absent`, and the console may stand in.
    """
    with open_database(installation, read_only=read_only) as engine:
        require_current(engine)
        with _open_book(installation, engine) as book:
            gateways, absent = gateways_of(installation)
            yield Deployment(
                engine=engine,
                book=book,
                policies=installation.policies.policies,
                catalogue=installation.catalogue,
                conditions=installation.conditions,
                lender=installation.lender,
                region=installation.settings.default_region,
                gateways=gateways,
                absent=absent,
                prices=terms.prices_of(installation.settings),
                rates=terms.rates_of(installation.settings),
                limits=terms.limits_of(installation.settings),
                clock=clock,
                new_reference=lambda: uuid.uuid4().hex,
                jitter=random.random,
                # Not only the number: in containers every process may be the first one of the same host.
                owner=f"{socket.gethostname()[:40]}:{os.getpid()}:{uuid.uuid4().hex[:6]}",
                guards=terms.guards_of(installation.settings),
                retention=terms.retention_of(installation.settings),
                check_key=installation.check_key,
                claim=terms.claim_of(installation.settings),
                versions=_versions(installation),
            )


def redeployed(deployment: Deployment, before: Installation, after: Installation) -> Deployment:
    """Return an open deployment with what its files say now, in place of what they said before; writes nothing.

    Database and book stay as they are, and so does every gateway whose own settings are the same. Raises ConfigError
    for a gateway's wrong options.
    """
    old, new = before.settings, after.settings
    built, absent = gateways_of(after)
    kept = {
        name: deployment.gateways.get(name, gateway)
        if old.gateways.get(name) == new.gateways[name] and old.public_url == new.public_url
        else gateway
        for name, gateway in built.items()
    }
    return replace(
        deployment,
        policies=after.policies.policies,
        catalogue=after.catalogue,
        conditions=after.conditions,
        lender=after.lender,
        region=new.default_region,
        gateways=kept,
        absent=absent,
        prices=terms.prices_of(new),
        rates=terms.rates_of(new),
        limits=terms.limits_of(new),
        guards=terms.guards_of(new),
        retention=terms.retention_of(new),
        check_key=after.check_key,
        claim=terms.claim_of(new),
        versions=_versions(after),
    )


@contextmanager
def _open_book(installation: Installation, engine: Engine) -> Iterator[Book]:
    settings = installation.settings.book
    if settings is None:
        yield Book(engine, own_book(own_accounts), same_database=True)
        return
    elsewhere = settings.url is not None and settings.url != installation.settings.database
    book_engine = open_engine(settings.url, read_only=True) if settings.url and elsewhere else engine
    try:
        yield Book(book_engine, _mapping(book_engine, settings), same_database=not elsewhere)
    finally:
        if elsewhere:
            book_engine.dispose()


def _mapping(engine: Engine, settings: BookSettings) -> BookMapping:
    closed, fresh, never = settings.closed, settings.fresh, settings.never_contact
    return mapped_book(
        engine,
        table=settings.table,
        query=settings.query,
        columns=settings.columns.mapping(),
        attributes=settings.attributes,
        amount_unit=settings.amount_unit,
        closed_column=closed.column if closed else None,
        closed_values=[canonical(value) for value in closed.values] if closed else (),
        never_contact_column=never.column if never else None,
        never_contact_values=never.meanings() if never else {},
        fresh_column=fresh.column if fresh else None,
        fresh_max_age=fresh.max_age if fresh else None,
    )


def gateways_of(installation: Installation) -> tuple[dict[str, Gateway], dict[str, str]]:
    """Return the gateways of the settings that can be used, and of each other one why it can't; connects to nothing.

    Raises ConfigError for wrong options.
    """
    built: dict[str, Gateway] = {}
    absent: dict[str, str] = {}
    problems: list[Problem] = []
    settings, document = installation.settings, installation.loaded.document
    for name, section in settings.gateways.items():
        context = GatewayContext(name, installation.environ, settings.public_url)
        try:
            built[name] = build(section.type, section.options, context)
        except NotConfiguredError as error:
            absent[name] = str(error)
        except ValidationError as error:
            model = gateway_class(section.type).Options
            problems += problems_of(error, document, prefix=("gateways", name), model=model)
        except GatewayError as error:
            problems.append(document.problem(("gateways", name), str(error)))
    if problems:
        raise ConfigError(problems)
    return built, absent


def _versions(installation: Installation) -> dict[Kind, dict[str, tuple[str, object]]]:
    both = {Kind.POLICY: installation.policies.documents, Kind.PROFILE: installation.profiles.documents}
    return {
        kind: {name: (document.digest, document.data) for name, document in documents.items()}
        for kind, documents in both.items()
    }
