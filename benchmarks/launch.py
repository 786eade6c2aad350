"""Run one command and print its cost as JSON: seconds from start to exit, peak resident megabytes, exit status.

Run as `python -I -S launch.py STDOUT STDERR COMMAND…` with nothing else imported: Linux counts the memory of the process that starts
another as the other's peak too, so this one stays small.
"""

import json
import os
import subprocess
import sys
import time

if __name__ == "__main__":
    with open(sys.argv[1], "wb") as out, open(sys.argv[2], "wb") as err:  # noqa: PTH123
        began = time.perf_counter()
        child = subprocess.Popen(sys.argv[3:], stdout=out, stderr=err, stdin=subprocess.DEVNULL)
        _, status, used = os.wait4(child.pid, 0)
        seconds = time.perf_counter() - began
    print(json.dumps({"seconds": seconds, "megabytes": used.ru_maxrss / 1024, "status": os.waitstatus_to_exitcode(status)}))
