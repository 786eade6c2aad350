"""Run the Splink script of ../shared/linkage as it stands, but write its pairs to one file and leave the scoring out of the clock.

`python splink_given.py BENCH_FOLDER OUT.parquet SET VARIANT`; runs in .venv-bench. The script finds its data through LINKAGE_DATA.
"""

import importlib
import runpy
import sys
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

if __name__ == "__main__":
    bench, out, *arguments = sys.argv[1:]
    sys.path.insert(0, bench)

    def write(*finished: Any, **_: Any) -> None:
        """Stand where the script would score: id_l, id_r, weight, probability."""
        id_l, id_r, score = finished[3:6]
        weight = np.asarray(score, dtype=np.float64)
        pq.write_table(pa.table({"id_l": id_l, "id_r": id_r, "weight": weight, "probability": 1 / (1 + np.exp2(-weight))}), out)

    importlib.import_module("common").finish = write  # type: ignore[attr-defined]  # the script takes its names from there
    sys.argv = ["run_splink.py", *arguments]
    runpy.run_path(f"{bench}/run_splink.py", run_name="__main__")
