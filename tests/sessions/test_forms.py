"""Short lists, typed as text."""

from sessions.forms import CodesField, LinesField


def test_lines_become_a_list_without_the_empty_ones() -> None:
    assert LinesField().clean(" Wise mind \n\nSTOP, TIP\n") == ["Wise mind", "STOP, TIP"]


def test_a_list_is_shown_a_line_each_and_has_not_changed() -> None:
    field = LinesField()
    assert field.prepare_value(["Wise mind", "STOP"]) == "Wise mind\nSTOP"
    assert not field.has_changed(["Wise mind", "STOP"], "Wise mind\r\nSTOP\r\n")
    assert field.has_changed(["Wise mind"], "Wise mind\nSTOP")


def test_codes_may_be_parted_by_commas_or_spaces_in_any_case() -> None:
    assert CodesField().clean("ca, NY  tx,2026-11-24") == ["CA", "NY", "TX", "2026-11-24"]
    assert CodesField().prepare_value(["CA", "NY"]) == "CA, NY"
