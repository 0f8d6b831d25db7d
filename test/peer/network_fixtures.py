"""Makes test/fixtures/networks and test/fixtures/windows with the real nnU-Net.

Run where nnunetv2 is installed: python test/peer/network_fixtures.py test/golden

networks/<name>/: a tiny untrained network of an odd shape in nnU-Net's own files (plans.json, dataset.json,
fold_0/checkpoint_final.pth) and window.json. windows/<golden model>.json: a window of a golden model.

window.json holds every `step`-th value of the logits (float32, C order) that torch computes for the window
x[i] = ((i * 2654435761) mod 2^32) / 2^31 - 1.
"""

import json
import sys
from pathlib import Path

import numpy as np
import torch
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer
from nnunetv2.training.nnUNetTrainer.variants.network_architecture.nnUNetTrainerBN import nnUNetTrainerBN
from nnunetv2.utilities.label_handling.label_handling import determine_num_input_channels
from nnunetv2.utilities.plans_handling.plans_handler import PlansManager

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures"
UNET = "dynamic_network_architectures.architectures.unet."
SAMPLES = 500


def window(channels, patch):
    count = channels * int(np.prod(patch))
    i = np.arange(count, dtype=np.uint64)
    bits = (i * np.uint64(2654435761)) % np.uint64(2**32)
    return torch.from_numpy((bits / 2**31 - 1).astype(np.float32).reshape(1, channels, *patch))


def network_of(plans, dataset, configuration, trainer):
    manager = PlansManager(plans)
    config = manager.get_configuration(configuration)
    heads = manager.get_label_manager(dataset).num_segmentation_heads
    channels = determine_num_input_channels(manager, config, dataset)
    network = trainer.build_network_architecture(manager, config, channels, heads, enable_deep_supervision=False)
    return network, window(channels, config.patch_size)


def write_window(path, network, x):
    network.eval()
    with torch.no_grad():
        logits = network(x).numpy()
    flat = logits.ravel()
    step = max(1, flat.size // SAMPLES)
    values = [float(np.format_float_positional(v, unique=True)) for v in flat[::step]]
    path.write_text(json.dumps({"shape": list(logits.shape), "step": step, "values": values}))


def golden_windows(golden):
    for model in sorted((golden / "v2").iterdir()):
        plans = json.loads((model / "model" / "plans.json").read_text())
        dataset = json.loads((model / "model" / "dataset.json").read_text())
        checkpoint = torch.load(
            model / "model" / "fold_0" / "checkpoint_final.pth", map_location="cpu", weights_only=False
        )
        network, x = network_of(plans, dataset, checkpoint["init_args"]["configuration"], nnUNetTrainer)
        network.load_state_dict(checkpoint["network_weights"])
        write_window(FIXTURES / "windows" / f"{model.name}.json", network, x)


def conv(dimensions):
    return f"torch.nn.modules.conv.Conv{dimensions}d"


def norm(kind, dimensions):
    return f"torch.nn.modules.{kind.lower()}norm.{kind}Norm{dimensions}d"


def arch(class_name, dimensions, **kwargs):
    defaults = {
        "conv_op": conv(dimensions),
        "conv_bias": True,
        "norm_op": norm("Instance", dimensions),
        "norm_op_kwargs": {"eps": 1e-5, "affine": True},
        "dropout_op": None,
        "dropout_op_kwargs": None,
        "nonlin": "torch.nn.LeakyReLU",
        "nonlin_kwargs": {"inplace": True},
    }
    imports = ["conv_op", "norm_op", "dropout_op", "nonlin"] + (["block"] if "block" in kwargs else [])
    return {
        "architecture": {
            "network_class_name": UNET + class_name,
            "arch_kwargs": {**defaults, **kwargs},
            "_kw_requires_import": imports,
        }
    }


NETWORKS = {
    "plain_2d_mixed": dict(
        patch=[32, 48],
        **arch(
            "PlainConvUNet", 2, n_stages=5, features_per_stage=[3, 4, 6, 6, 6],
            kernel_sizes=[[3, 3], [1, 3], [5, 5], [3, 3], [3, 1]],
            strides=[[1, 1], [2, 2], [2, 1], [2, 2], [1, 2]],
            n_conv_per_stage=[1, 2, 3, 1, 2], n_conv_per_stage_decoder=[1, 2, 1, 3],
        ),
    ),
    "plain_3d_thirds": dict(
        patch=[9, 12, 9],
        **arch(
            "PlainConvUNet", 3, n_stages=3, features_per_stage=[2, 3, 4],
            kernel_sizes=[[1, 3, 3], [3, 3, 3], [3, 5, 1]], strides=[[1, 1, 1], [3, 2, 1], [1, 3, 3]],
            n_conv_per_stage=[2, 2, 1], n_conv_per_stage_decoder=[2, 1],
        ),
    ),
    "plain_scalars": dict(
        patch=[8, 8, 12],
        **arch(
            "PlainConvUNet", 3, n_stages=3, features_per_stage=3, kernel_sizes=3, strides=[1, 2, 2],
            n_conv_per_stage=1, n_conv_per_stage_decoder=2,
        ),
    ),
    "plain_two_stages": dict(
        patch=[6, 10],
        **arch(
            "PlainConvUNet", 2, n_stages=2, features_per_stage=[2, 2], kernel_sizes=[[1, 1], [3, 3]],
            strides=[[1, 1], [2, 2]], n_conv_per_stage=[1, 1], n_conv_per_stage_decoder=[1],
        ),
    ),
    "plain_eight_stages": dict(
        patch=[128, 128],
        **arch(
            "PlainConvUNet", 2, n_stages=8, features_per_stage=[2, 3, 4, 4, 4, 4, 4, 4],
            kernel_sizes=[[3, 3]] * 8, strides=[[1, 1]] + [[2, 2]] * 6 + [[1, 1]],
            n_conv_per_stage=[1] * 8, n_conv_per_stage_decoder=[1] * 7,
        ),
    ),
    "plain_batchnorm_relu": dict(
        patch=[8, 8, 8],
        **arch(
            "PlainConvUNet", 3, n_stages=3, features_per_stage=[2, 4, 5], kernel_sizes=[[3, 3, 3]] * 3,
            strides=[[1, 1, 1], [2, 2, 2], [2, 2, 2]], n_conv_per_stage=[2, 2, 2], n_conv_per_stage_decoder=[2, 2],
            conv_bias=False, norm_op=norm("Batch", 3), norm_op_kwargs={"eps": 1e-3, "affine": True},
            nonlin="torch.nn.ReLU",
        ),
    ),
    "plain_trainer_bn": dict(
        patch=[16, 8], trainer=nnUNetTrainerBN,
        **arch(
            "PlainConvUNet", 2, n_stages=3, features_per_stage=[2, 4, 5], kernel_sizes=[[3, 3]] * 3,
            strides=[[1, 1], [2, 2], [2, 2]], n_conv_per_stage=[2, 1, 2], n_conv_per_stage_decoder=[1, 2],
        ),
    ),
    "plain_no_norm_dropout": dict(
        patch=[8, 8, 8],
        **arch(
            "PlainConvUNet", 3, n_stages=2, features_per_stage=[3, 5], kernel_sizes=[[3, 3, 3]] * 2,
            strides=[[1, 1, 1], [2, 2, 2]], n_conv_per_stage=[2, 2], n_conv_per_stage_decoder=[2],
            norm_op=None, norm_op_kwargs=None, dropout_op="torch.nn.Dropout3d", dropout_op_kwargs={"p": 0.3},
            nonlin_kwargs={"negative_slope": 0.2},
        ),
    ),
    "plain_nonlin_first": dict(
        patch=[8, 12],
        **arch(
            "PlainConvUNet", 2, n_stages=2, features_per_stage=[3, 4], kernel_sizes=[[3, 3]] * 2,
            strides=[[1, 1], [2, 2]], n_conv_per_stage=[2, 2], n_conv_per_stage_decoder=[2],
            norm_op_kwargs={"eps": 1e-5}, nonlin_first=True,
        ),
    ),
    "plain_nonlin_first_batchnorm": dict(
        patch=[8, 12],
        **arch(
            "PlainConvUNet", 2, n_stages=2, features_per_stage=[3, 4], kernel_sizes=[[3, 3]] * 2,
            strides=[[1, 1], [2, 2]], n_conv_per_stage=[2, 2], n_conv_per_stage_decoder=[2],
            norm_op=norm("Batch", 2), norm_op_kwargs=None, nonlin_first=True,
        ),
    ),
    "residual_2d_capped": dict(
        patch=[32, 32],
        **arch(
            "ResidualEncoderUNet", 2, n_stages=5, features_per_stage=[3, 5, 6, 6, 6], kernel_sizes=[[3, 3]] * 5,
            strides=[[1, 1], [2, 2], [2, 2], [2, 1], [1, 1]], n_blocks_per_stage=[1, 2, 1, 2, 1],
            n_conv_per_stage_decoder=[1, 1, 2, 1], stem_channels=4,
        ),
    ),
    "residual_bottleneck_3d": dict(
        patch=[4, 8, 8],
        **arch(
            "ResidualEncoderUNet", 3, n_stages=3, features_per_stage=[4, 6, 6],
            kernel_sizes=[[1, 3, 3], [3, 3, 3], [3, 3, 3]], strides=[[1, 1, 1], [1, 2, 2], [2, 2, 2]],
            n_blocks_per_stage=[1, 2, 2], n_conv_per_stage_decoder=[1, 1], conv_bias=False,
            block="dynamic_network_architectures.building_blocks.residual.BottleneckD", bottleneck_channels=[2, 3, 2],
        ),
    ),
    "residual_both_sides": dict(
        patch=[8, 8, 8],
        **arch(
            "ResidualUNet", 3, n_stages=3, features_per_stage=[2, 4, 4], kernel_sizes=[[3, 3, 3]] * 3,
            strides=[[1, 1, 1], [2, 2, 2], [2, 2, 2]], n_blocks_per_stage=[1, 1, 2], n_conv_per_stage_decoder=[1, 2],
        ),
    ),
    "old_plans_plain": dict(
        patch=[8, 16, 16], UNet_class_name="PlainConvUNet", UNet_base_num_features=2, unet_max_num_features=6,
        n_conv_per_stage_encoder=[2, 2, 1], n_conv_per_stage_decoder=[2, 1], num_pool_per_axis=[1, 2, 2],
        pool_op_kernel_sizes=[[1, 1, 1], [1, 2, 2], [2, 2, 2]],
        conv_kernel_sizes=[[1, 3, 3], [3, 3, 3], [3, 3, 3]],
    ),
    "old_plans_residual": dict(
        patch=[16, 16], UNet_class_name="ResidualEncoderUNet", UNet_base_num_features=2, unet_max_num_features=6,
        n_conv_per_stage_encoder=[1, 2, 2], n_conv_per_stage_decoder=[1, 1], num_pool_per_axis=[2, 2],
        pool_op_kernel_sizes=[[1, 1], [2, 2], [2, 2]], conv_kernel_sizes=[[3, 3]] * 3,
    ),
    **{
        f"activation_{name.lower()}": dict(
            patch=[8, 12],
            **arch(
                "ResidualEncoderUNet" if name in ("GELU", "ELU") else "PlainConvUNet", 2, n_stages=2,
                features_per_stage=[3, 4], kernel_sizes=[[3, 3]] * 2, strides=[[1, 1], [2, 2]],
                n_conv_per_stage_decoder=[1], nonlin=f"torch.nn.{name}", nonlin_kwargs=kwargs, norm_op=norm_op,
                norm_op_kwargs={"affine": True},
                **{"n_blocks_per_stage" if name in ("GELU", "ELU") else "n_conv_per_stage": [1, 2]},
            ),
        )
        for name, kwargs, norm_op in [
            ("GELU", {}, norm("Instance", 2)),
            ("Mish", {"inplace": True}, norm("Instance", 2)),
            ("SiLU", None, norm("Instance", 2)),
            ("ELU", {"alpha": 0.5}, norm("Instance", 2)),
            ("SELU", None, norm("Batch", 2)),
            ("Softplus", None, norm("Instance", 2)),
            ("Tanh", None, norm("Instance", 2)),
            ("Sigmoid", None, norm("Instance", 2)),
            ("RReLU", {"lower": 0.1, "upper": 0.5}, norm("Instance", 2)),
        ]
    },
    "activation_gelu_tanh": dict(
        patch=[8, 8, 8],
        **arch(
            "PlainConvUNet", 3, n_stages=2, features_per_stage=[3, 4], kernel_sizes=[[3, 3, 3]] * 2,
            strides=[[1, 1, 1], [2, 2, 2]], n_conv_per_stage=[1, 2], n_conv_per_stage_decoder=[2],
            nonlin="torch.nn.GELU", nonlin_kwargs={"approximate": "tanh"},
        ),
    ),
}

# Changes of a state dict before it is saved, because real files have such names and values.
SAVED_AS = {
    "plain_3d_thirds": lambda name, t: ("module." + name, t),
    "plain_scalars": lambda name, t: (
        "_orig_mod." + name,
        t.to(memory_format=torch.channels_last_3d) if t.ndim == 5 else t,
    ),
    "plain_two_stages": lambda name, t: (name, t.half()),
    "plain_2d_mixed": lambda name, t: (name, t.bfloat16()),
    "plain_no_norm_dropout": lambda name, t: (name, t.double()),
}


def plans_of(patch, **configuration):
    resampling = {"is_seg": False, "order": 3, "order_z": 0, "force_separate_z": None}
    return {
        "dataset_name": "Dataset900_Odd",
        "plans_name": "nnUNetPlans",
        "image_reader_writer": "SimpleITKIO",
        "transpose_forward": [0, 1, 2],
        "transpose_backward": [0, 1, 2],
        "configurations": {
            "odd": {
                "data_identifier": "nnUNetPlans_odd",
                "preprocessor_name": "DefaultPreprocessor",
                "batch_size": 2,
                "patch_size": patch,
                "spacing": [1.0] * len(patch),
                "normalization_schemes": ["ZScoreNormalization", "NoNormalization"],
                "use_mask_for_norm": [False, False],
                "resampling_fn_data": "resample_data_or_seg_to_shape",
                "resampling_fn_data_kwargs": resampling,
                "resampling_fn_seg": "resample_data_or_seg_to_shape",
                "resampling_fn_seg_kwargs": {**resampling, "is_seg": True, "order": 1},
                "resampling_fn_probabilities": "resample_data_or_seg_to_shape",
                "resampling_fn_probabilities_kwargs": {**resampling, "order": 1},
                "batch_dice": False,
                **configuration,
            }
        },
        "experiment_planner_used": "ExperimentPlanner",
        "label_manager": "LabelManager",
        "foreground_intensity_properties_per_channel": {},
    }


def randomise(network, generator):
    """Sets all values, including norms and running statistics, which start as ones and zeros."""
    for name, tensor in network.state_dict().items():
        if name.endswith("running_var"):
            tensor.copy_(torch.rand(tensor.shape, generator=generator) + 0.5)
        elif tensor.dtype.is_floating_point:
            scale = 1.0 if tensor.ndim == 1 else 1.5 / np.sqrt(np.prod(tensor.shape[1:]))
            tensor.copy_(torch.randn(tensor.shape, generator=generator) * scale)


def odd_networks():
    dataset = {
        "channel_names": {"0": "T1", "1": "T2"},
        "labels": {"background": 0, "a": 1, "b": 2},
        "numTraining": 1,
        "file_ending": ".nii.gz",
    }
    generator = torch.Generator().manual_seed(900)
    for name, description in NETWORKS.items():
        trainer = description.pop("trainer", nnUNetTrainer)
        plans = plans_of(**description)
        folder = FIXTURES / "networks" / name
        (folder / "fold_0").mkdir(parents=True, exist_ok=True)
        (folder / "plans.json").write_text(json.dumps(plans))
        (folder / "dataset.json").write_text(json.dumps(dataset))
        network, x = network_of(json.loads(json.dumps(plans)), dataset, "odd", trainer)
        randomise(network, generator)
        save_as = SAVED_AS.get(name, lambda key, tensor: (key, tensor))
        saved = dict(save_as(key, tensor) for key, tensor in network.state_dict().items())
        # The window is computed with the saved values, so that the rounding of a half-precision file makes no difference.
        network.load_state_dict({key: saved[save_as(key, tensor)[0]] for key, tensor in network.state_dict().items()})
        torch.save(
            {
                "network_weights": saved,
                "optimizer_state": {},
                "logging": {"mean_fg_dice": [np.float32(0.5)]},
                "_best_ema": np.float64(0.5),
                "current_epoch": 1,
                "init_args": {"plans": plans, "configuration": "odd", "fold": 0, "dataset_json": dataset,
                              "device": torch.device("cpu")},
                "trainer_name": trainer.__name__,
                "inference_allowed_mirroring_axes": (0, 1),
            },
            folder / "fold_0" / "checkpoint_final.pth",
        )
        write_window(folder / "window.json", network, x)


if __name__ == "__main__":
    odd_networks()
    if len(sys.argv) > 1:
        golden_windows(Path(sys.argv[1]))
