#!/usr/bin/env python3
"""Encoding speed beside Hugging Face's tokenizers, and time on hostile megabytes.

    tokenizer-speed.py GOLDEN TEXTS...   GOLDEN holds NAME/tokenizer.json or .json.zst, TEXTS are JSON
                                         lines (.zst or not) whose `question` and `solution` are read

Both sides encode every text alone on one thread; seconds are of the processor, ours the best of 5, theirs
of 2, in two rounds that take turns, and the ids must be the same. Needs the tests as `make test` builds them, zstd,
and Python with `tokenizers` (written with 0.23.3).
"""
import json
import os
import re
import subprocess
import sys
import tempfile
import time

os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ["RAYON_NUM_THREADS"] = "1"
import tokenizers  # noqa: E402, after what it reads at its import

ROUNDS, BEST_OF = 2, 2  # theirs takes seconds a time


def plain(path):
    if path.endswith(".zst"):
        return subprocess.run(["zstd", "-dqc", path], check=True, stdout=subprocess.PIPE).stdout
    with open(path, "rb") as file:
        return file.read()


def read_texts(paths):
    rows = (json.loads(line) for path in paths for line in plain(path).splitlines())
    return [row[key] for row in rows for key in ("question", "solution") if key in row]


def ours(folder, test):
    environment = {**os.environ, "TEMPER_TOKENIZERS": folder}
    command = ["swift", "test", "-c", "release", "--skip-build"]
    done = subprocess.run(
        command + ["--filter", f"TokenizerTests.SpeedTests/{test}"], text=True,
        env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode != 0:
        sys.exit(done.stdout)
    return done.stdout


def theirs(folder, name, texts):
    tokenizer = tokenizers.Tokenizer.from_file(f"{folder}/{name}/tokenizer.json")
    best = {}
    for way, encode in {
        "encode": lambda: [tokenizer.encode(text, add_special_tokens=False) for text in texts],
        "batch": lambda: tokenizer.encode_batch_fast(texts, add_special_tokens=False),
    }.items():
        for _ in range(BEST_OF):
            begin = time.process_time()
            encoded = encode()
            seconds = time.process_time() - begin
            best[way] = min(best.get(way, seconds), seconds)
    digest = 0
    for encoding in encoded:
        for token in encoding.ids:
            digest = (digest * 31 + token) % 1_000_000_007
    return best, digest


def main(golden, paths):
    texts = read_texts(paths)
    megabytes = sum(len(text.encode()) for text in texts) / 1e6
    with tempfile.TemporaryDirectory() as folder:
        with open(folder + "/texts.json", "w") as file:
            json.dump(texts, file)
        names = []
        for name in sorted(os.listdir(golden)):
            for file in ("tokenizer.json", "tokenizer.json.zst"):
                if os.path.exists(f"{golden}/{name}/{file}"):
                    os.mkdir(f"{folder}/{name}")
                    with open(f"{folder}/{name}/tokenizer.json", "wb") as copy:
                        copy.write(plain(f"{golden}/{name}/{file}"))
                    names.append(name)
                    break
        print(f"{len(texts)} texts, {megabytes:.1f} MB; tokenizers {tokenizers.__version__}")
        print("| tokenizer | MB/s | theirs, `encode` | theirs, `encode_batch_fast` | ratio to the faster |")
        print("|---|---|---|---|---|")
        rounds = {name: [] for name in names}
        for _ in range(ROUNDS):
            found = re.findall(r"^texts (\S+) seconds (\S+) digest (\d+)", ours(folder, "everydayTexts"), re.M)
            for name, seconds, digest in found:
                other, same = theirs(folder, name, texts)
                if int(digest) != same:
                    sys.exit(f"{name}: the ids differ")
                rounds[name].append((float(seconds), other["encode"], other["batch"]))
        for name in names:
            own, single, batch = (megabytes / min(times) for times in zip(*rounds[name]))
            ratios = [min(single, batch) / own for own, single, batch in rounds[name]]
            print(f"| {name} | {own:.1f} | {single:.2f} | {batch:.2f} | "
                  f"{min(ratios):.1f} to {max(ratios):.1f} |")
        print()
        found = re.findall(
            r"^megabyte (\S+) (\S+) seconds (\S+) quarter (\S+)", ours(folder, "megabytes"), re.M)
        kinds = list(dict.fromkeys(kind for _, kind, _, _ in found))
        cells = {(name, kind): f"{float(long):.3f} ({float(long) / float(short):.1f})"
                 for name, kind, long, short in found}
        print("| one megabyte of | " + " | ".join(names) + " |")
        print("|---|" + "---|" * len(names))
        for kind in kinds:
            print(f"| {kind} | " + " | ".join(cells[name, kind] for name in names) + " |")


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    main(sys.argv[1], sys.argv[2:])
