#!/usr/bin/env python3
"""Writes the fixtures of the tests of imports: rows of our own making, by the writers of their ecosystems.

    python3 -m venv /tmp/venv && /tmp/venv/bin/pip install pyarrow==26.0.1 pandas==3.1.1 datasets==5.2.0
    /tmp/venv/bin/python Tests/ShardsTests/Fixtures/make-files.py

Shapes, each by the writer that people use for it, go to Tests/ShardsTests/Fixtures; files that use one part
of Parquet each, with the rows that they hold as JSON lines, go to Tests/ParquetTests/Fixtures. The test that
reads a fixture says what must come out.
"""
import gzip
import json
import pathlib

import datasets
import pandas
import pyarrow
import pyarrow.parquet

TESTS = pathlib.Path(__file__).resolve().parents[2]
SHAPES = TESTS / "ShardsTests" / "Fixtures"
PARTS = TESTS / "ParquetTests" / "Fixtures"

SYSTEM = {"role": "system", "content": "Think first, then answer in \\boxed{}."}


def user(text):
    return {"role": "user", "content": text}


def assistant(text):
    return {"role": "assistant", "content": text}


def question(n):
    return f"What is {n} + 1?\nSay “é” before it."


def verl(n):
    """As verl's `examples/data_preprocess` make them."""
    return {
        "data_source": "sums", "prompt": [user(question(n))], "ability": "math",
        "reward_model": {"style": "rule", "ground_truth": str(n + 1)},
        "extra_info": {"split": "train", "index": n, "answer": None},
    }


def hpt(n):
    """As LUFFY's and HPT's `openr1.parquet`: with a system message, and no target in every third row."""
    row = verl(n)
    row["data_source"] = ""
    row["prompt"] = [SYSTEM] + row["prompt"]
    row["target"] = None if n % 3 == 2 else [assistant(f"<think>\n{n} + 1</think>\n\\boxed{{{n + 1}}}")]
    return row


def write_shapes(rows=6):
    numbers = range(rows)
    # verl: Dataset.to_parquet; HPT: pandas, a filtered table whose index is written too.
    datasets.Dataset.from_list([verl(n) for n in numbers]).to_parquet(SHAPES / "verl.parquet")
    table = pandas.DataFrame([hpt(n) for n in range(2 * rows)])
    table[table.index % 2 == 0].to_parquet(SHAPES / "hpt.parquet", compression="zstd")
    # TRL: the hub's libraries write JSON lines as well as Parquet.
    conversations = [
        {"messages": [SYSTEM, user(question(n)), assistant(str(n + 1))] if n % 2 else [user(question(n))],
         "num_turns": n % 2}
        for n in numbers
    ]
    datasets.Dataset.from_list(conversations).to_json(SHAPES / "trl-messages.jsonl")
    completions = [{"prompt": question(n), "completion": f" {n + 1}"} for n in numbers]
    datasets.Dataset.from_list(completions).to_parquet(SHAPES / "trl-completion.parquet")
    pairs = [
        {"prompt": question(n), "chosen": [user(question(n)), assistant(str(n + 1))],
         "rejected": [user(question(n)), assistant(str(n))], "score_chosen": 8.5}
        for n in numbers
    ]
    datasets.Dataset.from_list(pairs).to_parquet(SHAPES / "preference.parquet")
    # GSM8K's own files are JSON lines with ASCII escapes.
    with gzip.GzipFile(SHAPES / "gsm8k.jsonl.gz", "w", mtime=0) as file:
        for n in numbers:
            row = {"question": question(n), "answer": f"{n} + 1 = <<{n}+1={n + 1}>>{n + 1}\n#### {n + 1}"}
            file.write((json.dumps(row) + "\n").encode())
    math = [
        {"problem": question(n), "level": "Level 1", "type": "Algebra",
         "solution": f"First \\boxed{{0}}, no: $\\boxed{{\\frac{{{n + 1}}}{{1}}}}$."}
        for n in numbers
    ]
    pandas.DataFrame(math).to_parquet(SHAPES / "math.parquet", index=False)
    other = [{"task": {"text": question(n)}, "final": n + 1, "made": pandas.Timestamp(0)} for n in numbers]
    pyarrow.parquet.write_table(
        pyarrow.Table.from_pylist(other), SHAPES / "other.parquet",
        use_deprecated_int96_timestamps=True)


def nested(n):
    return {
        "id": n, "text": None if n % 5 == 4 else f"é{n % 3}\n\"", "truth": None if n % 7 == 6 else n % 2 == 0,
        "half": n / 2, "list": None if n % 4 == 3 else [None if i == 1 else str(i) for i in range(n % 4)],
        "pairs": None if n % 6 == 5 else [
            {"a": None if i == 1 else i, "b": ["x"] * i if i else None} for i in range(n % 3)],
        "inner": None if n % 5 == 3 else {"deep": None if n % 5 == 2 else {"leaf": n}, "other": "o"},
    }


def write_parts(rows=40):
    types = pyarrow.schema([
        ("id", pyarrow.int64()), ("text", pyarrow.string()), ("truth", pyarrow.bool_()),
        ("half", pyarrow.float32()), ("list", pyarrow.list_(pyarrow.string())),
        ("pairs", pyarrow.list_(pyarrow.struct([("a", pyarrow.int32()), ("b", pyarrow.list_(pyarrow.string()))]))),
        ("inner", pyarrow.struct([
            ("deep", pyarrow.struct([("leaf", pyarrow.uint64())])), ("other", pyarrow.string())])),
    ])
    table = pyarrow.Table.from_pylist([nested(n) for n in range(rows)], types)
    with open(PARTS / "rows.jsonl", "w") as file:
        for row in table.to_pylist():
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
    for codec in ["none", "snappy", "gzip", "zstd", "brotli"]:
        # Small pages and groups, so that rows and lists go over their ends.
        for version in ["1.0"] if codec == "brotli" else ["1.0", "2.0"]:
            pyarrow.parquet.write_table(
                table, PARTS / f"{codec}-{version[0]}.parquet", compression=codec,
                data_page_version=version, use_dictionary=version == "1.0", row_group_size=25,
                data_page_size=64, write_batch_size=8, write_page_checksum=True)


if __name__ == "__main__":
    print("pyarrow", pyarrow.__version__, "pandas", pandas.__version__, "datasets", datasets.__version__)
    for folder in [SHAPES, PARTS]:
        folder.mkdir(exist_ok=True)
    write_shapes()
    write_parts()
