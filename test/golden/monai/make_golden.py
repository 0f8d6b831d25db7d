"""Writes the golden data of this folder with MONAI itself. Run: python make_golden.py OUTPUT_FOLDER

Needs monai, nibabel, scikit-image and torch. The networks are small and have random weights; the transforms, window
rules and files are those of bundles that MONAI's model zoo publishes.
"""
import gzip
import json
import sys
from pathlib import Path

import monai
import nibabel as nib
import numpy as np
import torch
from monai.bundle import ConfigParser
from monai.data import decollate_batch, list_data_collate

out = Path(sys.argv[1])
only = sys.argv[2:]
DEVICE = "$torch.device('cuda:0' if torch.cuda.is_available() else 'cpu')"


def keyed(target, **options):
    return {"_target_": target, "keys": "image", **options}


def pred(target, **options):
    return {"_target_": target, "keys": "pred", **options}


load = [keyed("LoadImaged"), keyed("EnsureChannelFirstd")]
invert = pred("Invertd", transform="@preprocessing", orig_keys="image", nearest_interp=False, to_tensor=True)
save = pred("SaveImaged", output_dir="@output_dir")

# name: network, input image, transforms before, windows, transforms after
cases = {
    "spleen_unet": dict(
        network=dict(_target_="UNet", spatial_dims=3, in_channels=1, out_channels=2, channels=[8, 16, 24, 32],
                     strides=[2, 2, 2], num_res_units=2, norm="batch"),
        image=dict(size=(50, 44, 22), spacing=(1.2, 1.2, 3.0), axes="LPS", tilt=0.1, kind="ct"),
        before=[*load, keyed("Orientationd", axcodes="RAS"),
                keyed("Spacingd", pixdim=[1.5, 1.5, 2.0], mode="bilinear"),
                keyed("ScaleIntensityRanged", a_min=-57, a_max=164, b_min=0, b_max=1, clip=True),
                keyed("EnsureTyped")],
        inferer=dict(_target_="SlidingWindowInferer", roi_size=[24, 24, 24], sw_batch_size=4, overlap=0.5),
        after=[pred("Activationsd", softmax=True), invert, pred("AsDiscreted", argmax=True), save],
    ),
    "prostate_unet": dict(
        network=dict(_target_="UNet", spatial_dims=3, in_channels=1, out_channels=3, channels=[8, 12, 16, 20],
                     strides=[2, 2, 2], num_res_units=4, norm="batch", act="prelu", dropout=0.15),
        image=dict(size=(40, 36, 12), spacing=(0.6, 0.6, 2.0), axes="RAS", tilt=0.0, kind="mr"),
        before=[*load, keyed("Orientationd", axcodes="RAS"),
                keyed("Spacingd", pixdim=[0.8, 0.8, 0.8], mode="bilinear"),
                keyed("ScaleIntensityd", minv=0, maxv=1), keyed("NormalizeIntensityd"), keyed("EnsureTyped")],
        inferer=dict(_target_="SlidingWindowInferer", roi_size=[24, 24, 24], sw_batch_size=4, overlap=0.5),
        after=[pred("AsDiscreted", argmax=True), pred("KeepLargestConnectedComponentd", applied_labels=[1, 2]),
               {**invert, "nearest_interp": True}, {**save, "resample": False}],
    ),
    "pancreas_dynunet": dict(
        network=dict(_target_="DynUNet", spatial_dims=3, in_channels=1, out_channels=3,
                     kernel_size=[[3, 3, 1], [3, 3, 3], [3, 3, 3]], strides=[[1, 1, 1], [2, 2, 1], [2, 2, 2]],
                     upsample_kernel_size=[[2, 2, 1], [2, 2, 2]], filters=[8, 16, 24], norm_name="instance",
                     res_block=True, deep_supervision=True, deep_supr_num=1),
        image=dict(size=(46, 40, 18), spacing=(1.1, 0.9, 2.5), axes="PLI", tilt=-0.08, kind="ct"),
        before=[*load, keyed("Orientationd", axcodes="RAS"),
                keyed("Spacingd", pixdim=[1.0, 1.0, 2.0], mode="bilinear"),
                keyed("ScaleIntensityRanged", a_min=-87, a_max=199, b_min=0, b_max=1, clip=True),
                keyed("CropForegroundd", source_key="image"), keyed("EnsureTyped")],
        inferer=dict(_target_="SlidingWindowInferer", roi_size=[32, 24, 16], sw_batch_size=2, overlap=0.625,
                     mode="gaussian"),
        after=[pred("Activationsd", softmax=True), invert, pred("AsDiscreted", argmax=True),
               pred("KeepLargestConnectedComponentd", applied_labels=[1], connectivity=1), save],
    ),
    "tumour_dynunet_sigmoid": dict(
        network=dict(_target_="DynUNet", spatial_dims=3, in_channels=2, out_channels=3,
                     kernel_size=[3, 3, 3], strides=[1, 2, 2], upsample_kernel_size=[2, 2], filters=[8, 16, 24],
                     norm_name="batch", trans_bias=True),
        image=dict(size=(34, 38, 20), spacing=(1.0, 1.0, 1.5), axes="LAS", tilt=0.0, kind="mr", channels=2),
        before=[*load, keyed("Orientationd", axcodes="LPS"),
                keyed("NormalizeIntensityd", nonzero=True, channel_wise=True), keyed("EnsureTyped")],
        inferer=dict(_target_="SlidingWindowInferer", roi_size=[24, 24, 16], sw_batch_size=1, overlap=0.5),
        after=[pred("Activationsd", sigmoid=True), invert, pred("AsDiscreted", threshold=0.5), save],
        torchscript=True,
    ),
    "heart_unet_2d": dict(
        network=dict(_target_="UNet", spatial_dims=2, in_channels=1, out_channels=4, channels=[8, 16, 32],
                     strides=[2, 2], num_res_units=0),
        image=dict(size=(60, 52), spacing=(1.4, 1.4), axes="LP", tilt=0.0, kind="mr"),
        before=[*load, keyed("ScaleIntensityd"), keyed("EnsureTyped")],
        inferer=dict(_target_="SlidingWindowInferer", roi_size=[48, 48], sw_batch_size=1, overlap=0.25),
        after=[pred("Activationsd", softmax=True), pred("AsDiscreted", argmax=True), save],
    ),
    "slices_unet_2d": dict(
        network=dict(_target_="UNet", spatial_dims=2, in_channels=1, out_channels=3, channels=[8, 16, 24],
                     strides=[2, 2], num_res_units=1, norm=["instance", {"affine": True}], act="relu"),
        image=dict(size=(44, 40, 7), spacing=(1.0, 1.2, 5.0), axes="RPS", tilt=0.05, kind="mr"),
        before=[*load, keyed("Orientationd", axcodes="RAS"),
                keyed("CropForegroundd", source_key="image", margin=2),
                keyed("ScaleIntensityRangePercentilesd", lower=1, upper=99, b_min=0, b_max=1, clip=True),
                keyed("EnsureTyped")],
        inferer=dict(_target_="SliceInferer", roi_size=[32, 32], sw_batch_size=4, overlap=0.5, spatial_dim=2),
        after=[invert, pred("AsDiscreted", argmax=True), save],
    ),
}


def affine_of(axes, spacing, tilt, size):
    codes = {"L": (0, -1), "R": (0, 1), "P": (1, -1), "A": (1, 1), "I": (2, -1), "S": (2, 1)}
    affine = np.eye(4)
    c, s = np.cos(tilt), np.sin(tilt)
    turn = np.array([[1, 0, 0], [0, c, -s], [0, s, c]])
    for column, letter in enumerate(axes):
        row, sign = codes[letter]
        unit = np.zeros(3)
        unit[row] = sign
        affine[:3, column] = turn @ unit * spacing[column]
        affine[row, 3] = -sign * size[column] * spacing[column] / 2
    return affine


def image_of(size, kind, channels, rng):
    grid = np.stack(np.meshgrid(*[np.linspace(-1, 1, n) for n in size], indexing="ij"))
    radius = np.sqrt((grid**2).sum(0))
    noise = rng.normal(size=(channels, *size))
    if kind == "ct":
        body = np.where(radius < 0.85, 40 + 60 * np.cos(5 * grid[0]) * np.sin(4 * grid[1]), -900)
        return np.round(body + 25 * noise).astype(np.int16)
    brain = np.where(radius < 0.9, 300 + 180 * np.cos(6 * grid[0] + 2 * grid[1]), 0)
    return np.round(np.where(radius < 0.9, np.maximum(brain + 30 * noise, 1), 0)).astype(np.int16)


def write_gzip(array, path):
    with gzip.GzipFile(path, "wb", mtime=0) as file:
        np.save(file, array)


for seed, (name, case) in enumerate(cases.items()):
    if only and name not in only:
        continue
    folder = out / name
    for sub in ("bundle/configs", "bundle/models", "expected"):
        (folder / sub).mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    spec = case["image"]
    channels = spec.get("channels", 1)
    image = image_of(spec["size"], spec["kind"], channels, rng)
    data = image[0] if channels == 1 else np.moveaxis(image, 0, -1)
    is_flat = len(spec["size"]) == 2
    axes, spacing = (spec["axes"] + "S", (*spec["spacing"], 1.0)) if is_flat else (spec["axes"], spec["spacing"])
    affine = affine_of(axes, spacing, spec["tilt"], (*spec["size"], 1) if is_flat else spec["size"])
    file = folder / "input.nii.gz"
    nib.save(nib.Nifti1Image(data, affine), file)

    labels = {str(i): "background" if i == 0 else f"part {i}" for i in range(case["network"]["out_channels"])}
    config = {
        "imports": ["$import glob"],
        "bundle_root": ".",
        "output_dir": "$@bundle_root + '/eval'",
        "dataset_dir": "/workspace/data",
        "datalist": "$list(sorted(glob.glob(@dataset_dir + '/imagesTs/*.nii.gz')))",
        "device": DEVICE,
        "network_def": case["network"],
        "network": "$@network_def.to(@device)",
        "preprocessing": {"_target_": "Compose", "transforms": case["before"]},
        "dataset": {"_target_": "Dataset", "data": "$[{'image': i} for i in @datalist]",
                    "transform": "@preprocessing"},
        "inferer": case["inferer"],
        "postprocessing": {"_target_": "Compose", "transforms": case["after"]},
        "checkpointloader": {"_target_": "CheckpointLoader", "load_path": "$@bundle_root + '/models/model.pt'",
                             "load_dict": {"model": "@network"}},
        "evaluator": {"_target_": "SupervisedEvaluator", "device": "@device", "network": "@network",
                      "inferer": "@inferer", "postprocessing": "@postprocessing", "amp": True},
        "initialize": ["$@checkpointloader(@evaluator)"],
        "run": ["$@evaluator.run()"],
    }
    metadata = {
        "version": "0.1.0", "monai_version": monai.__version__, "task": name, "name": name,
        "network_data_format": {
            "inputs": {"image": {"type": "image", "modality": spec["kind"].upper(), "num_channels": channels,
                                 "spatial_shape": case["inferer"]["roi_size"], "is_patch_data": True,
                                 "channel_def": {str(i): f"image {i}" for i in range(channels)}}},
            "outputs": {"pred": {"type": "image", "format": "segmentation",
                                 "num_channels": case["network"]["out_channels"], "channel_def": labels}},
        },
    }
    (folder / "bundle/configs/inference.json").write_text(json.dumps(config, indent=4) + "\n")
    (folder / "bundle/configs/metadata.json").write_text(json.dumps(metadata, indent=4) + "\n")

    torch.manual_seed(seed)
    parser = ConfigParser(config)
    network = parser.get_parsed_content("network_def").eval()
    for key, tensor in network.state_dict().items():
        if key.endswith("running_mean"):
            tensor.copy_(0.1 * torch.randn(tensor.shape))
        elif key.endswith("running_var"):
            tensor.copy_(0.5 + torch.rand(tensor.shape))
        elif tensor.ndim == 1 and key.endswith("weight"):
            tensor.copy_(tensor * (0.7 + 0.6 * torch.rand(tensor.shape)))
        elif tensor.ndim == 1 and key.endswith("bias"):
            tensor.copy_(0.1 * torch.randn(tensor.shape))
    before = parser.get_parsed_content("preprocessing")
    inferer = parser.get_parsed_content("inferer")
    # Gives all outputs the same mean, so that each class wins somewhere.
    heads = case["network"]["out_channels"]
    state = network.state_dict()
    last = [key.removesuffix(".bias") for key, tensor in state.items()
            if key.endswith("conv.bias") and tensor.shape == (heads,) and "head" not in key][-1]
    with torch.no_grad():
        image = before({"image": str(file)})["image"][None]
        outputs = inferer(image, network).as_tensor()[0].flatten(1)
        mean, spread = outputs.mean(1), outputs.std(1) / 4
        weight, bias = state[f"{last}.weight"], state[f"{last}.bias"]
        if "Dyn" in case["network"]["_target_"]:
            weight.div_(spread.reshape(-1, *[1] * (weight.ndim - 1)))
            bias.sub_(mean).div_(spread)
        else:
            bias.sub_(mean)
    model = folder / "bundle/models/model.pt"
    if case.get("torchscript"):
        torch.jit.script(network).save(model)
    else:
        torch.save(network.state_dict(), model)

    config["postprocessing"]["transforms"] = [t for t in case["after"] if t["_target_"] != "SaveImaged"]
    parser = ConfigParser(config)
    parser.config["preprocessing"] = config["preprocessing"]
    after = parser.get_parsed_content("postprocessing")
    for transform in after.transforms:
        if type(transform).__name__ == "Invertd":
            transform.transform = before
    with torch.no_grad():
        item = before({"image": str(file)})
        batch = list_data_collate([item])
        batch["pred"] = inferer(batch["image"], network)
        prepared = item["image"].as_tensor().numpy()
        logits = batch["pred"].as_tensor().numpy()[0]
        answer = after(decollate_batch(batch)[0])["pred"].as_tensor().numpy()
    if len(answer) == 1:
        seg = answer[0]
    else:  # several thresholded outputs: later ones are painted over earlier ones
        seg = np.zeros(answer.shape[1:])
        for head, mask in enumerate(answer):
            seg[mask > 0.5] = head + 1
    write_gzip(prepared.astype(np.float32), folder / "expected/prepared.npy.gz")
    write_gzip(logits.astype(np.float32), folder / "expected/logits.npy.gz")
    nib.save(nib.Nifti1Image(seg.astype(np.uint8), affine), folder / "expected/seg.nii.gz")
    print(name, prepared.shape, logits.shape, seg.shape, np.bincount(seg.astype(int).ravel()))
