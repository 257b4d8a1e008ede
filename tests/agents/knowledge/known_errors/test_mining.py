"""Log lines to templates."""

from __future__ import annotations

from agents.knowledge.known_errors.mining import masked, mine, template_of
from agents.knowledge.known_errors.templates import words_of


def test_what_varies_is_masked() -> None:
    line = "2026-03-10T14:05:01Z order 4711 of 10.0.0.7 took 31ms at /var/log/app.log: 'no currency'"
    assert masked(line) == "<*> order <*> of <*> took <*> at <*>: <*>"


def test_lines_of_one_form_are_one_template() -> None:
    lines = [
        f"order {number} failed: bank {bank} said no" for number, bank in ((1, "alpha"), (2, "beta"), (3, "gamma"))
    ]
    [found] = mine([*lines, ""])
    assert (" ".join(found.tokens), found.line) == ("order <*> failed: bank <*> said no", lines[0])


def test_lines_of_other_forms_are_kept_apart() -> None:
    lines = ["order 1 failed", "basket 1 expired", "order 2 failed", "the disk of db-1 is full today"]
    assert [one.line for one in mine(lines)] == [lines[0], lines[1], lines[3]]


def test_a_signature_that_is_a_log_line_matches_others_of_its_form() -> None:
    signature = template_of("Acquirer 'nordpay' did not answer within 3000 ms")
    assert signature.quoted_in(words_of("WARN Acquirer 'sudpay' did not answer within 2950 ms")) == 1.0


def test_a_word_without_end_is_no_address_and_is_passed_over() -> None:
    assert masked(f"{'x' * 300_000} of jo.e@shop.example") == f"{'x' * 300_000} of <*>"
