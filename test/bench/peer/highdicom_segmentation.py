"""Writes the same organs as kernel-dicom-objects.ts with highdicom: FOLDER_OF_ONE_CT_IMAGE OUTPUT. Prints the seconds."""

import copy
import glob
import json
import sys
import time

import highdicom as hd
import numpy as np
import pydicom
from pydicom.sr.codedict import codes

first = pydicom.dcmread(sorted(glob.glob(sys.argv[1] + "/*"))[0])
slices, rows, columns, organs = 600, 512, 512, 25
first.Rows, first.Columns, first.PixelSpacing = rows, columns, [0.8, 0.8]
first.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
del first.PixelData
source = []
for z in range(slices):
    image = copy.deepcopy(first)
    image.SOPInstanceUID = f"2.25.{1000000 + z}"
    image.ImagePositionPatient = [-200, -200, z]
    source.append(image)
mask = np.zeros((slices, rows, columns), np.uint8)
for organ in range(organs):
    center = (60 + organ * 97 % 480, 100 + organ * 53 % 312, 100 + organ * 71 % 312)
    radius = (30 + organ * 13 % 60, 20 + organ * 7 % 50, 20 + organ * 11 % 50)
    box = [slice(max(0, c - r), min(s, c + r)) for c, r, s in zip(center, radius, mask.shape)]
    grid = np.ogrid[tuple(box)]
    inside = sum(((g - c) / r) ** 2 for g, c, r in zip(grid, center, radius)) < 1
    mask[tuple(box)][inside] = organ + 1
algorithm = hd.AlgorithmIdentificationSequence(
    name="Phantom", version="1", family=codes.cid7162.ArtificialIntelligence
)
segments = [
    hd.seg.SegmentDescription(
        segment_number=i + 1,
        segment_label=f"organ {i + 1}",
        segmented_property_category=codes.SCT.AnatomicalStructure,
        segmented_property_type=codes.SCT.Liver,
        algorithm_type=hd.seg.SegmentAlgorithmTypeValues.AUTOMATIC,
        algorithm_identification=algorithm,
    )
    for i in range(organs)
]
begun = time.perf_counter()
result = hd.seg.Segmentation(
    source_images=source,
    pixel_array=mask,
    segmentation_type=hd.seg.SegmentationTypeValues.BINARY,
    segment_descriptions=segments,
    series_instance_uid=hd.UID(),
    series_number=300,
    sop_instance_uid=hd.UID(),
    instance_number=1,
    manufacturer="bench",
    manufacturer_model_name="bench",
    software_versions="1",
    device_serial_number="1",
)
result.save_as(sys.argv[2])
print(json.dumps({"seconds": time.perf_counter() - begun}))
