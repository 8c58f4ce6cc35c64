"""Reports of chest X-rays: MIMIC-CXR.

File names and columns as in MIMIC-CXR-JPG 2.1.0 and MIMIC-CXR 2.1.0 on physionet.org. What is asked
follows section 4.8 and appendix B.7 of the PaliGemma 2 report: the indication is the prompt, the
findings and the impression are the answer.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from .files import Row, checked, choose, csv_rows, first, picture, read_text
from .values import Benchmark, Item

__all__ = ["BENCHMARKS", "read_sections"]

FRONTAL = ("PA", "AP")

HEADING = re.compile(r"^[ \t]*([A-Z][A-Z ,/()-]*):", re.MULTILINE)
"""What opens a section: capitals and a colon, first on their line."""

SECTIONS = {
    **dict.fromkeys(("INDICATION", "INDICATIONS", "CLINICAL INDICATION"), "indication"),
    **dict.fromkeys(("HISTORY", "CLINICAL HISTORY", "CLINICAL INFORMATION"), "indication"),
    **dict.fromkeys(("REASON FOR EXAM", "REASON FOR EXAMINATION"), "indication"),
    **dict.fromkeys(("FINDINGS", "FINDING", "FINDINGS AND IMPRESSION"), "findings"),
    **dict.fromkeys(("IMPRESSION", "IMPRESSIONS", "CONCLUSION"), "impression"),
}
"""The headings by which radiologists call three sections; all others are left out."""


def read_sections(text: str) -> dict[str, str]:
    """Three sections of a report, those that say something, each on one line.

        "FINAL REPORT\\n INDICATION:  Cough.\\n\\n IMPRESSION:\\n No acute\\n process."
        {"indication": "Cough.", "impression": "No acute process."}

    Of two with one name the later counts: a preliminary reading stands before the final one.
    """
    headings = list(HEADING.finditer(text))
    ends = [*(heading.start() for heading in headings), len(text)][1:]
    found: dict[str, str] = {}
    for heading, end in zip(headings, ends, strict=True):
        section = SECTIONS.get(" ".join(heading[1].split()))
        if section and (words := " ".join(text[heading.end() : end].split())):
            found[section] = words
    return found


def read_mimic_cxr(root: Path, *, split: str | None = None) -> list[Item]:
    """MIMIC-CXR: one item a study, called as it; the group is the view.

        mimic-cxr-2.0.0-split.csv      dicom_id,study_id,subject_id,split: train, validate, test
        mimic-cxr-2.0.0-metadata.csv   dicom_id,...,ViewPosition,...: PA, AP, LATERAL, ...
        files/p10/p10000032/s50414267/02aa804e-bde0afdd-112c0b34-7bc16630-4e384014.jpg
        files/p10/p10000032/s50414267.txt      its report; or below mimic-cxr-reports/

    The report does not say which picture of a study is shown: here its first frontal one, or its
    first where there is none. Nor how it spells what Figure 11 shows: here as MIMIC-CXR's own texts
    do. A report that has neither findings nor impression is no reference.
    """
    chosen = choose(split, "test", ("train", "validate", "test"))
    path = root / "mimic-cxr-2.0.0-split.csv"
    columns = ("dicom_id", "study_id", "subject_id", "split")
    rows = csv_rows(path, *columns, only=("split", {chosen}))
    views = _views(root, {row.text("dicom_id") for row in rows})
    studies: dict[str, Row] = {}
    for row in rows:
        seen = studies.setdefault(row.label("study_id"), row)
        if _view(seen, views) not in FRONTAL and _view(row, views) in FRONTAL:
            studies[row.label("study_id")] = row
    return checked(_studies(studies, views, root), path)


def _views(root: Path, pictures: set[str]) -> dict[str, str]:
    """The view of each of these pictures, "" where it is not told."""
    path = root / "mimic-cxr-2.0.0-metadata.csv"
    rows = csv_rows(path, "dicom_id", "ViewPosition", only=("dicom_id", pictures))
    return {row.text("dicom_id"): row.text("ViewPosition") for row in rows}


def _view(row: Row, views: Mapping[str, str]) -> str:
    return views.get(row.text("dicom_id"), "")


def _studies(studies: Mapping[str, Row], views: Mapping[str, str], root: Path) -> Iterator[Item]:
    for study, row in studies.items():
        subject = row.label("subject_id")
        place = f"files/p{subject[:2]}/p{subject}/s{study}"
        told = [picture(top, f"{place}.txt", row.where).path for top in (root, root / REPORTS)]
        sections = read_sections(read_text(first(*told)))
        yield Item(
            id=study,
            pictures=(picture(root, f"{place}/{row.label('dicom_id')}.jpg", row.where),),
            prefix=f"INDICATION: {sections.get('indication', '')}".strip(),
            references=tuple(filter(None, [_answer(sections)])),
            group=_view(row, views),
            extra={"subject_id": subject, "dicom_id": row.text("dicom_id")},
        )


def _answer(sections: Mapping[str, str]) -> str:
    """`FINDINGS: ... IMPRESSION: ...`, as far as they are there."""
    named = [(name, sections.get(name)) for name in ("findings", "impression")]
    return " ".join(f"{name.upper()}: {words}" for name, words in named if words)


REPORTS = "mimic-cxr-reports"


def _mimic(name: str, metric: str, title: str) -> Benchmark:
    return Benchmark(
        name=name,
        title=title,
        split="test",
        text_length=512,
        metric=metric,
        licence="PhysioNet Credentialed Health Data License: not to be passed on",
        fetch=(
            "With credentialed access to physionet.org (a course and a signed agreement), the "
            "pictures of MIMIC-CXR-JPG 2.1.0, its mimic-cxr-2.0.0-split.csv and -metadata.csv "
            "(unpacked), and mimic-cxr-reports.zip of MIMIC-CXR 2.1.0, in one folder. For the "
            "published numbers Gemini 1.5 Pro took mentions of earlier studies out of the reports; "
            "here they stay."
        ),
        read=read_mimic_cxr,
    )


BENCHMARKS = (
    _mimic("mimic_cxr", "radiology", "MIMIC-CXR, CIDEr (test)"),
    _mimic("mimic_cxr_radgraph", "radgraph", "MIMIC-CXR, RadGraph F1 (test)"),
)
