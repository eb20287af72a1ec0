"""Settings of a deployment: defaults, paths, and every error at its place."""

from __future__ import annotations

from collections.abc import Callable
from datetime import time, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from pydantic import BaseModel, ConfigDict, ValidationError

from reminder.config.settings import LoadedSettings, read_settings
from reminder.config.wording import problems_of
from reminder.errors import ConfigError

SettingsOf = Callable[..., LoadedSettings]
Complaints = Callable[..., list[str]]
LENDER = "lender: {name: Anhe}\n"
COLUMNS = "columns: {account_id: a, customer_id: c, phone: p, due_date: d, amount_due: m, currency: y}"


def test_the_shortest_settings_work(settings_of: SettingsOf, tmp_path: Path) -> None:
    """Only who is speaking must be said; everything else has a default that works on one machine."""
    loaded = settings_of(LENDER)
    settings = loaded.settings

    assert settings.database == f"sqlite:///{tmp_path}/reminder.db"
    assert settings.lender.name == {"": "Anhe"}
    assert settings.lender.hotline == {"": ""}
    assert (settings.languages.default, settings.languages.fallback) == ("en", ())
    assert {name: gateway.type for name, gateway in settings.gateways.items()} == {"console": "console"}
    assert settings.schedule.plan_at == (time(8, 30), time(13))
    assert (settings.book, settings.public_url, settings.default_region) == (None, None, None)
    assert (loaded.root, loaded.folder) == (tmp_path, tmp_path / "config")
    assert loaded.templates == tmp_path / "templates"
    assert (loaded.policies, loaded.profiles) == (tmp_path / "config/policies", tmp_path / "config/profiles")


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        pytest.param("sqlite:///x.db", "sqlite:///{root}/x.db", id="relative"),
        pytest.param("sqlite:///data/x.db", "sqlite:///{root}/data/x.db", id="relative-folder"),
        pytest.param("sqlite+pysqlite:///x.db?timeout=5", "sqlite+pysqlite:///{root}/x.db?timeout=5", id="driver"),
        pytest.param("sqlite:////var/x.db", "sqlite:////var/x.db", id="absolute"),
        pytest.param("sqlite:///:memory:", "sqlite:///:memory:", id="memory"),
        pytest.param("sqlite:///file:x?mode=ro&uri=true", "sqlite:///file:x?mode=ro&uri=true", id="uri"),
        pytest.param("sqlite://", "sqlite://", id="memory-short"),
        pytest.param("postgresql+psycopg://u@h/d", "postgresql+psycopg://u@h/d", id="server"),
    ],
)
def test_a_relative_database_lies_in_the_deployment(
    settings_of: SettingsOf, tmp_path: Path, written: str, meant: str
) -> None:
    """The same deployment is the same data, whatever folder the program is started in."""
    assert settings_of(f"{LENDER}database: '{written}'\n").settings.database == meant.format(root=tmp_path)


def test_settings_take_values_from_the_environment(settings_of: SettingsOf) -> None:
    """Digits from the environment count as numbers: it has nothing but text."""
    text = LENDER + "database: ${DB}\ndispatch: {in_flight: '${N}', batch_size: '${B:-50}'}\n"

    settings = settings_of(text, {"DB": "postgresql://u:secret@h/d", "N": "64"}).settings

    assert settings.database == "postgresql://u:secret@h/d"
    assert (settings.dispatch.in_flight, settings.dispatch.batch_size) == (64, 50)


def test_a_text_of_the_lender_can_differ_by_language(settings_of: SettingsOf) -> None:
    """One text stands for every language; a mapping gives one each."""
    lender = settings_of("lender: {name: {zh-CN: 安和, en: Anhe}, hotline: '95555'}\n").settings.lender

    assert (lender.name, lender.hotline) == ({"zh-CN": "安和", "en": "Anhe"}, {"": "95555"})


def test_a_gateway_keeps_its_own_options(settings_of: SettingsOf) -> None:
    """Options belong to the gateway: here they are carried, there they are checked."""
    text = LENDER + (
        "gateways:\n  console:\n  twilio: {from: '+1501', price: {per_segment: '0.045', currency: CNY}}\n"
        "  second: {type: twilio, timeout_seconds: 3}\n"
    )

    gateways = settings_of(text).settings.gateways

    assert {name: gateway.type for name, gateway in gateways.items()} == {
        "console": "console", "twilio": "twilio", "second": "twilio",
    }  # fmt: skip
    assert [gateway.options for gateway in gateways.values()] == [{}, {"from": "+1501"}, {"timeout_seconds": 3}]
    price = gateways["twilio"].price
    assert price is not None
    assert (price.per_segment, price.currency) == (Decimal("0.045"), "CNY")


def test_a_gateway_may_have_a_rate(settings_of: SettingsOf) -> None:
    """How fast a gateway may be used is ours to keep, and none of its own options."""
    gateways = settings_of(
        LENDER + "gateways: {x: {rate_per_second: 0.5, burst: 3}, y: {rate_per_second: 10}, z: {}}\n"
    )
    rates = {name: (gate.rate_per_second, gate.burst) for name, gate in gateways.settings.gateways.items()}
    assert rates == {"x": (0.5, 3), "y": (10.0, None), "z": (None, None)}
    assert gateways.settings.gateways["x"].options == {}


@pytest.mark.parametrize(
    ("given", "word"),
    [
        pytest.param("rate_per_second: 0", "expected more than 0", id="none at all"),
        pytest.param("rate_per_second: fast", "number", id="a word"),
        pytest.param("{rate_per_second: 1, burst: 0}", "burst", id="no burst"),
        pytest.param("burst: 5", "bounds nothing without", id="a burst of nothing"),
    ],
)
def test_a_rate_that_bounds_nothing_is_refused(settings_complaints: Complaints, given: str, word: str) -> None:
    """A rate that says nothing is an error at its place, not a gateway without a bound."""
    section = given if given.startswith("{") else f"{{{given}}}"
    (complaint,) = settings_complaints(LENDER + f"gateways: {{x: {section}}}\n")
    assert word in complaint


def test_an_unquoted_price_is_exact_too(settings_of: SettingsOf) -> None:
    """No float comes near money: 0.1 is a tenth."""
    text = LENDER + "gateways: {x: {price: {per_segment: 0.1, currency: CNY}}}\n"

    price = settings_of(text).settings.gateways["x"].price

    assert price is not None
    assert str(price.per_segment) == "0.1"


def test_a_book_is_read_whole(settings_of: SettingsOf, tmp_path: Path) -> None:
    """The mapping onto the lender's own table, with everything that can be said about it."""
    text = (
        f"{LENDER}book:\n  url: sqlite:///loans.db\n  table: loan.v_unpaid\n  {COLUMNS}\n"
        "  attributes: [autopay, risk_band]\n  amount_unit: minor\n  closed: {column: state, values: [paid, 9]}\n"
        "  fresh: {column: loaded_at, max_age: 26h}\n"
    )

    book = settings_of(text).settings.book

    assert book is not None
    assert (book.url, book.table, book.query) == (f"sqlite:///{tmp_path}/loans.db", "loan.v_unpaid", None)
    assert book.columns.mapping() == {
        "account_id": "a", "customer_id": "c", "phone": "p", "due_date": "d", "amount_due": "m", "currency": "y",
    }  # fmt: skip
    assert (book.attributes, book.amount_unit) == (("autopay", "risk_band"), "minor")
    assert book.closed is not None
    assert (book.closed.column, book.closed.values) == ("state", ("paid", 9))
    assert book.fresh is not None
    assert (book.fresh.column, book.fresh.max_age) == ("loaded_at", timedelta(hours=26))


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        pytest.param("90s", timedelta(seconds=90), id="seconds"),
        pytest.param("30m", timedelta(minutes=30), id="minutes"),
        pytest.param("26 h", timedelta(hours=26), id="hours-with-a-space"),
        pytest.param("2d", timedelta(days=2), id="days"),
    ],
)
def test_a_duration_is_read_as_it_is_spelt(settings_of: SettingsOf, written: str, meant: timedelta) -> None:
    """A length of time always says its unit."""
    text = f"{LENDER}book: {{table: t, {COLUMNS}, fresh: {{column: x, max_age: {written}}}}}\n"
    book = settings_of(text).settings.book

    assert book is not None
    assert book.fresh is not None
    assert book.fresh.max_age == meant


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        pytest.param("databse: x", "2:1: unknown key `databse`; did you mean `database`?", id="unknown-key"),
        pytest.param(
            "database: reminder.db",
            "2:11: database: expected a database URL such as sqlite:///reminder.db, found 'reminder.db'",
            id="database-is-no-url",
        ),
        pytest.param(
            "database: postgresql://u:hunter2@h/d",
            "2:11: database: a secret must not stand in a file; put it into the environment and write ${DATABASE}",
            id="password-in-a-file",
        ),
        pytest.param(
            "database: ${DB}",
            "2:11: database: the environment has no variable `DB`; set it, or give a default: `${DB:-default}`",
            id="missing-variable-is-said-once",
        ),
        pytest.param(
            "default_region: cn",
            "2:17: default_region: expected two capital letters of a country, such as CN, found 'cn'",
            id="region",
        ),
        pytest.param(
            "languages: {default: chinese!}",
            "2:22: languages.default: expected a language tag such as en or zh-CN, found 'chinese!'",
            id="language",
        ),
        pytest.param(
            "public_url: http://example.com",
            "2:13: public_url: expected an https address such as https://reminders.example.com, "
            "found 'http://example.com'",
            id="callbacks-in-the-clear",
        ),
        pytest.param(
            "schedule: {plan_at: ['08:30', '8.30']}",
            "2:31: schedule.plan_at[1]: expected a time such as \"09:00\", found '8.30'; "
            "write hours and minutes of the 24-hour clock in quotes",
            id="time",
        ),
        pytest.param(
            "schedule: {plan_at: []}",
            "2:21: schedule.plan_at: expected at least 1 of them, found an empty list",
            id="never-planned",
        ),
        pytest.param(
            "schedule: {timezone: Peking}",
            "2:22: schedule.timezone: expected an IANA time zone such as Asia/Shanghai, found 'Peking'; "
            "look it up in the tz database",
            id="zone",
        ),
        pytest.param(
            "dispatch: {in_flight: 0}", "2:23: dispatch.in_flight: expected at least 1, found the number 0", id="bound"
        ),
        pytest.param(
            "dispatch: {in_flight: 9999}",
            "2:23: dispatch.in_flight: expected at most 1024, found the number 9999",
            id="upper-bound",
        ),
        pytest.param(
            "dispatch: {retry_base_seconds: 60, retry_max_seconds: 59}",
            "2:11: dispatch: `retry_max_seconds` is less than `retry_base_seconds`; raise the one or lower the other",
            id="waits-contradict",
        ),
        pytest.param(
            "logs: {format: jsn}", "2:16: logs.format: expected 'console' or 'json', found 'jsn'", id="format"
        ),
        pytest.param(
            "gateways: {x: 5}", "2:15: gateways.x: expected keys and values, found the number 5", id="gateway-shape"
        ),
        pytest.param(
            "gateways: {x: {type: No}}",
            "2:22: gateways.x.type: expected a name of small letters, digits and hyphens, beginning with a letter, "
            "found 'No'",
            id="gateway-type",
        ),
        pytest.param(
            "gateways: {x: {price: {per_segment: free, currency: CNY}}}",
            "2:37: gateways.x.price.per_segment: expected a price such as \"0.045\", found 'free'; "
            "write digits and one point",
            id="price",
        ),
        pytest.param(
            "gateways: {x: {price: {per_segment: 1, currency: CNX}}}",
            "2:50: gateways.x.price.currency: expected an ISO 4217 currency such as CNY, found 'CNX'; "
            "did you mean CNY?",
            id="currency",
        ),
        pytest.param(
            "gateways: {x: {auth_token: hunter2}}",
            "2:28: gateways.x.auth_token: a secret must not stand in a file; "
            "put it into the environment and write ${AUTH_TOKEN}",
            id="token-in-a-file",
        ),
        pytest.param(
            f"book: {{table: t, query: SELECT 1, {COLUMNS}}}",
            "2:7: book: expected either `table` or `query`; give one of them, not both",
            id="table-and-query",
        ),
        pytest.param(
            f"book: {{{COLUMNS}}}",
            "2:7: book: expected either `table` or `query`; give one of them, not both",
            id="neither-table-nor-query",
        ),
        pytest.param(
            f"book: {{table: t, attributes: [phone], {COLUMNS}}}",
            "2:7: book: attribute `phone` is a field of every book; map it under `columns` instead",
            id="attribute-hides-a-field",
        ),
        pytest.param(
            f"book: {{table: 't; DROP TABLE x', {COLUMNS}}}",
            "2:15: book.table: expected text of the form ^[^\\s;'\\\"]+$, found 't; DROP TABLE x'",
            id="table-is-a-name",
        ),
        pytest.param(
            f"book: {{table: t, fresh: {{column: x, max_age: 26}}, {COLUMNS}}}",
            "2:46: book.fresh.max_age: expected a duration such as 26h, found the number 26; "
            "write a number and s, m, h or d",
            id="duration-without-unit",
        ),
        pytest.param(
            f"book: {{table: t, fresh: {{column: x, max_age: 0h}}, {COLUMNS}}}",
            "2:46: book.fresh.max_age: expected a duration such as 26h, found '0h'; write a number and s, m, h or d",
            id="no-duration",
        ),
        pytest.param(
            f"book: {{table: t, {COLUMNS[:-1]}, prodcut: x}}}}",
            "2:110: unknown key `book.columns.prodcut`; did you mean `product`?",
            id="unknown-column",
        ),
    ],
)
def test_a_wrong_setting_is_named_at_its_place(settings_complaints: Complaints, line: str, expected: str) -> None:
    """Each error says where, what was expected, what was found and what to do; and only that one."""
    assert settings_complaints(f"{LENDER}{line}\n") == [expected]


def test_a_lender_without_a_name_is_refused(settings_complaints: Complaints) -> None:
    """A text must say who it comes from."""
    assert settings_complaints("lender: {hotline: 95555}\n") == [
        "1:9: `lender.name` is missing: Name the customer knows you by. Example: `name: Acme Credit`.",
        (
            '1:19: lender.hotline: expected text, or one text for each language such as {zh-CN: 某某, en: "Acme"}, '
            "found the number 95555; put numbers in quotes"
        ),
    ]


def test_a_value_from_the_environment_is_never_quoted(settings_complaints: Complaints) -> None:
    """Law 13: what a variable holds may be a secret, so a message shows the file's own words."""
    (problem,) = settings_complaints(f"{LENDER}database: ${{DB}}\n", {"DB": "hunter2"})

    assert problem == "2:11: database: expected a database URL such as sqlite:///reminder.db, found '${DB}'"


def test_settings_that_are_not_there_say_how_to_begin(tmp_path: Path) -> None:
    """A newcomer in an empty folder is told what to do."""
    with pytest.raises(ConfigError, match=r"reminder\.yaml: isn't there; `reminder init DIR` writes a deployment"):
        read_settings(tmp_path, {})


class _Options(BaseModel):
    """Options of a gateway, as a plug-in would write them."""

    model_config = ConfigDict(extra="forbid")

    sender: str
    timeout_seconds: float = 5


def test_the_options_of_a_gateway_are_placed_in_the_file_as_well(settings_of: SettingsOf) -> None:
    """A gateway checks its own options with its own model; its errors point into our file."""
    loaded = settings_of(f"{LENDER}gateways:\n  x: {{snder: a, timeout_seconds: soon}}\n")

    with pytest.raises(ValidationError) as caught:
        _Options.model_validate(loaded.settings.gateways["x"].options)
    problems = problems_of(caught.value, loaded.document, ("gateways", "x"), model=_Options)

    assert [f"{problem.line}:{problem.column}: {problem.message}" for problem in problems] == [
        "3:6: `gateways.x.sender` is missing; add it",
        "3:7: unknown key `gateways.x.snder`; did you mean `sender`?",
        "3:34: gateways.x.timeout_seconds: expected a number, found 'soon'",
    ]


def test_without_the_model_an_unknown_key_is_still_placed(settings_of: SettingsOf) -> None:
    """The nearest key needs the model, the place doesn't."""
    loaded = settings_of(f"{LENDER}gateways: {{x: {{snder: a}}}}\n")

    with pytest.raises(ValidationError) as caught:
        _Options.model_validate(loaded.settings.gateways["x"].options)
    messages = [problem.message for problem in problems_of(caught.value, loaded.document, ("gateways", "x"))]

    assert messages == ["`gateways.x.sender` is missing; add it", "unknown key `gateways.x.snder`"]


def test_marks_of_never_contact_are_read_with_their_meanings(settings_of: SettingsOf) -> None:
    """Each value of the lender's column means one thing; numbers and words alike."""
    marks = "never_contact: {column: s, values: {deceased: [D, 9], minor: [M]}}"
    book = settings_of(f"{LENDER}book: {{table: t, {COLUMNS}, {marks}}}\n").settings.book

    assert book is not None
    assert book.never_contact is not None
    assert (book.never_contact.column, book.never_contact.meanings()) == (
        "s", {"D": "deceased", "9": "deceased", "M": "minor"},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        pytest.param("{dead: [D]}", "expected 'deceased'", id="no such meaning"),
        pytest.param("{}", "values: expected at least 1", id="nothing"),
        pytest.param("{deceased: [D], minor: [D]}", "the value 'D' has two meanings", id="two meanings"),
        pytest.param("{deceased: []}", "`deceased` has no value", id="no value"),
    ],
)
def test_a_mark_that_means_nothing_is_told(settings_of: SettingsOf, values: str, expected: str) -> None:
    """Law 8: a slip here would let reminders go to the family of somebody who has died."""
    with pytest.raises(ConfigError) as caught:
        settings_of(f"{LENDER}book: {{table: t, {COLUMNS}, never_contact: {{column: s, values: {values}}}}}\n")
    assert expected in str(caught.value)
