#!/usr/bin/env python3
"""Reads a run's event files with the `tensorboard` package and compares them with metrics.jsonl.

    docs/tools/check-tensorboard.py RUN        (pip install tensorboard)

Every metric of every step must be there once, as the f32 next to the number of metrics.jsonl, and
nothing else. The run may be going on: steps that came while the files were read are left out.
"""

import json
import math
import struct
import sys
from pathlib import Path

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator


def single(value):
    """The nearest f32, as Python's float."""
    number = float(value)
    try:
        return struct.unpack("<f", struct.pack("<f", number))[0]
    except OverflowError:
        return math.copysign(math.inf, number)


def expected(run):
    """{metric: {step: f32}} of the whole lines of metrics.jsonl."""
    series = {}
    for line in (run / "metrics.jsonl").read_text().split("\n")[:-1]:
        fields = json.loads(line)
        step = fields.pop("step")
        for name, value in fields.items():
            series.setdefault(name, {})[step] = single(value)
    return series


def main(run):
    before = expected(run)
    events = EventAccumulator(str(run / "tb"), size_guidance={"scalars": 0, "tensors": 0})
    events.Reload()
    after = expected(run)
    tags = events.Tags()
    found = {tag: [(e.step, e.value) for e in events.Scalars(tag)] for tag in tags["scalars"]}
    for tag in tags["tensors"]:
        found[tag] = [(e.step, e.tensor_proto.float_val[0]) for e in events.Tensors(tag)]
    problems = [f"{tag} is in no step" for tag in found if tag not in after]
    for tag, steps in before.items():
        read = found.get(tag, [])
        if len({step for step, _ in read}) != len(read):
            problems.append(f"{tag} has a step twice")
        values = dict(read)
        for step, value in steps.items():
            other = values.get(step)
            same = other == value or (other is not None and math.isnan(other) and math.isnan(value))
            if not same:
                problems.append(f"{tag} of step {step} is {other} and should be {value}")
    for problem in problems[:20]:
        print(problem)
    steps = {step for series in before.values() for step in series}
    print(f"{len(steps)} steps, {len(before)} metrics, {len(problems)} differences")
    return 1 if problems or not steps else 0


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.exit(main(Path(sys.argv[1])))
