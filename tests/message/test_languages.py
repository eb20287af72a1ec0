"""Which language a customer's text is written in."""

from __future__ import annotations

import pytest

from reminder.message.languages import nearest, normal, parents, primary


@pytest.mark.parametrize("tag", ["zh-Hant-TW", "zh_Hant_TW", "ZH-hant-tw", " zh_hant-TW "])
def test_every_spelling_of_a_tag_is_the_same_tag(tag: str) -> None:
    """Promise: books may write `zh_CN`, `zh-CN` or `ZH-cn`; capitals and the separator don't matter."""
    assert normal(tag) == "zh-hant-tw"


def test_parents_go_from_the_tag_to_its_language() -> None:
    """Promise: the fallback chain is zh-Hant-TW → zh-Hant → zh."""
    assert parents("zh_Hant_TW") == ("zh-hant-tw", "zh-hant", "zh")


@pytest.mark.parametrize("tag", ["", "-", " ", "__"])
def test_a_tag_of_nothing_has_no_parents(tag: str) -> None:
    """Law 8: a garbled language is no language, and the default is used."""
    assert parents(tag) == ()


def test_primary_is_the_language_alone() -> None:
    """Promise: `pt-BR` and `pt_PT` are the same language."""
    assert primary("pt-BR") == primary("pt_PT") == "pt"


@pytest.mark.parametrize(
    ("wanted", "available", "otherwise", "expected"),
    [
        pytest.param("zh-CN", {"zh-CN", "en"}, (), "zh-CN", id="exact"),
        pytest.param("ZH_cn", {"zh-CN", "en"}, (), "zh-CN", id="other-spelling"),
        pytest.param("zh-Hant-TW", {"zh-Hant", "zh", "en"}, (), "zh-Hant", id="nearest-parent"),
        pytest.param("zh-Hant-TW", {"zh", "en"}, (), "zh", id="further-parent"),
        pytest.param("zh", {"zh-CN", "en"}, ("en",), "zh-CN", id="region-for-language"),
        pytest.param("zh-TW", {"zh-CN", "en"}, ("en",), "zh-CN", id="other-region-before-default"),
        pytest.param("pt", {"pt-PT", "pt-BR"}, (), "pt-BR", id="regions-in-alphabetical-order"),
        pytest.param("fr", {"zh-CN", "en"}, ("en", "zh-CN"), "en", id="default"),
        pytest.param("fr", {"zh-CN"}, ("en", "zh"), "zh-CN", id="fallback-after-default"),
        pytest.param(None, {"zh-CN", "en"}, ("zh-CN",), "zh-CN", id="no-language-known"),
        pytest.param("", {"zh-CN", "en"}, ("zh-CN",), "zh-CN", id="empty"),
        pytest.param("xx", {"en"}, ("zh",), None, id="nobody-has-it"),
        pytest.param("en", set(), ("zh",), None, id="nothing-there"),
        pytest.param("zhx", {"zh"}, (), None, id="prefix-of-letters-is-no-parent"),
    ],
)
def test_the_nearest_language_is_taken(
    wanted: str | None, available: set[str], otherwise: tuple[str, ...], expected: str | None
) -> None:
    """Promise: own tag, its parents, another region of the language, the default, then each fallback."""
    assert nearest(wanted, frozenset(available), otherwise) == expected


def test_the_answer_is_spelled_as_the_folder_is() -> None:
    """Promise: what is returned names a folder that exists, whatever its capitals."""
    assert nearest("zh-cn", frozenset({"ZH_CN"})) == "ZH_CN"
