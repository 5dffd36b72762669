import pickle

from lighter.errors import LighterError, StepOutputError, nearest_names


def test_a_message_has_its_parts_on_lines_in_a_fixed_order():
    error = LighterError("`a` is wrong", fix="write\nb", nearest=["b", "c"], expected="b or c", where="Network.forward")
    assert str(error).splitlines() == [
        "`a` is wrong",
        "  where      Network.forward",
        "  expected   b or c",
        "  nearest    b, c",
        "  to fix     write",
        "             b",
    ]


def test_parts_that_say_nothing_are_left_out():
    assert str(LighterError("`a` is wrong")) == "`a` is wrong"


def test_error_keeps_its_parts_between_processes():
    error = pickle.loads(pickle.dumps(StepOutputError("`a` is wrong", nearest=("b",), fix="write b")))
    assert type(error) is StepOutputError
    assert (error.what, error.nearest, error.fix) == ("`a` is wrong", ("b",), "write b")


def test_nearest_names_ignore_case_and_omit_distant_ones():
    assert nearest_names("network.FC", ["network.fc", "encoder.stem"]) == ("network.fc",)
    assert nearest_names("zzz", ["network.fc"]) == ()
