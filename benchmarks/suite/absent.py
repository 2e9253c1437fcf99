"""What an input that is absent costs: our model of all inputs, against one that was trained without it."""

import os

import pandas as pd

from suite.ours import PATHS, answers
from suite.scores import score


class Loaded:
    """The run of `ours`, as `answers` takes it."""

    def __init__(self, folder):
        from mmkeras.training import run as runs

        if not os.path.isdir(folder):
            raise ValueError(f'absent: "{folder}" is not there. Do: measure ours first.')
        self.model, self.pipe = runs.load(folder)


def absences(table, seed, quick, folder):
    """Scores of test rows with each input emptied, and of models trained without it; nothing where there is one input.

    Args:
        table: module of the table.
        seed: int.
        quick: bool. Whether to train one epoch.
        folder: str. Path for the runs; that of `ours` lies beside.
    """
    import mmkeras as mm
    from data_pipelines import read_table

    run = Loaded(folder.replace(".absent.", ".ours."))
    columns = {name: modality.columns(name) for name, modality in run.pipe.inputs.items()}
    frame, found = pd.read_csv(PATHS.test), {}
    for name, own in columns.items() if len(columns) > 1 else ():
        emptied = f"without_{len(found)}.csv"
        frame.assign(**dict.fromkeys(own)).to_csv(emptied, index=False)
        others = [column for other, theirs in columns.items() if other != name for column in theirs]
        without = mm.train(
            read_table(PATHS.train),
            targets=[table.TARGET],
            inputs=others,
            validation=read_table(PATHS.validation),
            output=os.path.join(folder, str(len(found))),
            seed=seed,
            verbose=0,
            evaluate=False,
            overwrite=True,
            **({"epochs": 1} if quick else {}),
        )
        truth = frame[table.TARGET]
        found[name] = {
            "absent": score(table.METRIC, truth, answers(table, run, emptied)),
            "trained_without": score(table.METRIC, truth, answers(table, without, PATHS.test)),
        }
    return {"inputs": found}
