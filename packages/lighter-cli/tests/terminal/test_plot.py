"""Curves drawn as text."""

import math

from lighter_cli.terminal.output import cell_text
from lighter_cli.terminal.plot import COLOURS, Curve, plot_lines


def drawn(*curves: Curve, width: int = 20, height: int = 4, is_braille: bool = False) -> list[str]:
    lines = plot_lines(curves, width=width, height=height, is_braille=is_braille)
    return ["".join(map(cell_text, line)) for line in lines]


def test_letters_draw_curves_from_the_largest_value_to_the_smallest() -> None:
    assert drawn(Curve("up", [(0, 1.0), (3, 4.0)]), Curve("down", [(0, 4.0), (3, 1.0)])) == [
        "4 |BBB           AAA",
        "  |   BBBBB AAAAA",
        "  |   AAAAABBBBBB",
        "1 |AAA           BBB",
        "   0     epoch     3",
        "A up   B down",
    ]


def test_braille_has_eight_dots_in_a_character() -> None:
    assert drawn(Curve("a", [(0, 1.0), (1, 0.0)]), width=11, height=2, is_braille=True) == [
        "1 │⠉⠒⠤⣀",
        "0 │    ⠉⠒⠤⣀",
        "   0      1",
        "━━ a",
    ]


def test_no_line_is_wider_than_asked() -> None:
    curves = [Curve(f"run {number}", [(0, 0.001), (7, 1000.0 * number)]) for number in range(1, 9)]
    for is_braille in (False, True):
        for width in (24, 80, 200):
            assert max(map(len, drawn(*curves, width=width, height=10, is_braille=is_braille))) <= width


def test_nan_breaks_a_line_and_a_missing_epoch_does_not() -> None:
    missing = drawn(Curve("a", [(0, 1.0), (1, 1.0), (3, 1.0), (4, 1.0)]), width=13, height=1)
    assert missing[0] == "1 |" + "A" * 10
    broken = drawn(Curve("a", [(0, 1.0), (1, 1.0), (2, math.nan), (3, 1.0), (4, math.inf)]), width=13, height=1)
    assert broken[0] == "1 |AAAA     A"
    assert broken[-1] == "A a (nan at epoch 2 and 1 more)"


def test_values_over_two_decades_are_logarithmic() -> None:
    exploding = Curve("a", [(0, 0.01), (1, 1.0), (2, 100.0)])
    *lines, axis, _ = drawn(exploding, width=40, height=5)
    assert "logarithmic" in axis
    assert lines[2].index("A") < 20 < lines[2].rindex("A")  # the middle of the scale at the middle of the epochs
    assert "logarithmic" not in drawn(Curve("a", [(0, 0.0), (1, 100.0)]), width=40)[-2]


def test_runs_of_other_lengths_share_the_axis() -> None:
    lines = drawn(Curve("long", [(0, 0.0), (9, 0.0)]), Curve("short", [(0, 1.0), (3, 1.0)]), Curve("none", []))
    assert lines[0].count("B") == 6
    assert lines[3].count("A") == 17
    assert lines[-1] == "C none (no epoch)"


def test_one_epoch_draws_nothing_and_a_flat_curve_is_in_the_middle() -> None:
    assert drawn(Curve("a", [(3, 1.0)])) == ["A a"]
    assert drawn(Curve("a", [(0, math.nan), (1, 2.0)])) == ["A a (nan at epoch 0)"]
    assert drawn(Curve("a", [(0, 5.0), (1, 5.0)]), width=11, height=3) == [
        "  |", "5 |AAAAAAAA", "  |", "   0      1", "A a",
    ]  # fmt: skip


def test_numbers_at_the_ends_of_what_a_float_holds_are_drawn() -> None:
    for values in ((-1.7e308, 1.7e308), (0.0, 5e-324), (5e-324, 1.7e308)):
        assert any("A" in line for line in drawn(Curve("a", list(enumerate(values))), width=60)[:4])


def test_epochs_at_the_end_of_what_a_record_holds_are_drawn() -> None:
    assert "A" in drawn(Curve("a", [(0, 0.0), (2**63 - 1, 1.0)]), width=60)[0]


def test_a_label_stays_on_its_line() -> None:
    assert drawn(Curve("a\n\x1b[31mb", [])) == ["A a\\n\\x1b[31mb (no epoch)"]


def test_more_curves_than_colours_are_letters() -> None:
    curves = [Curve(str(number), [(0, 0.0), (1, float(number))]) for number in range(len(COLOURS) + 1)]
    assert all(line.isascii() for line in drawn(*curves, is_braille=True))
