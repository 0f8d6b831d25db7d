"""Writes the results of nnU-Net's own ensembling, fast modes and post-processing files for the golden blobs case.

Run with a Python that has nnunetv2, with the package of nnU-Net 1.7.1 on PYTHONPATH:
    python test/peer/ensemble_fixtures.py test/golden
"""
import gzip
import json
import os
import pickle
import sys
import tempfile

import numpy as np
import SimpleITK as sitk
from batchgenerators.utilities.file_and_folder_operations import save_json, save_pickle
from nnunet.inference.ensemble_predictions import merge_files as merge_v1
from nnunet.inference.segmentation_export import save_segmentation_nifti, save_segmentation_nifti_from_softmax
from nnunetv2.ensembling.ensemble import average_probabilities
from nnunetv2.postprocessing.remove_connected_components import remove_all_but_largest_component_from_segmentation
from nnunetv2.utilities.json_export import recursive_fix_for_json_export

GOLDEN = sys.argv[1]
OUT = os.path.join(os.path.dirname(__file__), "..", "fixtures", "ensembles")
os.makedirs(OUT, exist_ok=True)
CASE = "blob_010"


def read(version, name, file="probs_tta"):
    with gzip.open(f"{GOLDEN}/{version}/{name}/expected/{CASE}/{file}.npy.gz") as stream:
        return np.load(stream)


def write(array, name):
    image = sitk.ReadImage(f"{GOLDEN}/v2/blobs_2d/input/{CASE}_0000.nii.gz")
    result = sitk.GetImageFromArray(array.astype(np.uint8))
    result.CopyInformation(image)
    sitk.WriteImage(result, os.path.join(OUT, name), True)


def properties_v1(name):
    with open(f"{GOLDEN}/v1/{name}/expected/{CASE}/properties.json") as file:
        return json.load(file)


with tempfile.TemporaryDirectory() as scratch:
    # v2: nnUNetv2_ensemble averages the .npz of two predictions
    files = []
    for name in ["blobs_2d", "blobs_3d_fullres"]:
        files.append(os.path.join(scratch, f"{name}.npz"))
        np.savez(files[-1], probabilities=read("v2", name))
    write(average_probabilities(files).argmax(0), "v2.nii.gz")

    # v1: each model's softmax is resampled and kept as float16; nnUNet_ensemble averages those
    files = []
    for name in ["blobs_2d", "blobs_3d_fullres"]:
        files.append(os.path.join(scratch, f"{name}_v1.npz"))
        save_segmentation_nifti_from_softmax(
            read("v1", name).astype(np.float32), os.path.join(scratch, f"{name}.nii.gz"), properties_v1(name),
            1, None, None, None, files[-1], None, None, 0, verbose=True)
    merge_v1(files, [f[:-4] + ".pkl" for f in files], os.path.join(scratch, "v1.nii.gz"), True, False)
    write(sitk.GetArrayFromImage(sitk.ReadImage(os.path.join(scratch, "v1.nii.gz"))), "v1.nii.gz")

    # v1's fast modes: the largest class on the network's grid, then the labels are resampled
    labels = read("v1", "blobs_3d_fullres").astype(np.float32).argmax(0)
    for mode, order in [("fast", 1), ("fastest", 0)]:
        file = os.path.join(scratch, f"{mode}.nii.gz")
        save_segmentation_nifti(labels, file, properties_v1("blobs_3d_fullres"), order, None, 0, verbose=True)
        write(sitk.GetArrayFromImage(sitk.ReadImage(file)), f"v1_{mode}.nii.gz")

# v2's post-processing files as nnUNetv2_determine_postprocessing writes them
functions = [remove_all_but_largest_component_from_segmentation] * 2
settings = [{"labels_or_regions": [1, 2]}, {"labels_or_regions": (2, 3)}]
save_pickle((functions, settings), os.path.join(OUT, "postprocessing.pkl"))
summary = {"postprocessing_fns": [f.__name__ for f in functions], "postprocessing_kwargs": settings}
recursive_fix_for_json_export(summary)
save_json(summary, os.path.join(OUT, "postprocessing_v2.json"))
save_json(
    {
        "for_which_classes": [[1, 2], 1],
        "min_valid_object_sizes": str({(1, 2): 300.5, 1: 12}),
    },
    os.path.join(OUT, "postprocessing_v1.json"),
)
