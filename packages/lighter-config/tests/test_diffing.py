from lighter_config import diff, load


def differences(first, second):
    return {item.path: (item.kind.value, item.before, item.after) for item in diff(first, second)}


def test_difference_has_the_place_of_both_sides(load_texts):
    first = load_texts("a: {lr: 1, x: [1, 2]}\nb: 1\n")
    second = load_texts("a: {lr: 1, x: [1, 2]}\nb: 1\n", words=("a::lr=2", "a::x+=3", "~b", "=c=5"))
    assert differences(first, second) == {
        "a::lr": ("changed", 1, 2),
        "a::x::2": ("added", None, 3),
        "b": ("removed", 1, None),
        "c": ("added", None, 5),
    }
    (changed, *_) = diff(first, second)
    assert (str(changed.before_place), str(changed.after_place)) == ("a.yaml:1:9", "command line, word 2")


def test_equal_configs_have_no_difference(load_texts):
    text = "a: .nan\nb: {c: [1, '%a']}\n"
    assert diff(load_texts(text), load_texts(text)) == []


def test_type_of_a_value_counts():
    assert differences(load({"a": 1, "b": 1}), load({"a": True, "b": "1"})).keys() == {"a", "b"}


def test_copy_is_not_listed_again_but_its_own_change_is():
    first = load({"t": {"x": 1, "y": 1}, "v": "%t"})
    assert differences(first, load({"t": {"x": 2, "y": 1}, "v": "%t"})) == {"t::x": ("changed", 1, 2)}
    assert differences(first, load([{"t": {"x": 1, "y": 1}, "v": "%t"}, "v::y=5"])) == {"v::y": ("changed", 1, 5)}
