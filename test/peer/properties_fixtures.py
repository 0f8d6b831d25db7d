"""Writes tiny images, and the `<case>.pkl` that nnU-Net saves for them, into test/fixtures/properties.

Run with a Python that has nnunetv2 and the sources of nnunet 1.7.1:
    python test/peer/properties_fixtures.py <folder of nnunet 1.7.1>
"""
import json
import os
import shutil
import sys
import tempfile

import nibabel
import numpy as np
import SimpleITK as sitk
import tifffile
from batchgenerators.utilities.file_and_folder_operations import save_pickle
from nnunetv2.preprocessing.preprocessors.default_preprocessor import DefaultPreprocessor
from nnunetv2.utilities.plans_handling.plans_handler import PlansManager
from skimage import io

OUT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "fixtures", "properties")
for name in os.listdir(OUT) if os.path.isdir(OUT) else []:
    if name != "README.md":
        os.remove(os.path.join(OUT, name))
os.makedirs(OUT, exist_ok=True)
rng = np.random.default_rng(5)


def voxels(shape):
    """Returns random values inside a margin of zeros that has a different width on every side."""
    data = np.zeros(shape, np.uint8)
    inner = tuple(slice(0, 1) if s == 1 else slice(1, s - 1 - axis % 2) for axis, s in enumerate(shape))
    data[inner] = rng.integers(1, 200, data[inner].shape)
    return data


def rotation(degrees, axis):
    a, (i, j) = np.deg2rad(degrees), [(1, 2), (0, 2), (0, 1)][axis]
    matrix = np.eye(3)
    matrix[i, i] = matrix[j, j] = np.cos(a)
    matrix[i, j], matrix[j, i] = -np.sin(a), np.sin(a)
    return matrix


def nifti(name, columns, spacing, *, codes, stretch=1):
    """Writes a NIfTI file. `columns` are the directions of its x, y and z axes in RAS; `stretch` makes its matrix differ from pixdim."""
    affine = np.eye(4)
    affine[:3, :3] = columns @ np.diag(spacing) * stretch
    affine[:3, 3] = [-31.25, 17.5, 40.125]
    image = nibabel.Nifti1Image(voxels((5, 6, 7)), None)
    image.header.set_zooms(spacing)
    image.header.set_xyzt_units("mm")
    if codes[0]:
        image.header.set_qform(affine, codes[0])
    if codes[1]:
        image.header.set_sform(affine, codes[1])
    nibabel.save(image, os.path.join(OUT, name))


def save(name, shape, spacing, origin, direction):
    image = sitk.GetImageFromArray(voxels(shape))
    image.SetSpacing(spacing)
    image.SetOrigin(origin)
    image.SetDirection(np.asarray(direction, float).ravel().tolist())
    sitk.WriteImage(image, os.path.join(OUT, name))


turned = np.array([[0.0, -1, 0], [0, 0, -1], [1, 0, 0]])
oblique = rotation(20, 2) @ rotation(-15, 0) @ turned
nifti("sform_0000.nii", oblique, (0.75, 1.5, 2.5), codes=(0, 1))
nifti("qform_0000.nii", rotation(10, 1) @ np.diag([-1.0, 1, 1]), (0.75, 1.5, 2.5), codes=(1, 0))
nifti("ras_0000.nii", np.eye(3), (0.75, 1.5, 2.5), codes=(1, 1))
nifti("bare_0000.nii", np.eye(3), (0.75, 1.5, 2.5), codes=(0, 0))
nifti("stretched_0000.nii", oblique, (0.75, 1.5, 2.5), codes=(0, 2), stretch=1.2)
save("volume_0000.mha", (7, 6, 5), (0.75, 1.5, 2.5), (-31.25, 17.5, 40.125), oblique)
for flat in ("flat_0000.mha", "flat_nrrd_0000.nrrd", "flat_nifti_0000.nii"):
    save(flat, (6, 5), (0.75, 1.5), (-31.25, 17.5), [[0, -1], [1, 0]])
io.imsave(os.path.join(OUT, "photo_0000.png"), voxels((6, 5)), check_contrast=False)
tifffile.imwrite(os.path.join(OUT, "stack_0000.tif"), voxels((7, 6, 5)))
json.dump({"spacing": [2.5, 1.5, 0.75]}, open(os.path.join(OUT, "stack.json"), "w"))
tifffile.imwrite(os.path.join(OUT, "unscaled_0000.tif"), voxels((7, 6, 5)))

readers = {
    "NibabelIO": ["sform_0000.nii", "qform_0000.nii", "ras_0000.nii", "bare_0000.nii", "stretched_0000.nii"],
    "NibabelIOWithReorient": ["sform_0000.nii", "qform_0000.nii", "ras_0000.nii", "bare_0000.nii", "stretched_0000.nii"],
    "SimpleITKIO": ["volume_0000.mha", "flat_0000.mha", "flat_nrrd_0000.nrrd", "flat_nifti_0000.nii"],
    "SimpleITKIOWithReorient": ["volume_0000.mha"],
    "NaturalImage2DIO": ["photo_0000.png"],
    "Tiff3DIO": ["stack_0000.tif", "unscaled_0000.tif"],
}


def configuration(spacing):
    kwargs = lambda is_seg, order: {"is_seg": is_seg, "order": order, "order_z": 0, "force_separate_z": None}
    function = "resample_data_or_seg_to_shape"
    return {
        "patch_size": [8] * len(spacing), "spacing": spacing, "normalization_schemes": ["ZScoreNormalization"],
        "use_mask_for_norm": [False], "batch_size": 2, "data_identifier": "x", "preprocessor_name": "DefaultPreprocessor",
        "resampling_fn_data": function, "resampling_fn_data_kwargs": kwargs(False, 3),
        "resampling_fn_seg": function, "resampling_fn_seg_kwargs": kwargs(True, 1),
        "resampling_fn_probabilities": function, "resampling_fn_probabilities_kwargs": kwargs(False, 1),
        "architecture": {"network_class_name": "PlainConvUNet", "arch_kwargs": {}, "_kw_requires_import": []},
    }


def keep(reader, image):
    name, ending = image.split("_0000")
    flat = name.startswith(("flat", "photo"))
    transpose = [0, 2, 1] if flat else [2, 0, 1]
    plans = {
        "dataset_name": "Dataset001_X", "plans_name": "p", "image_reader_writer": reader, "label_manager": "LabelManager",
        "transpose_forward": transpose, "transpose_backward": [int(i) for i in np.argsort(transpose)],
        "configurations": {"c": configuration([1.0, 1.0] if flat else [1.0, 1.0, 1.0])},
        "foreground_intensity_properties_per_channel": {"0": {}},
    }
    dataset = {"labels": {"background": 0, "a": 1}, "channel_names": {"0": "x"}, "file_ending": ending}
    manager = PlansManager(plans)
    _, _, properties = DefaultPreprocessor(verbose=False).run_case(
        [os.path.join(OUT, image)], None, manager, manager.get_configuration("c"), dataset)
    save_pickle(properties, os.path.join(OUT, f"{reader}_{name}.pkl"))
    return {"name": f"{reader}_{name}", "image": image, "plans": plans, "dataset": dataset}


json.dump([keep(reader, image) for reader, images in readers.items() for image in images],
          open(os.path.join(OUT, "cases.json"), "w"), separators=(",", ":"))

# nnU-Net v1: what `nnUNet_predict -z` saves.
sys.path.insert(0, sys.argv[1])
from nnunet.inference.segmentation_export import save_segmentation_nifti_from_softmax  # noqa: E402
from nnunet.preprocessing.preprocessing import GenericPreprocessor  # noqa: E402


def keep_v1(name, image, regions):
    transpose = [2, 0, 1]
    plans = {
        "num_modalities": 1, "modalities": {0: "x"}, "all_classes": [1, 2], "normalization_schemes": {0: "nonCT"},
        "use_mask_for_norm": {0: False}, "dataset_properties": {}, "preprocessor_name": "GenericPreprocessor",
        "transpose_forward": transpose, "transpose_backward": [int(i) for i in np.argsort(transpose)],
        "plans_per_stage": {0: {"patch_size": [8, 8, 8], "current_spacing": [1.0, 1.0, 1.0]}},
    }
    preprocessor = GenericPreprocessor({0: "nonCT"}, {0: False}, transpose, {})
    os.chdir(OUT)
    data, _, properties = preprocessor.preprocess_test_case([image], np.array([1.0, 1.0, 1.0]))
    softmax = rng.random((2, *data.shape[1:])).astype(np.float32)
    softmax /= softmax.sum(0)
    answer = softmax.ravel().tolist()
    backward = [0, *(1 + i for i in plans["transpose_backward"])]
    with tempfile.TemporaryDirectory() as scratch:
        npz = os.path.join(scratch, "case.npz")
        save_segmentation_nifti_from_softmax(
            softmax.transpose(backward), os.path.join(scratch, "case.nii.gz"), properties, 1, regions, resampled_npz_fname=npz)
        shutil.copy(os.path.join(scratch, "case.pkl"), os.path.join(OUT, f"v1_{name}.pkl"))
        kept = np.load(npz)["softmax"]
    assert kept.dtype == np.float16
    return {
        "name": f"v1_{name}", "image": image, "plans": plans, "regionsClassOrder": regions,
        "preprocessedShape": list(data.shape), "logits": answer, "shape": list(kept.shape), "softmax": kept.ravel().tolist(),
    }


json.dump([keep_v1("volume", "volume_0000.mha", None), keep_v1("regions", "volume_0000.mha", (2, 1))],
          open(os.path.join(OUT, "cases_v1.json"), "w"), separators=(",", ":"))
