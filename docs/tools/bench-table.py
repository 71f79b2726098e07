#!/usr/bin/env python3
"""Our figures beside the peers', as the Markdown table of docs/benchmarks.md.

    bench-table.py OURS.jsonl [PEERS.jsonl...]

OURS are lines of `pipeline bench --out`, PEERS those of the peers' scripts (train_step, rollout, grpo_e2e,
store, gemm peak). A job that was measured several times counts with the median of its figures, so that both
sides may take turns. What is missing on either side is named below the table, and the rest is still printed;
so are lines that were measured while other programs ran.

"at most" is what the ratio would be if all useful FLOP of ours ran at the processor's peak in f32 (gemm peak)
and nothing else took time: no f32 product can make it larger.

Exit 0, also when rows are missing; 1 when a file cannot be read, after the rest; 2 for wrong arguments.
"""
import json
import statistics
import subprocess
import sys

BUSY_CORES = 0.2  # of other programs, a mean over a job of ours
BUSY_LOAD = 1.0  # above the threads, at the end of a peer's script


def lines(path):
    """The JSON objects of a file, notes on lines that are none, and whether it could be read."""
    found, notes = [], []
    try:
        with open(path, encoding="utf-8") as file:
            for number, line in enumerate(file, 1):
                if not line.strip():
                    continue
                try:
                    value = json.loads(line)
                except ValueError as error:
                    notes.append(f"{path}:{number}: {error}")
                    continue
                if isinstance(value, dict):
                    found.append(value)
                else:
                    notes.append(f"{path}:{number}: no object")
    except (OSError, UnicodeDecodeError) as error:
        print(f"bench-table: {path}: {error}. Measure it, or leave the name out.", file=sys.stderr)
        notes.append(f"{path}: {error}")
        return found, notes, False
    return found, notes, True


class Figures:
    """Numbers by name; each may have been measured several times."""

    def __init__(self):
        self.values = {}

    def add(self, key, value):
        if isinstance(value, (int, float)) and value == value:
            self.values.setdefault(key, []).append(value)

    def get(self, key):
        found = self.values.get(key)
        return statistics.median(found) if found else None

    def best(self, keys, largest=True):
        """The best of several figures that are there, and its key."""
        known = [(self.get(key), key) for key in keys if self.get(key) is not None]
        if not known:
            return None, None
        return (max if largest else min)(known, key=lambda pair: pair[0])

    def starting(self, *parts):
        return [key for key in self.values if key[: len(parts)] == parts]


def read_ours(records, notes):
    ours = Figures()
    for record in records:
        job, shape = record.get("job"), record.get("shape")
        model = (record.get("model") or "").rstrip("/").split("/")[-1]
        precision = record.get("precision") or ""
        if record.get("weights"):
            precision += f", {record['weights']} weights"
        if record.get("gradient_checkpointing"):
            precision += ", gradient checkpointing"
        if record.get("other_cores", 0) > BUSY_CORES:
            notes.append(f"ours: {' '.join(filter(None, (job, model, shape)))}: other programs had "
                         f"{record['other_cores']:.2f} processors")
        loss = record.get("loss")
        if job in ("train", "rollout"):
            name = f"{job} {model} {shape}" + (f" {loss}" if job == "train" else "")
        elif job == "step":
            name = f"step {loss} {model} {shape}"
        else:
            name = f"{job} {shape}"
        for field in ("tokens_per_second_median", "share_of_products", "share_of_memory",
                      "seconds_median", "peak_memory_bytes", "gflop_per_second", "useful_gflop",
                      "tokens"):
            ours.add((name, field, precision), record.get(field))
        for field, value in (record.get("figures") or {}).items():
            ours.add((name, field, precision), value)
            if job == "step":
                ours.add(("step " + str(loss), field, precision), value)
    return ours


def read_peers(records, notes):
    peers = Figures()
    for record in records:
        tool = record.get("tool")
        if tool == "cpu_peak":
            at = record.get(f"t{record.get('threads')}") or {}
            for field in ("f32_avx2_gflops", "f32_avx512_gflops"):
                peers.add(("cpu_peak", "f32", field), at.get(field))
            continue
        if record.get("error"):
            notes.append(f"peers: {tool}: {record['error']}")
            continue
        if (record.get("load1_at_end") or 0) > record.get("threads", 0) + BUSY_LOAD:
            notes.append(f"peers: {tool} {record.get('engine', '')}: load average "
                         f"{record['load1_at_end']} on {record.get('threads')} threads")
        for result in record.get("results") or []:
            label = result.get("config") or result.get("job") or result.get("store")
            if result.get("error"):
                notes.append(f"peers: {tool} {label}: {result['error']}")
            elif tool == "train_step":
                model, shape, precision, loss, *rest = label.split(":")
                name = f"train {model} {shape} {loss}"
                mode = precision + (" compiled" if rest else "")
                peers.add((name, "tokens", mode), result.get("tokens_per_s_median"))
                peers.add((name, "memory", mode), result.get("rss_peak_mib_so_far"))
            elif tool == "rollout":
                model, shape, precision = label.split(":")[:3]
                engine = {"hf": "transformers", "llamacpp": "llama.cpp", "ct2": "CTranslate2"}.get(
                    record.get("engine"), record.get("engine"))
                peers.add((f"rollout {model} {shape}", "tokens",
                           f"{engine} {precision.replace('float32', 'f32')}"),
                          result.get("tokens_per_s"))
            elif tool == "store":
                for field in ("disk_share_of_raw", "write_mb_s", "random_reads_s"):
                    peers.add((f"store {result.get('records')}", field, label), result.get(field))
        if tool == "grpo_e2e":
            name = (f"step {record.get('model')} {record.get('prompts')}"
                    f"x{record.get('generations')}x{record.get('max_new_tokens')}")
            mode = "bf16" if "bf16" in (record.get("dtype") or "") else "f32"
            peers.add((name, "seconds", mode), record.get("s_per_step_median"))
            peers.add((name, "memory", mode), record.get("rss_peak_mib"))
        for label, result in (record.get("queues") or {}).items():
            queue, batch = label.rsplit("_batch", 1)
            peers.add((f"queue {batch}", "push", queue), result.get("push_items_s"))
            peers.add((f"queue {batch}", "pop", queue), result.get("pop_items_s"))
    return peers


class Table:
    def __init__(self, ours, peers):
        self.ours, self.peers = ours, peers
        self.rows, self.missing = [], []

    def our(self, name, field, precision=None, largest=True):
        """Value and precision of ours: of one precision, or the best of all."""
        keys = [(name, field, precision)] if precision else self.ours.starting(name, field)
        value, key = self.ours.best(keys, largest)
        return value, key[2] if key else None

    def peer(self, name, field, modes=None, largest=True):
        keys = self.peers.starting(name, field)
        if modes is not None:
            keys = [key for key in keys if key[2] in modes]
        value, key = self.peers.best(keys, largest)
        return value, key[2] if key else None

    def fewest_seconds(self, name):
        """Of a job of ours in f32, if all its useful FLOP ran at the processor's peak."""
        work = self.ours.get((name, "useful_gflop", "f32"))
        peak, _ = self.peer("cpu_peak", "f32")
        return work / peak if work and peak else None

    def ratio(self, job, measure, own, theirs, least, aim, below=False, inverse=False, bound=None):
        """A row of two figures. below: smaller is better; inverse: theirs over ours; bound: the best that
        our figure could be."""
        (mine, mode), (other, peer) = own, theirs
        sides = [side for value, side in ((mine, "ours"), (other, "the peers'")) if value is None]
        if sides:
            self.missing.append(f"{job}, {measure}: {' and '.join(sides)}")
        if mine is None and other is None:
            return
        found = None
        if mine is not None and other:
            found = other / mine if inverse else mine / other
        most = None
        if bound is not None and other:
            most = other / bound if inverse else bound / other
        self.row(job, measure, self.number(mine, mode), self.number(other, peer), found, "×", least,
                 aim, below, most)

    def share(self, job, measure, own, least, aim, below=False):
        """A row of a figure that is a ratio in itself."""
        value, mode = own
        if value is None:
            self.missing.append(f"{job}, {measure}: ours")
            return
        self.row(job, measure, mode or "", "", value, "", least, aim, below)

    def row(self, job, measure, own, theirs, value, unit, least, aim, below, most=None):
        text, verdict = "", ""
        if value is not None:
            text = f"{value:.2f}{unit}" if value < 100 else f"{value:.0f}{unit}"
            holds = value <= least if below else value >= least
            reaches = aim is not None and (value <= aim if below else value >= aim)
            verdict = "aim" if reaches else "holds" if holds else "**short**"
            if not holds and most is not None and most < least:
                verdict += ", beyond the peak"
        wanted = f"{'≤ ' if below else ''}{least:g}{unit}"
        goal = "" if aim is None else f"{'≤ ' if below else ''}{aim:g}{unit}"
        limit = "" if most is None else f"{most:.2f}{unit}"
        self.rows.append((job, measure, own, theirs, text, wanted, goal, limit, verdict))

    @staticmethod
    def number(value, mode):
        if value is None:
            return "not measured"
        text = f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
        return f"{text} ({mode})" if mode else text

    # Rows of the table, in the order of docs/benchmarks.md.

    def train(self, model, shape, least, aim, least_best, aim_best):
        name = f"train {model} {shape} ce"
        field = "tokens_per_second_median"
        job = f"train {model}, {shape.replace('x', ' × ')}"
        tokens, fewest = self.ours.get((name, "tokens", "f32")), self.fewest_seconds(name)
        self.ratio(job, "tokens/s in f32 over torch eager f32", self.our(name, field, "f32"),
                   self.peer(name, "tokens", ["f32"]), least, aim,
                   bound=tokens / fewest if tokens and fewest else None)
        self.ratio(job, "tokens/s of the best modes", self.our(name, field),
                   self.peer(name, "tokens"), least_best, aim_best)
        self.share(job, "GFLOP/s over OpenBLAS's at these products",
                   self.our(name, "share_of_products", "f32"), 0.72, 0.9)

    def train_large(self):
        # Both rows are of one mode: the one that takes the least memory.
        name, job = "train L 2x128 ce", "train L, 2 × 128"
        _, mode = self.our(name, "peak_memory_bytes", largest=False)
        self.ratio(job, "tokens/s over torch bf16",
                   self.our(name, "tokens_per_second_median", mode),
                   self.peer(name, "tokens", ["bf16"]), 1.2, 2)
        self.memory(job, name, 0.8, 0.6)

    def memory(self, job, name, least, aim, peer_name=None, modes=("bf16",)):
        bytes_, mode = self.our(name, "peak_memory_bytes", largest=False)
        self.ratio(job, "peak MiB over the peer's",
                   (bytes_ / 2**20 if bytes_ is not None else None, mode),
                   self.peer(peer_name or name, "memory", modes, largest=False), least, aim,
                   below=True)

    def rollout(self, model, shape, least, aim, engine=None):
        name = f"rollout {model} {shape}"
        modes = None
        if engine:
            modes = [key[2] for key in self.peers.starting(name, "tokens")
                     if key[2] == engine]
        self.ratio(f"rollout {model}, {shape.replace('x', ' × ')}",
                   f"new tokens/s over {engine or 'the best peer'}",
                   self.our(name, "tokens_per_second_median"), self.peer(name, "tokens", modes),
                   least, aim)

    def step(self):
        name, own = "step S 16x8x32", "step dr_grpo S 16x8x32"
        job = "GRPO step S, 16 × 8 × 32"
        for mode, precision, least, aim in (("f32", "f32", 3, 5), ("bf16", None, 2, 4)):
            self.ratio(job, f"steps/s over TRL {mode}",
                       self.our(own, "seconds_median", precision, largest=False),
                       self.peer(name, "seconds", [mode]), least, aim, inverse=True,
                       bound=self.fewest_seconds(own) if precision else None)
        self.memory(job, own, 0.3, 0.2, peer_name=name, modes=("f32", "bf16"))

    def outside(self):
        self.share("whole HPT step", "share of time outside model and optimizer",
                   self.our("step hpt", "share_outside", largest=False), 0.05, 0.02, below=True)

    def store(self):
        name, job = "store 100000", "store, 100,000 × 10 KB"
        self.share(job, "bytes on disk of raw", self.our(name, "disk_share_of_raw", largest=False),
                   0.58, 0.5, below=True)
        self.ratio(job, "MB/s written over LMDB + zstd 3", self.our(name, "write_mb_per_second"),
                   self.peer(name, "write_mb_s", ["lmdb_zstd3"]), 1.5, 2.5)
        self.ratio(job, "random reads/s over LMDB + zstd 3",
                   self.our(name, "random_reads_per_second"),
                   self.peer(name, "random_reads_s", ["lmdb_zstd3"]), 1, 1.5)

    def queues(self):
        for batch in (32, 256):
            for way in ("push", "pop"):
                self.ratio(f"durable queue, {batch} in a commit", f"items/s, {way}",
                           self.our(f"queue {batch}", f"{way}_items_per_second"),
                           self.peer(f"queue {batch}", way, ["lmdb", "sqlite", "redis"]), 1, None)

    def all(self):
        self.train("S", "64x96", 2.3, 2.8, 1.1, 1.8)
        self.train("S", "8x512", 2.3, 2.8, 1.1, 1.8)
        self.train("M", "64x96", 2.4, 3, 1.1, 1.6)
        self.train("M", "8x512", 2.4, 3, 1.1, 1.6)
        self.train_large()
        self.rollout("S", "128x8x64", 1.5, 3)
        self.rollout("M", "32x8x64", 1.3, 2)
        self.rollout("M", "128x8x64", 1.3, 2)
        for model, tokens in (("S", 64), ("M", 64), ("L", 32)):
            for streams in (1, 8):
                self.rollout(model, f"1x{streams}x{tokens}", 1, 1.1, "llama.cpp bf16")
        # Of the mode that is fastest, whatever another one reads.
        _, mode = self.our("rollout L 1x1x32", "tokens_per_second_median")
        self.share("rollout L, 1 × 1 × 32", "weights read over the memory's bandwidth",
                   self.our("rollout L 1x1x32", "share_of_memory", mode), 0.9, None)
        self.step()
        self.outside()
        self.store()
        self.queues()


def commit():
    try:
        result = subprocess.run(["git", "describe", "--always", "--dirty"], text=True,
                                capture_output=True, check=True)
        return result.stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def main():
    if len(sys.argv) < 2 or sys.argv[1].startswith("-"):
        print(__doc__, file=sys.stderr)
        sys.exit(0 if sys.argv[1:] in (["-h"], ["--help"]) else 2)
    our_records, notes, is_whole = lines(sys.argv[1])
    peer_records = []
    for path in sys.argv[2:]:
        found, more, is_read = lines(path)
        peer_records += found
        notes += more
        is_whole = is_whole and is_read
    ours, peers = read_ours(our_records, notes), read_peers(peer_records, notes)
    table = Table(ours, peers)
    table.all()

    def among(records, field):
        return ", ".join(sorted({str(r[field]) for r in records if r.get(field)})) or "unknown"
    print(f"Machine: {among(our_records, 'processor')}, "
          f"{among(our_records, 'threads')} threads (peers: {among(peer_records, 'cpu')}, "
          f"{among(peer_records, 'threads')} threads). Commit {commit()}.")
    versions = sorted({f"{tool} {record[tool]}" for record in peer_records
                       for tool in ("torch", "transformers", "trl", "lmdb", "sqlite")
                       if isinstance(record.get(tool), str)}
                      | {f"{tool} {version}" for record in peer_records
                         for tool, version in (record.get("versions") or {}).items()})
    if versions:
        print(f"Peers: {', '.join(versions)}.")
    print()
    print("| job | measure | ours | peer | ratio | at least | aim | at most | |")
    print("|---|---|---|---|---|---|---|---|---|")
    for row in table.rows:
        print("| " + " | ".join(row) + " |")
    for title, found in (("Not measured", table.missing), ("Notes", notes)):
        if found:
            print(f"\n{title}:\n")
            for line in dict.fromkeys(found):
                print(f"- {line}")
    sys.exit(0 if is_whole else 1)


if __name__ == "__main__":
    main()
