"""Writes what MONAI and scikit-image compute for the rules of NVIDIA's nnU-Net: test/fixtures/nvidia/rules.json.

Usage: nvidia_rules.py OUTPUT. Needs monai of 1.1 or later, and scikit-image. The weights `gaussian-1.0` come from monai
1.0.0, whose folder the variable MONAI_1_0 names.
"""

import json
import os
import subprocess
import sys

import numpy as np
from monai.data.utils import compute_importance_map, dense_patch_slices
from monai.inferers.utils import _get_scan_interval
from skimage.transform import resize

WEIGHTS = """
import json, sys
from monai.data.utils import compute_importance_map
m = compute_importance_map((6, 9), mode="gaussian", sigma_scale=0.125)
m = m.clamp(min=max(m[m != 0].min().item(), 1e-3))
print(json.dumps([float(v) for v in m.flatten()]))
"""


def starts(size, patch, overlap):
    interval = _get_scan_interval((size,), (patch,), 1, [overlap])
    return [int(part[0].start) for part in dense_patch_slices((size,), (patch,), interval)]


def weights(folder):
    path = {**os.environ, "PYTHONPATH": folder} if folder else os.environ
    out = subprocess.run([sys.executable, "-c", WEIGHTS], capture_output=True, check=True, text=True, env=path)
    return json.loads(out.stdout.strip().splitlines()[-1])


def zoomed(size, new):
    volume = np.zeros(size, np.float32)
    volume[..., 2:4, 3:6] = np.arange(1, 4)
    result = resize(volume, new, order=3, mode="edge", cval=0, clip=True, anti_aliasing=False)
    return {"from": size, "to": new, "bits": result.astype(np.float32).view(np.uint32).ravel().tolist()}


rules = {
    "starts": [
        {"size": size, "patch": patch, "overlap": overlap, "starts": starts(size, patch, overlap)}
        for size, patch, overlap in [(32, 32, 0.5), (41, 32, 0.25), (100, 32, 0.25), (100, 32, 0.5), (33, 32, 0.75)]
    ],
    "patch": [6, 9],
    "weights": {"gaussian": weights(""), "gaussian-1.0": weights(os.environ["MONAI_1_0"])},
    "zoom": [zoomed((5, 6, 8), (7, 6, 5)), zoomed((6, 8), (9, 7))],
}
with open(sys.argv[1], "w") as file:
    json.dump(rules, file)
