"""PubTabNet, FinTabNet, MolScribe's sets, GrandStaff."""

STRUCTURE = ["<thead>", "<tr>", "<td", ' colspan="2"', ">", "</td>", "</tr>", "</thead>"]
STRUCTURE += ["<tbody>", "<tr>", "<td>", "</td>", "<td>", "</td>", "</tr>", "</tbody>"]

TABLE = {
    "structure": {"tokens": STRUCTURE},
    "cells": [
        {"tokens": ["<b>", "N", "<", "5", "</b>"], "bbox": [1, 2, 30, 12]},
        {"tokens": []},
        {"tokens": ["3", "&"], "bbox": [40, 2, 60, 12]},
    ],
}

PUBTABNET = {
    "PubTabNet_2.0.0.jsonl": [
        {"filename": "PMC1064074_007_00.png", "split": "val", "imgid": 1, "html": TABLE},
        {"filename": "PMC1_001_00.png", "split": "train", "imgid": 2, "html": TABLE},
    ]
}

FINTABNET = {
    "FinTabNet_1.0.0_cell_test.jsonl": [
        {
            "table_id": 110115,
            "filename": "ADS/2007/page_83.pdf",
            "split": "test",
            "bbox": [48, 100, 550, 300],
            "html": TABLE,
        }
    ]
}

MOLECULES = {
    "synthetic/chemdraw.csv": (
        "image_id,file_path,SMILES\n0,synthetic/chemdraw/0.png,CC(=O)O\n"
        "1,synthetic/chemdraw/1.png,c1ccccc1\n"
    ),
    "real/USPTO.csv": "image_id,SMILES,file_path\nUS0739,CCO,real/USPTO/US0739.png\n",
}

SCORE = "**kern\t**kern\n*clefF4\t*clefG2\n4c\t4e\n*-\t*-\n"

GRANDSTAFF = {
    "partitions_grandstaff/types/test.txt": (
        "grandstaff_dataset/beethoven/sonata01-1/maj2_down_m-0-4.bekrn\n"
    ),
    "grandstaff_dataset/beethoven/sonata01-1/maj2_down_m-0-4.krn": SCORE,
}

LAYOUTS = {
    "pubtabnet": PUBTABNET,
    "pubtabnet_grits": PUBTABNET,
    "fintabnet": FINTABNET,
    "fintabnet_grits": FINTABNET,
    "molscribe_chemdraw": MOLECULES,
    "molscribe_uspto": MOLECULES,
    "grandstaff": GRANDSTAFF,
}
