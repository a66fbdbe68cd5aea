"""The peer that teams write first: FastAPI with sqlite3, one uvicorn worker, no key and no check. argv: file."""
import os
import sqlite3
import sys

from fastapi import FastAPI

connection = sqlite3.connect(f"file:{sys.argv[1]}?mode=ro", uri=True, check_same_thread=False)
connection.row_factory = sqlite3.Row
app = FastAPI()


@app.get("/person")
async def person(id: int):
    return {"rows": [dict(row) for row in connection.execute("SELECT * FROM data WHERE id = ?", (id,))]}


if __name__ == "__main__":
    import uvicorn

    uvicorn.run(app, host="127.0.0.1", port=int(os.environ["PORT"]), log_level="warning", access_log=False)
