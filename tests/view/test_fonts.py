import pytest

from palikit.errors import UsageError
from palikit.view import fonts


def shown(text):
    return fonts.writable(text, fonts.font_for(text, 16))


def test_plain_letters_need_no_font_of_the_system():
    assert fonts.font_for("cat 0.94", 16) is fonts.font_for("dog", 16)
    assert shown("cat 0.94") == "cat 0.94"


def test_line_breaks_and_control_letters_become_spaces():
    assert shown("a\nb\tc\x00d\u2028e") == "a b c d e"


def test_without_system_fonts_accents_are_dropped_and_other_letters_become_code_points(monkeypatch):
    monkeypatch.setattr(fonts, "COMMON", ())
    assert shown("se\u00f1or") == "senor"
    assert shown("\u732b!") == "U+732B!"


def test_a_font_of_the_system_writes_what_our_own_lacks():
    try:
        fonts._named("DejaVuSans.ttf", 16)
    except UsageError:
        pytest.skip("the font DejaVuSans.ttf is not on this system")
    assert shown("Größe Жираф") == "Größe Жираф"


def test_a_font_file_that_does_not_open_is_named(tmp_path):
    path = tmp_path / "none.ttf"
    with pytest.raises(UsageError, match=r"none\.ttf"):
        fonts.font_for("cat", 16, path)
