"""MIMIC-CXR; the reports are made up."""

REPORT = """\
                                 FINAL REPORT
 EXAMINATION:  CHEST (PA AND LAT)

 INDICATION:  ___ year old woman with cough  // pneumonia?

 TECHNIQUE:  Chest PA and lateral

 COMPARISON:  ___

 FINDINGS:

 The lungs are clear.  Heart size: normal.
 There is no pleural effusion.

 IMPRESSION:

 No acute process.
"""

PRELIMINARY = """\
 WET READ: ___ ___ 10:12 PM
  IMPRESSION: Perhaps a small effusion.

                                 FINAL REPORT
 HISTORY:  Fall.

 IMPRESSION:  AP chest compared to ___:

 Small left pleural effusion.
"""

SPLIT = """\
dicom_id,study_id,subject_id,split
aaaa-side,50414267,10000032,test
bbbb-front,50414267,10000032,test
cccc-front,50414267,10000032,test
dddd-bed,53189527,10000032,test
eeee-front,53911762,10000764,train
ffff-side,56699142,10000935,validate
"""

METADATA = """\
dicom_id,subject_id,study_id,PerformedProcedureStepDescription,ViewPosition,Rows,Columns
aaaa-side,10000032,50414267,"CHEST (PA AND LAT)",LATERAL,3056,2544
bbbb-front,10000032,50414267,"CHEST (PA AND LAT)",PA,3056,2544
cccc-front,10000032,50414267,"CHEST (PA AND LAT)",AP,3056,2544
dddd-bed,10000032,53189527,"CHEST (PORTABLE AP)",,3056,2544
eeee-front,10000764,53911762,"CHEST (PORTABLE AP)",AP,3056,2544
ffff-side,10000935,56699142,"CHEST (PA AND LAT)",LL,3056,2544
"""

MIMIC_CXR = {
    "mimic-cxr-2.0.0-split.csv": SPLIT,
    "mimic-cxr-2.0.0-metadata.csv": METADATA,
    "files/p10/p10000032/s50414267.txt": REPORT,
    "files/p10/p10000032/s53189527.txt": PRELIMINARY,
    "mimic-cxr-reports/files/p10/p10000764/s53911762.txt": REPORT,
    "files/p10/p10000935/s56699142.txt": " FINAL REPORT\n CHEST: Not compared.\n",
}

LAYOUTS = {"mimic_cxr": MIMIC_CXR, "mimic_cxr_radgraph": MIMIC_CXR}
