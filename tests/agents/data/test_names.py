"""The nearest name by spelling and by meaning."""

import pytest

from agents.data.names import likeness, name_tokens, nearest_name

COLUMNS = ["TimeGenerated", "UserPrincipalName", "UserId", "UserDisplayName", "IPAddress", "ResultType", "DeviceDetail"]


@pytest.mark.parametrize(
    ("wanted", "nearest"),
    [
        ("UserName", "UserPrincipalName"),
        ("user_name", "UserPrincipalName"),
        ("UserPrincpalName", "UserPrincipalName"),
        ("DisplayName", "UserDisplayName"),
        ("ResultTyp", "ResultType"),
        ("Timestamp", "TimeGenerated"),
        ("IpAdress", "IPAddress"),
        ("SourceIP", "IPAddress"),
        ("userid", "UserId"),
    ],
)
def test_a_name_gets_its_nearest_by_spelling_or_meaning(wanted: str, nearest: str) -> None:
    assert nearest_name(wanted, COLUMNS) == nearest


def test_a_name_far_from_all_gets_no_suggestion() -> None:
    assert nearest_name("Temperature", COLUMNS) is None
    assert nearest_name("x", []) is None


def test_names_split_into_words_in_every_convention() -> None:
    assert name_tokens("UserPrincipalName") == ["user", "principal", "name"]
    assert name_tokens("user_principal_name") == ["user", "principal", "name"]
    assert name_tokens("IPAddress2") == ["ip", "address", "2"]


def test_only_the_same_name_is_wholly_alike() -> None:
    assert likeness("userid", "UserId") == 1.0
    assert likeness("UserIds", "UserId") < 1.0
