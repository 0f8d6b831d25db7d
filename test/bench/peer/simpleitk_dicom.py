"""Reads a DICOM series with SimpleITK for the DICOM benchmark.

usage: simpleitk_dicom.py FOLDER
Prints the seconds until SimpleITK has the volume, until there is the float32 array that nnU-Net's reader makes of it, and
the SHA-256 of that array.
"""
import hashlib
import json
import sys
import time

import numpy as np
import SimpleITK as sitk

start = time.perf_counter()
reader = sitk.ImageSeriesReader()
reader.SetFileNames(sitk.ImageSeriesReader.GetGDCMSeriesFileNames(sys.argv[1]))
image = reader.Execute()
volume = time.perf_counter()
array = sitk.GetArrayFromImage(image).astype(np.float32)
end = time.perf_counter()
digest = hashlib.sha256(array.tobytes()).hexdigest()
print(json.dumps({"volumeSeconds": volume - start, "arraySeconds": end - start, "sha256": digest}))
