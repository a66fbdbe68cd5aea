"""The peer that teams write first: FastAPI with onnxruntime, one uvicorn worker. argv: model, feature names as JSON."""
import json
import os
import sys

import numpy as np
import onnxruntime
from fastapi import FastAPI

options = onnxruntime.SessionOptions()
options.intra_op_num_threads = 1
session = onnxruntime.InferenceSession(sys.argv[1], options, providers=["CPUExecutionProvider"])
names = json.loads(sys.argv[2])
app = FastAPI()


@app.post("/score")
def score(body: dict):
    row = np.array([[body["features"][name] for name in names]], np.float32)
    labels, probabilities = session.run(None, {session.get_inputs()[0].name: row})
    return {"predictions": labels.tolist(), "probabilities": probabilities.tolist(), "count": 1}


if __name__ == "__main__":
    import uvicorn

    uvicorn.run(app, host="127.0.0.1", port=int(os.environ["PORT"]), log_level="warning", access_log=False)
