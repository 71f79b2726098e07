#!/usr/bin/env python3
"""How time and memory grow: against model size, group size, response length, stored groups and threads.

    bench-growth.py DIR [AXIS...] [--work FOLDER] [--quick]
                        measures the axes that DIR has no figures of, then draws DIR/AXIS.svg of each
    bench-growth.py DIR --draw
                        draws what was measured, and measures nothing

Axes: model-size group-size response-length stored-groups threads; all of them by default. Figures stand in
DIR/AXIS.jsonl, as `pipeline bench --out` writes them; remove a file to measure its axis again. --work names a
folder on the disk to measure: ten million records take 10 GB there. --quick takes small ends of the axes.

Prints a Markdown table with the exponent e of each stretch between two points, y ~ x^e: 1 is linear. Axes of
the plots are logarithmic, so that a straight line of slope 1 is linear growth. Run it while nothing else does.
PIPELINE names the command (.build/release/pipeline). Needs nothing beside Python. Exit 1 when a measurement
failed; the others are drawn.
"""
import json
import math
import os
import subprocess
import sys

PIPELINE = os.environ.get("PIPELINE", ".build/release/pipeline")
TOKENIZER = "pipelines/tokenizers/ladder"
SHAPES = "docs/tools/bench-models"


def model(folder, name, shape=None):
    """A model directory with random weights; `shape` replaces fields of S."""
    path = os.path.join(folder, "models", name)
    if os.path.exists(os.path.join(path, "config.json")):
        return path
    os.makedirs(os.path.dirname(path), exist_ok=True)
    config = os.path.join(SHAPES, f"{name}.json")
    if shape is not None:
        with open(os.path.join(SHAPES, "S.json"), encoding="utf-8") as file:
            fields = dict(json.load(file), **shape)
        config = path + ".json"
        with open(config, "w", encoding="utf-8") as file:
            json.dump(fields, file)
    subprocess.run([PIPELINE, "model", "init", path, "--config", config, "--tokenizer", TOKENIZER,
                    "--dtype", "f32"], check=True, stdout=subprocess.DEVNULL)
    return path


def model_size(folder, work, quick):
    """Models whose width grows; their depth and vocabulary stay."""
    for width in (64, 128, 256) if quick else (64, 128, 256, 512, 1024, 2048):
        path = model(folder, f"width-{width}", dict(
            hidden_size=width, intermediate_size=3 * width, num_attention_heads=max(1, width // 64),
            num_key_value_heads=max(1, width // 128)))
        yield ["train", path, "--shape", "16x64", "--steps", "3"]
        yield ["rollout", path, "--shape", "8x8x32", "--steps", "3"]


def group_size(folder, work, quick):
    """Rollouts of each of four questions, in whole steps."""
    sizes = (1, 4) if quick else (1, 2, 4, 8, 16, 32, 64, 128, 256)
    shapes = ",".join(f"4x{size}x32" for size in sizes)
    yield ["step", model(folder, "S"), "--shape", shapes, "--steps", "3"] + work


def response_length(folder, work, quick):
    """Tokens of each of 32 responses, in whole steps."""
    lengths = (16, 64) if quick else (16, 32, 64, 128, 256, 512, 1024, 1920)
    shapes = ",".join(f"4x8x{length}" for length in lengths)
    yield ["step", model(folder, "S"), "--shape", shapes, "--steps", "2"] + work


def stored_groups(folder, work, quick):
    """Simulated records of 700 bytes, half of which repeat."""
    counts = (1000, 10_000) if quick else (1000, 10_000, 100_000, 1_000_000, 10_000_000)
    for count in counts:
        yield ["store", "--groups", str(count), "--payload", "700", "--batches", "0"] + work


def threads(folder, work, quick):
    """Threads up to twice the cores: beyond the cores they must not lose."""
    for count in range(1, 2 * (os.cpu_count() or 1) + 1):
        path = model(folder, "S")
        more = ["--threads", str(count), "--steps", "2" if quick else "5"]
        yield ["train", path, "--shape", "8x64" if quick else "64x96"] + more
        yield ["rollout", path, "--shape", "8x8x16" if quick else "128x8x32"] + more


AXES = {
    "model-size": (model_size, "parameters", lambda r: r.get("parameters")),
    "group-size": (group_size, "rollouts of a question", lambda r: shape(r, 1)),
    "response-length": (response_length, "tokens of a response", lambda r: shape(r, 2)),
    "stored-groups": (stored_groups, "records", lambda r: shape(r, 0)),
    "threads": (threads, "threads", lambda r: r.get("threads")),
}


def shape(record, index):
    numbers = (record.get("shape") or "").split("x")
    return int(numbers[index]) if index < len(numbers) and numbers[index].isdigit() else None


def series(records, place):
    """Curves of time and of memory by name, each a list of (x, y) in ascending order of x."""
    time, memory = {}, {}
    for record in records:
        x, job = place(record), record.get("job")
        if x is None or job is None:
            continue

        def add(curves, name, y):
            if isinstance(y, (int, float)) and y > 0:
                curves.setdefault(name, {})[x] = y
        figures = record.get("figures") or {}
        add(time, {"store": "writing"}.get(job, job), record.get("seconds_median"))
        for part in ("generation", "forward", "backward"):
            if job == "step":
                add(time, part, (record.get("parts") or {}).get(part))
        if figures.get("random_reads_per_second"):
            add(time, "1,000 random reads", 1000 / figures["random_reads_per_second"])
        if record.get("peak_memory_bytes"):
            kind = "peak with mapped pages" if job == "store" else job
            add(memory, kind, record["peak_memory_bytes"] / 2**20)
        if figures.get("anonymous_mb"):
            add(memory, "own memory", figures["anonymous_mb"] * 1e6 / 2**20)
        if figures.get("disk_mb"):
            add(memory, "disk", figures["disk_mb"] * 1e6 / 2**20)
    return [{name: sorted(curve.items()) for name, curve in curves.items()}
            for curves in (time, memory)]


def exponents(curve):
    """(x, next x, e) of every stretch: y grows as x^e."""
    return [(x, u, math.log(v / y) / math.log(u / x))
            for (x, y), (u, v) in zip(curve, curve[1:]) if u != x]


# Drawing.

COLOURS = ("#1f6feb", "#d1242f", "#1a7f37", "#9a6700", "#8250df", "#57606a")
WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 460, 340, 70, 16, 40, 56


def short(value):
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:.3g}{unit}"
    return f"{value:.3g}"


def escaped(text):
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def panel(x0, title, label, curves):
    """The elements of one plot with logarithmic axes."""
    points = [point for curve in curves.values() for point in curve]
    out = [f'<text x="{x0 + LEFT}" y="24" class="title">{escaped(title)}</text>']
    if not points:
        return out + [f'<text x="{x0 + LEFT}" y="60">not measured</text>']
    spans = []
    for axis, values in enumerate(zip(*points)):
        low, high = math.log10(min(values)), math.log10(max(values))
        width = max(high - low, 0.3)
        # The names of the curves stand above them.
        above = 0.06 + (0.07 * len(curves) if axis else 0)
        spans.append((low - 0.06 * width, high + above * width))

    def across(x):
        low, high = spans[0]
        return x0 + LEFT + (math.log10(x) - low) / (high - low) * (WIDTH - LEFT - RIGHT)

    def up(y):
        low, high = spans[1]
        return HEIGHT - BOTTOM - (math.log10(y) - low) / (high - low) * (HEIGHT - TOP - BOTTOM)
    for axis, (low, high) in enumerate(spans):
        steps = range(1, 10) if high - low < 0.9 else (1, 2, 5) if high - low < 2 else (1,)
        for power in range(math.floor(low) - 1, math.ceil(high) + 1):
            for step in steps:
                value = step * 10.0**power
                if not low <= math.log10(value) <= high:
                    continue
                if axis == 0:
                    x = across(value)
                    out.append(f'<line x1="{x:.1f}" y1="{TOP}" x2="{x:.1f}" y2="{HEIGHT - BOTTOM}"/>')
                    out.append(f'<text x="{x:.1f}" y="{HEIGHT - BOTTOM + 16}" '
                               f'text-anchor="middle">{short(value)}</text>')
                else:
                    y = up(value)
                    out.append(f'<line x1="{x0 + LEFT}" y1="{y:.1f}" x2="{x0 + WIDTH - RIGHT}" '
                               f'y2="{y:.1f}"/>')
                    out.append(f'<text x="{x0 + LEFT - 6}" y="{y + 4:.1f}" '
                               f'text-anchor="end">{short(value)}</text>')
    out.append(f'<text x="{x0 + (LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - BOTTOM + 34}" '
               f'text-anchor="middle">{escaped(label)}</text>')
    for index, (name, curve) in enumerate(curves.items()):
        colour = COLOURS[index % len(COLOURS)]
        path = " ".join(f"{across(x):.1f},{up(y):.1f}" for x, y in curve)
        out.append(f'<polyline points="{path}" stroke="{colour}"/>')
        out += [f'<circle cx="{across(x):.1f}" cy="{up(y):.1f}" r="3" fill="{colour}"/>'
                for x, y in curve]
        out.append(f'<text x="{x0 + LEFT + 8}" y="{TOP + 14 + 15 * index}" '
                   f'fill="{colour}">{escaped(name)}</text>')
    return out


def draw(path, axis, label, time, memory):
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{2 * WIDTH}" height="{HEIGHT}" '
        f'viewBox="0 0 {2 * WIDTH} {HEIGHT}">',
        "<style>text { font: 12px sans-serif; } .title { font-weight: bold; } "
        "line { stroke: #d0d7de; } polyline { fill: none; stroke-width: 1.5; }</style>",
        f'<rect width="{2 * WIDTH}" height="{HEIGHT}" fill="white"/>',
    ]
    parts += panel(0, f"seconds against {axis.replace('-', ' ')}", label, time)
    parts += panel(WIDTH, f"MiB against {axis.replace('-', ' ')}", label, memory)
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join(parts + ["</svg>", ""]))


def table(axis, label, time, memory):
    print(f"\n{axis} ({label}):\n")
    print("| | " + "from → to: e" + " |")
    print("|---|---|")
    for kind, curves in (("s", time), ("MiB", memory)):
        for name, curve in curves.items():
            stretches = ", ".join(f"{short(x)} → {short(u)}: {e:.2f}" for x, u, e in exponents(curve))
            ends = f"{curve[0][1]:.3g} to {curve[-1][1]:.3g} {kind}"
            print(f"| {name}, {ends} | {stretches or 'one point'} |")


def measure(path, folder, axis, work, quick):
    """Whether every job of the axis was measured. Figures appear whole or not at all."""
    partial, fine = path + ".partial", True
    if os.path.exists(partial):
        os.remove(partial)
    for arguments in AXES[axis][0](folder, work, quick):
        command = [PIPELINE, "bench"] + arguments + ["--out", partial, "--no-roofline"]
        result = subprocess.run(command, stdout=subprocess.DEVNULL)
        if result.returncode != 0:
            print(f"bench-growth: {' '.join(command)}: exit {result.returncode}", file=sys.stderr)
            fine = False
    if os.path.exists(partial):
        os.replace(partial, path)
    return fine


def main():
    words = sys.argv[1:]
    options = {word: word in words for word in ("--draw", "--quick")}
    words = [word for word in words if word not in options]
    work = []
    if "--work" in words:
        at = words.index("--work")
        work, words = words[at:at + 2], words[:at] + words[at + 2:]
    unknown = [word for word in words[1:] if word not in AXES]
    if not words or words[0].startswith("-") or unknown or len(work) == 1:
        for word in unknown:
            print(f"bench-growth: there is no axis {word}; there are {' '.join(AXES)}",
                  file=sys.stderr)
        print(__doc__, file=sys.stderr)
        sys.exit(0 if words[:1] in (["-h"], ["--help"]) else 2)
    folder, fine = words[0], True
    os.makedirs(folder, exist_ok=True)
    for axis in words[1:] or AXES:
        path = os.path.join(folder, f"{axis}.jsonl")
        if not options["--draw"] and not os.path.exists(path):
            fine = measure(path, folder, axis, work, options["--quick"]) and fine
        if not os.path.exists(path):
            print(f"bench-growth: {path} is not there: {axis} is left out", file=sys.stderr)
            fine = False
            continue
        with open(path, encoding="utf-8") as file:
            records = [json.loads(line) for line in file if line.strip()]
        _, label, place = AXES[axis]
        time, memory = series(records, place)
        draw(os.path.join(folder, f"{axis}.svg"), axis, label, time, memory)
        table(axis, label, time, memory)
    sys.exit(0 if fine else 1)


if __name__ == "__main__":
    main()
