"""The files of keywords: sound, of one mind with each other, and never missing when a STOP comes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from reminder.config.keywords import MEANINGS, KeywordsModel, load_keywords, read_keywords
from reminder.config.schema import keywords_schema
from reminder.domain.receipt import Meaning
from reminder.errors import ConfigError
from reminder.message.keywords import Keywords, KeywordSet, Phrases

MINE = 'language: en\nsource: the house\nstop: {words: [enough]}\nconfirmation: "{lender}: fine."\n'
LEGAL = ("stop", "quit", "end", "revoke", "opt out", "cancel", "unsubscribe")
"""47 CFR 64.1200(a)(10): each of these revokes consent by itself."""


@pytest.fixture(scope="module")
def shipped(repository: Path) -> tuple[KeywordsModel, ...]:
    """Return the words that come with the program."""
    return load_keywords(repository / "config" / "keywords").models


def test_the_shipped_files_have_no_problem(repository: Path) -> None:
    """Each file is read as it is, under the name of its language, and names its source."""
    folder = repository / "config" / "keywords"
    models = load_keywords(folder).models

    assert load_keywords(folder).problems == ()
    assert {path.stem for path in folder.glob("*.yaml")} == {model.language for model in models}
    assert {"en", "zh-CN", "es", "fr"} <= {model.language for model in models}
    assert all(model.source and model.stop.words and model.start.words for model in models)


def test_every_word_that_the_law_names_is_a_stop(shipped: tuple[KeywordsModel, ...]) -> None:
    """The words that revoke consent by law are all there."""
    (english,) = [model for model in shipped if model.language == "en"]
    assert set(LEGAL) <= set(english.stop.words)


def test_no_word_has_two_meanings(shipped: tuple[KeywordsModel, ...]) -> None:
    """All languages are read at once: what stops in one must not start in another."""
    meanings: dict[str, set[str]] = {}
    for model in shipped:
        for name in MEANINGS:
            for word in getattr(model, name).words:
                meanings.setdefault(word.casefold(), set()).add(name)

    assert {word: found for word, found in meanings.items() if len(found) > 1} == {}


def test_a_confirmation_says_nothing_but_that(shipped: tuple[KeywordsModel, ...]) -> None:
    """One confirmation, without marketing: it says who we are and has no link, no amount and no number to call."""
    for model in shipped:
        assert "{lender}" in model.confirmation
        assert not any(character.isdigit() for character in model.confirmation)
        assert "http" not in model.confirmation
        assert len(model.confirmation) <= 160


def test_a_deployments_own_words_replace_those_of_the_program(write: Callable[..., Path]) -> None:
    """A file of the deployment stands for its language; languages that it has no file for are the program's."""
    loaded = load_keywords(write(MINE, "keywords/mine.yaml").parent)
    by_language = {model.language: model for model in loaded.models}

    assert by_language["en"].stop.words == ("enough",)
    assert "退订" in by_language["zh-CN"].stop.words
    assert len(loaded.models) == len(by_language)


def test_a_deployment_without_keywords_has_the_programs(tmp_path: Path, shipped: tuple[KeywordsModel, ...]) -> None:
    """A deployment from before there were keywords hears a STOP as well."""
    assert load_keywords(tmp_path / "keywords").models == shipped


def test_a_broken_file_makes_nobody_deaf(write: Callable[..., Path], shipped: tuple[KeywordsModel, ...]) -> None:
    """Laws 8 and 9: a slip in a file is told with its place, and the program's own words are in force meanwhile."""
    loaded = load_keywords(write(MINE.replace("words", "wrods"), "keywords/en.yaml").parent)

    assert loaded.models == shipped
    assert [(problem.line, problem.column) for problem in loaded.problems] == [(3, 8)]
    assert "did you mean `words`?" in loaded.problems[0].message


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        pytest.param("source: the house\n", "", "source", id="no-source"),
        pytest.param("[enough]", "enough", "stop.words", id="not-a-list"),
        pytest.param("[enough]", "['']", "stop.words[0]", id="empty-word"),
        pytest.param("language: en", "language: English!", "language", id="no-language"),
        pytest.param('"{lender}: fine."', "''", "confirmation", id="empty-confirmation"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(write: Callable[..., Path], old: str, new: str, complaint: str) -> None:
    """Errors teach: which key, and where."""
    path = write(MINE.replace(old, new))
    with pytest.raises(ConfigError) as caught:
        read_keywords(path)

    assert complaint in str(caught.value)


def test_every_field_of_the_schema_is_explained() -> None:
    """A file can be written from its schema alone."""
    schema = keywords_schema()
    fields = [field for model in (schema, *schema["$defs"].values()) for field in model["properties"].values()]

    assert len(fields) == 15
    assert all(field.get("description") and field.get("examples") for field in fields)


def test_every_file_names_its_schema(repository: Path) -> None:
    """An editor checks while one types."""
    for path in (repository / "config" / "keywords").glob("*.yaml"):
        first = path.read_text(encoding="utf-8").splitlines()[0]
        assert first == "# yaml-language-server: $schema=../schema/keywords.schema.json"


LISTED_STOPS = [
    *("stop", "quit", "end", "revoke", "opt out", "cancel", "unsubscribe"),  # 47 CFR 64.1200(a)(10)
    *("STOP", "UNSUBSCRIBE", "END", "QUIT", "STOPALL", "REVOKE", "OPTOUT", "CANCEL"),  # Twilio's Advanced Opt-Out
    *("ARRET", "CANCEL", "END", "OPT-OUT", "OPTOUT", "QUIT", "REMOVE", "STOP", "TD", "UNSUBSCRIBE"),  # AWS
    *("T", "TD", "R", "退订", "回T退订"),  # what mainland platforms print below texts
]
SAID_OTHERWISE = [
    "I withdraw my consent", "I no longer wish to receive these", "please don't text this number",
    "take me off your list",
    "ich widerrufe meine Einwilligung", "retiro mi consentimiento", "je retire mon consentement",
    "saya tarik persetujuan", "retiro meu consentimento", "我撤回同意", "请勿再发",
]  # fmt: skip


@pytest.mark.parametrize("text", sorted({*LISTED_STOPS, *SAID_OTHERWISE}))
def test_every_word_that_revokes_is_a_stop(shipped: tuple[KeywordsModel, ...], text: str) -> None:
    """The words that laws and carriers list, and other ways in which a reasonable person would say it."""
    sets = tuple(
        KeywordSet(model.language, {Meaning.STOP: Phrases(model.stop.words, model.stop.phrases)}, model.confirmation)
        for model in shipped
    )
    assert Keywords(sets).understand(text).meaning is Meaning.STOP


def test_every_language_knows_who_must_never_be_contacted(shipped: tuple[KeywordsModel, ...]) -> None:
    """A death is told in the language of the family."""
    for model in shipped:
        for meaning in ("deceased", "represented", "insolvent", "fraud_victim"):
            assert getattr(model, meaning).phrases, (model.language, meaning)
