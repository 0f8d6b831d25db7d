"""Writes what nnU-Net's own commands answer with the best model of two cross-validations of a cascade.

The cross-validations are those of test/golden/tools/selection under the names of the golden cascade. nnU-Net finds the
best model, predicts with it stage by stage, averages and post-processes. Run with a Python that has nnunetv2:
    python test/peer/best_model_fixtures.py
"""
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

TEST = Path(__file__).resolve().parent.parent
DATASET = "Dataset503_Cascade"
STAGES = {"2d": "3d_lowres", "3d_fullres": "3d_cascade_fullres"}


def arrange(scratch, scenario):
    """Returns the results and the preprocessed folder with golden models and another data set's predictions."""
    source = TEST / "golden" / "tools" / "selection" / scenario / "in"
    for root in ["nnUNet_results", "nnUNet_preprocessed"]:
        shutil.copytree(next((source / root).iterdir()), scratch / root / DATASET)
    results, preprocessed = [scratch / root / DATASET for root in ["nnUNet_results", "nnUNet_preprocessed"]]
    for old, stage in STAGES.items():
        model = results / f"nnUNetTrainer__nnUNetTinyPlans__{stage}"
        (results / f"nnUNetTrainer__nnUNetPlans__{old}").rename(model)
        golden = TEST / "golden" / "v2" / f"cascade_{stage}" / "model"
        for name in ["plans.json", "dataset.json", "fold_0/checkpoint_final.pth"]:
            shutil.copy(golden / name, model / name)
        shutil.copy(golden / "plans.json", preprocessed / "nnUNetTinyPlans.json")
    return results


for scenario, fixture in [("EnsembleWins", "ensemble"), ("SingleWinsIslands", "cascade")]:
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        results = arrange(scratch, scenario)
        environment = {
            **os.environ, "nnUNet_def_n_proc": "1", "nnUNet_raw": str(scratch / "raw"),
            **{root: str(scratch / root) for root in ["nnUNet_results", "nnUNet_preprocessed"]},
        }

        def nnunet(command, *args):
            program = Path(sys.executable).parent / f"nnUNetv2_{command}"
            subprocess.run([program, *args], env=environment, check=True)

        model = ["-p", "nnUNetTinyPlans", "-f", "0"]
        nnunet("find_best_configuration", "503", *model, "-c", *STAGES.values(), "-np", "1")
        answers = [scratch / stage for stage in STAGES.values()]
        for stage, answer in zip(STAGES.values(), answers):
            earlier = ["-prev_stage_predictions", answers[0]] if answer != answers[0] else []
            images = TEST / "golden" / "v2" / f"cascade_{stage}" / "input"
            nnunet("predict", "-d", "503", *model, "-c", stage, "-i", images, "-o", answer, "-device", "cpu",
                   "-npp", "1", "-nps", "1", "--save_probabilities", *earlier)
        best = json.loads((results / "inference_information.json").read_text())["best_model_or_ensemble"]
        raw = answers[1]
        if len(best["selected_model_or_models"]) > 1:
            raw = scratch / "average"
            nnunet("ensemble", "-i", *answers, "-o", raw, "-np", "1")
        nnunet("apply_postprocessing", "-i", raw, "-o", scratch / "final", "-pp_pkl_file", best["postprocessing_file"],
               "-plans_json", best["some_plans_file"], "-dataset_json", answers[0] / "dataset.json", "-np", "1")
        out = TEST / "fixtures" / "best-models"
        out.mkdir(exist_ok=True)
        shutil.copy(scratch / "final" / "cas_007.nii.gz", out / f"{fixture}.nii.gz")
