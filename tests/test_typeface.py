from hypothesis import given
from hypothesis import strategies as st

from webmap import typeface
from webmap.typeface import BOLD, MISSING, REGULAR, face, lacking, printable


def test_a_chinese_character_is_as_wide_as_it_is_high():
    assert face(REGULAR).width("示例区老旧小区", 10) == 70
    assert face(BOLD).width("，。（）〓", 2) == 10


def test_numerals_are_of_one_width():
    for path in (REGULAR, BOLD):
        assert len({face(path).width(numeral) for numeral in "0123456789"}) == 1


def test_both_weights_hold_the_same_characters():
    assert face(REGULAR).advances.keys() == face(BOLD).advances.keys()


def test_rare_characters_of_the_standard_list_are_held():
    # 㙍 and 𬭁 are of the list of 8,105 that names of places and people may be written in.
    assert lacking(["㙍", "𬭁", "䶮", "𬙊"]) == ()


def test_what_cannot_be_shown_is_told_once_in_order():
    assert lacking(["a\u202eb\ue000", "😀\ue000", "无"]) == ("\u202e", "\ue000", "😀")


def test_a_text_is_printed_on_one_line():
    assert printable("一\n二\t 三\u2028四\u00a0五 ") == "一 二 三 四 五"


def test_the_form_of_a_character_is_not_told_apart():
    assert printable("葛\U000e0100飾\ufe00") == "葛飾"


@given(st.text())
def test_what_is_printed_can_be_shown(text):
    shown = printable(text)
    assert lacking([shown]) == ()
    assert printable(shown) == shown
    assert shown.count(MISSING) >= len(lacking([text])) - (MISSING in lacking([text]))
    assert typeface.face().width(shown) >= 0
