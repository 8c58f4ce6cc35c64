"""PaliGemma 2's published numbers, one row a benchmark.

    published("docvqa")["10b-448"]       # 76.6

TABLE is Table 13 of the PaliGemma 2 report (arXiv 2412.03555): results after transfer at 224 px and
at 448 px, each for 3B, 10B and 28B; "-" was not run. SPECIAL is from its sections 4.2 to 4.8 and
appendix C. Percent, except CIDEr (times 100), GrandStaff (errors a hundred) and NES (percent of
sentences, lower is better).
"""

from collections.abc import Mapping

__all__ = ["published"]

COLUMNS = ("3b-224", "10b-224", "28b-224", "3b-448", "10b-448", "28b-448")

TABLE = """
activitynet_cap   34.2  35.9  -      -     -     -
activitynet_qa    51.3  53.2  -      -     -     -
ai2d              74.7  83.1  83.2   76.0  84.4  84.6
aokvqa_da         64.2  68.9  70.2   67.9  70.8  71.2
aokvqa_mc         79.7  83.7  84.7   82.5  85.9  87.0
chartqa_aug       74.4  74.2  68.9   89.2  90.1  85.1
chartqa_human     42.0  48.4  46.8   54.0  66.4  61.3
coco35l          113.9 115.8 116.5  115.8 117.2 117.2
coco35l_en       138.4 140.8 142.4  140.4 142.4 142.3
cococap          141.3 143.7 144.0  143.4 145.0 145.2
countbenchqa      81.0  84.0  86.4   82.0  85.3  87.4
docvqa            39.9  43.9  44.9   73.6  76.6  76.1
gqa               66.2  67.2  67.3   68.1  68.3  68.3
infovqa           25.2  33.6  36.4   37.5  47.8  46.7
marvl             83.5  89.5  90.6   82.7  89.1  89.7
msrvtt_cap        68.5  72.1  -      -     -     -
msrvtt_qa         50.5  51.9  -      -     -     -
msvd_qa           61.1  62.5  -      -     -     -
nlvr2             91.4  93.9  94.2   91.6  93.7  94.1
nocaps           123.1 126.3 127.1  123.5 126.9 127.0
ocrvqa            73.4  74.7  75.3   75.7  76.3  76.6
okvqa             64.2  68.0  71.2   64.1  68.6  70.6
refcoco_testa     75.7  77.2  76.8   78.6  79.7  79.3
refcoco_testb     71.0  74.2  73.9   73.5  76.2  74.8
refcoco_val       73.4  75.9  75.0   76.3  78.2  77.3
refcocoplus_testa 72.7  74.7  73.6   76.1  77.7  76.6
refcocoplus_testb 64.2  68.4  67.1   67.0  71.1  68.6
refcocoplus_val   68.6  72.0  70.3   72.1  74.4  72.8
refcocog_test     69.0  71.9  70.7   72.7  74.8  73.7
refcocog_val      68.3  71.4  70.5   72.3  74.4  73.0
rsvqa_hr          92.7  92.6  92.7   92.8  92.8  92.8
rsvqa_hr_test2    90.9  90.8  90.9   90.7  90.7  90.8
rsvqa_lr          93.0  92.8  93.5   92.7  93.1  93.7
scicap           165.1 159.5 156.9  183.3 177.2 172.7
science_qa        96.1  98.2  98.2   96.2  98.5  98.6
screen2words     113.3 117.8 122.8  114.0 119.1 123.4
stvqa             61.9  64.3  65.1   80.5  82.0  81.8
tallyqa_complex   70.3  73.4  74.2   73.6  76.7  76.8
tallyqa_simple    81.8  83.2  83.4   85.3  86.2  85.7
textcaps         127.5 137.9 139.9  152.1 157.7 153.6
textvqa           59.6  64.0  64.7   75.2  76.6  76.2
vatex             80.8  82.7  -      -     -     -
vizwiz            76.4  78.1  78.7   77.5  78.6  78.9
vqav2             83.0  84.3  84.5   84.8  85.8  85.8
widgetcap        138.1 139.8 138.8  151.4 151.9 148.9
xgqa              58.6  61.4  61.1   60.4  62.6  62.1
xm3600            42.8  44.5  45.2   43.2  44.6  45.2
xm3600_en         79.8  80.7  81.0   80.3  81.5  81.0
"""

SPECIAL = {
    "coco_detection": {
        **{"3b-224": 30.4, "3b-448": 38.5, "3b-896": 42.3},
        **{"10b-224": 30.3, "10b-448": 39.2, "10b-896": 43.6},
    },
    "doclaynet": {
        **{"3b-224": 46.7, "3b-448": 62.5, "3b-896": 66.1},
        **{"10b-224": 50.4, "10b-448": 63.5, "10b-896": 66.0},
    },
    "docci": {"3b-448": 28.4, "10b-448": 20.3},
    "fintabnet": {"3b-896": 98.9},
    "fintabnet_grits": {"3b-896": 99.2},
    "grandstaff": {"3b-896": 1.6},
    "icdar15": {"3b-896": 75.9},
    "mimic_cxr": {"3b-896": 19.9, "10b-896": 17.4},
    "mimic_cxr_radgraph": {"3b-896": 28.8, "10b-896": 29.5},
    "molscribe_chemdraw": {"10b-448": 94.8},
    "pubtabnet": {"3b-896": 97.3},
    "pubtabnet_grits": {"3b-896": 97.8},
    "totaltext": {"3b-896": 74.2},
    "vsr_random": {"3b-224": 81.6, "10b-224": 86.8},
    "vsr_zeroshot": {"3b-224": 74.8, "10b-224": 79.8},
}
"""TEDS with contents; GriTS-Con; CER of GrandStaff; F1 of words; NES.

What stands beside these in a report has published numbers too, of which MIMIC-CXR's are BLEU-4 14.6
(3B) and 15.0 (10B), ROUGE-L 31.9 and 32.4.
"""

ROWS: dict[str, dict[str, float]] = {
    name: {column: float(cell) for column, cell in zip(COLUMNS, cells, strict=True) if cell != "-"}
    for name, *cells in map(str.split, TABLE.strip().splitlines())
} | SPECIAL


def published(name: str) -> Mapping[str, float]:
    """The published numbers of a benchmark by variant; none for one that the report lacks."""
    return dict(ROWS.get(name, {}))
