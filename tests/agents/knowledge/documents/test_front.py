"""Front matter that can't be read keeps everybody out, and says so."""

from __future__ import annotations

import pytest

from agents.knowledge.documents import read_document
from agents.knowledge.documents.document import MAX_TITLE

HIDDEN = ["unreadable-label"]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("---\nlabels: [a, b\n---\nClean up.\n", "its front matter is not YAML"),
        ("---\nlabels:\n\t- a\n---\nClean up.\n", "its front matter is not YAML"),
        ("---\ntitle: a: b: c\nlabels: [a]\n---\nClean up.\n", "its front matter is not YAML"),
        ("---\ndate: 2026-02-30\nlabels: [a]\n---\nClean up.\n", "its front matter is not YAML"),
        ("---\nlabels: 42\n---\nClean up.\n", "a label in its front matter can't be read"),
        ("---\nlabels: {team-a: true}\n---\nClean up.\n", "a label in its front matter can't be read"),
        ("---\naccess: true\n---\nClean up.\n", "a label in its front matter can't be read"),
        ("---\naccess: 2026-11-21\n---\nClean up.\n", "a label in its front matter can't be read"),
        ("---\nlabels: [[a], 3]\n---\nClean up.\n", "a label in its front matter can't be read"),
        (f"---\nx: {'y' * 20_000}\nlabels: [a]\n---\nClean up.\n", "its front matter has more than 20,000 characters"),
        ("---\nlabels: [a]\n\nClean up.\n", "its front matter does not end"),
        ("---\n- labels: [a]\n---\nClean up.\n", "its front matter has no names"),
    ],
)
def test_what_can_not_be_read_keeps_everybody_out_and_is_said(text: str, fault: str) -> None:
    document = read_document("x.md", text.encode())
    assert document.labels == HIDDEN
    assert document.notes == [f"{fault}: found only with the label unreadable-label"]


@pytest.mark.parametrize(
    "text",
    [
        "---\nLabels: [team-a]\n---\nClean up.\n",
        "\n\n---\nlabels: [team-a]\n---\nClean up.\n",
        "---\rACCESS: team-a\r---\rClean up.\r",
        "---\nlabels:\n  - team-a\nlabels : \n  - team-a\n---\nClean up.\n",
    ],
)
def test_labels_are_read_however_they_are_written(text: str) -> None:
    document = read_document("x.md", text.encode())
    assert (document.labels, document.notes) == (["team-a"], [])


@pytest.mark.parametrize("text", ["---\n\nClean up.\n", "---\nlabels:\n---\nClean up.\n", "---\n---\nClean up.\n"])
def test_what_says_nothing_of_who_may_find_it_is_for_everybody(text: str) -> None:
    document = read_document("x.md", text.encode())
    assert (document.labels, document.notes) == ([], [])


@pytest.mark.parametrize(
    ("given", "title"), [(r"a\ud800b", "a?b"), (r"a\0b", "a b"), (r"a\u202eb\nc", "ab c"), (r"\0", "Up")]
)
def test_a_title_is_clean_text_on_one_line(given: str, title: str) -> None:
    assert read_document("Up.md", f'---\ntitle: "{given}"\n---\nClean up.\n'.encode()).title == title


def test_a_long_title_is_cut_at_a_word() -> None:
    title = read_document("x.md", f"# {'glorpulator restarts ' * 120}\n\nClean up.\n".encode()).title
    assert title.endswith((" glorpulator…", " restarts…"))
    assert len(title) <= MAX_TITLE


def test_what_else_front_matter_says_is_text_of_the_document() -> None:
    front = (
        "alert: QueueStuck\nServices: [zorg-api, zorg-db]\ntitle: Queue\nlabels: [a]\naccess: b\nowner:\n  team: x\n"
    )
    rest = "since: 2026-03-10\nseen: 3\nempty:\nnote: |\n  a\n  b\nlinks: [c, {d: e}]\n"
    document = read_document("x.md", f"---\n{front}{rest}---\n# Queue\n\nRestart it.\n".encode())
    assert document.title == "Queue"
    assert [(block.kind, block.text) for block in document.blocks] == [
        ("front", "alert: QueueStuck\nservices: zorg-api, zorg-db\nsince: 2026-03-10\nseen: 3\nnote: a b\nlinks: c"),
        ("heading", "Queue"),
        ("text", "Restart it."),
    ]


def test_what_has_no_shape_in_front_matter_is_left_out_and_said() -> None:
    document = read_document("x.md", b'---\nalert: "Queue\\u202eStuck"\n---\nClean up.\n')
    assert document.blocks[0].text == "alert: QueueStuck"
    assert document.notes
