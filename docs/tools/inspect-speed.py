#!/usr/bin/env python3
"""How fast stored groups are found, shown and served, as a user meets it: whole commands and requests.

    inspect-speed.py RUN [--repeat 5]

RUN is made by `pipeline bench synthetic RUN --groups 1000000`; any run does. Prints a Markdown table: the median
of whole processes (start included) for every indexed field of `inspect list --where`, for `inspect show`, and of
requests to `pipeline serve` for every page; bytes of the index and of the queue; peak memory of each. The index
is brought up to date first, and how long that takes is printed too. PIPELINE names the command
(.build/release/pipeline). Needs nothing beside Python. Exit 1 when a command failed.
"""
import os
import re
import statistics
import subprocess
import sys
import time
import urllib.request

PIPELINE = os.environ.get("PIPELINE", ".build/release/pipeline")
CONDITIONS = [
    "step = 7000", "question = question-77", "source = source-3", "reward = 1", "length > 31",
    "reason = fallback", "fate = imitated", "accuracy = 0 and level = 5",
    "reward = 1 and length > 30 and reason = fallback and step >= 120",
]
PAGES = [
    "", "/metrics", "/gate", "/gate?sort=hardest", "/groups", "/groups?where=reward%3D1", "/audit", "/pipeline",
    "/groups/500000",
]


def run(arguments):
    """Seconds and peak megabytes of a command."""
    start = time.perf_counter()
    child = subprocess.Popen([PIPELINE] + arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    if status != 0:
        sys.exit(f"pipeline {' '.join(arguments)}: status {status}")
    return time.perf_counter() - start, usage.ru_maxrss / 1024


def median(arguments, repeat):
    taken = [run(arguments) for _ in range(repeat)]
    return statistics.median(seconds for seconds, _ in taken), max(memory for _, memory in taken)


def folder_bytes(path):
    return sum(os.path.getsize(os.path.join(path, name)) for name in os.listdir(path))


def memory_of(process):
    with open(f"/proc/{process}/status", encoding="ascii") as status:
        return int(re.search(r"VmHWM:\s+(\d+)", status.read()).group(1)) / 1024


def serve(path, repeat):
    """Lines of the pages, and the server's peak memory."""
    server = subprocess.Popen([PIPELINE, "serve", path, "--port", "0"], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True)
    try:
        address = None
        for line in server.stdout:
            found = re.search(r"http://[0-9.:]+", line)
            if found:
                address = found.group(0)
                break
        if address is None:
            sys.exit("pipeline serve told no address")
        key = os.path.basename(os.path.normpath(path))
        lines = []
        for page in PAGES:
            times, size = [], 0
            for _ in range(repeat):
                start = time.perf_counter()
                with urllib.request.urlopen(f"{address}/api/runs/{key}{page}", timeout=60) as answer:
                    size = len(answer.read())
                times.append(time.perf_counter() - start)
            lines.append((f"`/api/runs/RUN{page}`", max(times), statistics.median(times), size))
        return lines, memory_of(server.pid)
    finally:
        server.terminate()
        server.wait()


def main():
    arguments = [argument for argument in sys.argv[1:] if not argument.startswith("--")]
    if len(arguments) < 1:
        sys.exit(__doc__)
    path = arguments[0]
    repeat = int(sys.argv[sys.argv.index("--repeat") + 1]) if "--repeat" in sys.argv else 5
    made, memory = run(["inspect", "list", path, "--where", "reward = 1", "--limit", "1"])
    index, queue = folder_bytes(path + "/index"), os.path.getsize(path + "/queue/data.mdb")
    print(f"index brought up to date in {made:.1f} s, {memory:.0f} MB; {index / 1e6:.1f} MB beside "
          f"{queue / 1e6:.0f} MB of queue: {100 * index / queue:.2f} %\n")
    print("| command | median ms | peak MB |\n|---|---|---|")
    for condition in CONDITIONS:
        seconds, memory = median(["inspect", "list", path, "--where", condition], repeat)
        print(f"| `inspect list --where '{condition}'` | {1000 * seconds:.0f} | {memory:.0f} |", flush=True)
    for name, more in [("--sort length --descending", ["--sort", "length", "--descending"]), ("", [])]:
        seconds, memory = median(["inspect", "list", path] + more, repeat)
        print(f"| `inspect list {name}` | {1000 * seconds:.0f} | {memory:.0f} |", flush=True)
    for group in ["0", "500000"]:
        seconds, memory = median(["inspect", "show", path, group, "--plain"], repeat)
        print(f"| `inspect show RUN {group}` | {1000 * seconds:.0f} | {memory:.0f} |", flush=True)
    lines, memory = serve(path, repeat)
    print("\n| page | first or slowest ms | median ms | bytes |\n|---|---|---|---|")
    for name, slowest, middle, size in lines:
        print(f"| {name} | {1000 * slowest:.0f} | {1000 * middle:.0f} | {size} |")
    print(f"\n`pipeline serve`: {memory:.0f} MB at most")


if __name__ == "__main__":
    main()
