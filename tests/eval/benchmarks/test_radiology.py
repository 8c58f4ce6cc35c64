import copy

import pytest
from helpers.official import LAYOUTS, lay
from hypothesis import given
from hypothesis import strategies as st

from palikit.errors import DataError
from palikit.eval.benchmarks import BENCHMARKS
from palikit.eval.benchmarks.radiology import read_sections


def read(root, split=None):
    return BENCHMARKS["mimic_cxr"].read(lay(root, LAYOUTS["mimic_cxr"]), split=split)


def test_a_study_is_asked_by_its_indication_beside_its_first_frontal_picture(tmp_path):
    item, _ = read(tmp_path)
    assert item.id == "50414267"
    assert item.prefix == "INDICATION: ___ year old woman with cough // pneumonia?"
    assert item.references == (
        "FINDINGS: The lungs are clear. Heart size: normal. There is no pleural effusion. "
        "IMPRESSION: No acute process.",
    )
    assert item.pictures[0].path == tmp_path / "files/p10/p10000032/s50414267/bbbb-front.jpg"
    assert item.group == "PA"
    assert item.extra == {"subject_id": "10000032", "dicom_id": "bbbb-front"}


def test_a_study_without_a_frontal_picture_shows_what_it_has(tmp_path):
    _, item = read(tmp_path)
    assert item.pictures[0].path.name == "dddd-bed.jpg"
    assert item.group == ""
    assert item.prefix == "INDICATION: Fall."
    assert item.references == (
        "IMPRESSION: AP chest compared to ___: Small left pleural effusion.",
    )


def test_reports_may_lie_in_the_folder_of_their_archive(tmp_path):
    (item,) = read(tmp_path, "train")
    assert item.references[0].endswith("IMPRESSION: No acute process.")


def test_a_report_that_tells_nothing_is_no_reference(tmp_path):
    (item,) = read(tmp_path, "validate")
    assert (item.prefix, item.references, item.group) == ("INDICATION:", (), "LL")


def test_a_missing_report_is_an_error_that_names_it(tmp_path):
    layout = copy.deepcopy(LAYOUTS["mimic_cxr"])
    del layout["files/p10/p10000032/s53189527.txt"]
    with pytest.raises(DataError, match=r"p10000032/s53189527\.txt cannot be read"):
        BENCHMARKS["mimic_cxr"].read(lay(tmp_path, layout))


SECTIONS = {
    "FINDINGS AND IMPRESSION: Clear.": {"findings": "Clear."},
    "INDICATIONS: a\n  b\nCOMPARISON: c\nCONCLUSION: d": {"indication": "a b", "impression": "d"},
    "IMPRESSION: a\n IMPRESSION:\n \n": {"impression": "a"},
    "Findings: clear": {},
    "FINDINGS: see IMPRESSION: no heading here": {"findings": "see IMPRESSION: no heading here"},
    "REASON  FOR EXAM: a": {"indication": "a"},
    "": {},
}


@pytest.mark.parametrize("text", SECTIONS)
def test_sections_are_told_by_headings_in_capitals_at_the_start_of_a_line(text):
    assert read_sections(text) == SECTIONS[text]


@given(st.text(alphabet="AB FINDGS:\n.a", max_size=80))
def test_any_text_has_sections_of_its_own_words(text):
    for words in read_sections(text).values():
        assert words == " ".join(words.split())
        assert words in " ".join(text.split())
