"""Finds out which orientation SimpleITK takes from NIfTI headers whose qform and sform differ.

Writes test/fixtures/nifti-forms.json. Run with a Python that has SimpleITK, numpy and scipy:  python test/peer/nifti_forms.py
"""
import itertools
import json
import os
import struct
import tempfile

import numpy as np
import SimpleITK as sitk
from scipy.spatial.transform import Rotation

OUT = os.path.join(os.path.dirname(__file__), "..", "fixtures", "nifti-forms.json")
rng = np.random.default_rng(7)
cases = []
oblique = Rotation.random(random_state=1).as_matrix()
offset = [3.5, -20.25, 118.0]


def put(name, rotation, sform, pixdim, codes, units=2, sform_offset=offset):
    proper = rotation.copy()
    if np.linalg.det(proper) < 0:
        proper[:, 2] *= -1
    b, c, d, a = Rotation.from_matrix(proper).as_quat()
    sign = -1 if a < 0 else 1
    rows = np.hstack([sform, np.reshape(sform_offset, (3, 1))])
    header = bytearray(352)
    struct.pack_into("<i", header, 0, 348)
    struct.pack_into("<8h", header, 40, 3, 2, 2, 2, 1, 1, 1, 1)
    struct.pack_into("<hh", header, 70, 2, 8)
    struct.pack_into("<8f", header, 76, *pixdim, 0, 0, 0, 0)
    struct.pack_into("<3f", header, 108, 352, 1, 0)
    header[123] = units
    struct.pack_into("<hh", header, 252, *codes)
    struct.pack_into("<6f", header, 256, sign * b, sign * c, sign * d, *offset)
    struct.pack_into("<12f", header, 280, *rows.ravel())
    header[344:347] = b"n+1"
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "image.nii")
        with open(path, "wb") as file:
            file.write(bytes(header) + bytes(8))
        try:
            image = sitk.ReadImage(path)
            answer = {
                "spacingXyz": [round(v, 6) for v in image.GetSpacing()],
                "originXyz": [round(v, 6) for v in image.GetOrigin()],
                "direction": [round(v, 6) + 0.0 for v in image.GetDirection()],
            }
        except RuntimeError:
            answer = None
    floats = lambda at, count: [float(str(v)) for v in np.frombuffer(header, "<f4", count, at)]
    cases.append({
        "name": name,
        "pixdim": floats(76, 8), "quaternion": floats(256, 6), "srow": floats(280, 12),
        "qformCode": codes[0], "sformCode": codes[1], "xyztUnits": units,
        "itk": answer,
    })


for q, s, qfac, hand in itertools.product((0, 1), (0, 1, 2), (-1, 0, 1), (1, -1)):
    turned = oblique * [1, 1, hand]
    put(f"qform {q}, sform {s}, qfac {qfac}, handedness {hand}", turned, turned * [1, 2, 3], (qfac, 1, 2, 3), (q, s))
axes = [np.eye(3)[:, list(p)] * s for p in itertools.permutations(range(3)) for s in itertools.product((1, -1), repeat=3)]
for i in range(12):
    a, b = (axes[k] for k in rng.choice(48, 2))
    put(f"equal sides, other axes, {i}", a, b * 0.7, (rng.choice([1, -1]), 0.7, 0.7, 0.7), (1, 2))
for i in range(6):
    turned = Rotation.random(random_state=i + 20).as_matrix()
    put(f"equal sides, oblique, axes turned, {i}", turned, turned * rng.choice([1, -1], 3), (1, 1, 1, 1), (1, 2))
for size in (3e-5, 3e-4):
    put(f"sform off by {size}", oblique, (oblique + rng.normal(size=(3, 3)) * size) * [1, 2, 3], (1, 1, 2, 3), (1, 2))
    put(f"offset off by {size}", oblique, oblique * [1, 2, 3], (1, 1, 2, 3), (1, 2), 2, [offset[0] + size, *offset[1:]])
    put(f"spacing off by {size}", oblique, oblique * [1, 2, 3 + size], (1, 1, 2, 3), (1, 2))
for axis in (1, 2, 3):
    pixdim = [1.0, 1.5, 2.0, 3.0]
    pixdim[axis] *= -1
    for codes in ((0, 0), (1, 0), (0, 1)):
        put(f"negative pixdim[{axis}], codes {codes}", oblique, oblique * [1.5, 2, 3], pixdim, codes)
for units in (0, 1, 2, 3):
    put(f"pixdim 0 in units {units}", oblique, oblique, (1, 0, 2, 3), (1, 0), units)
put("sform of zeros beside a qform", oblique, oblique * 0, (1, 1, 2, 3), (1, 2))
put("sform of zeros alone", oblique, oblique * 0, (1, 1, 2, 3), (0, 2))

with open(OUT, "w") as file:
    file.write("[\n" + ",\n".join(json.dumps(case) for case in cases) + "\n]\n")
