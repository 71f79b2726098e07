#!/usr/bin/env bash
# `pipeline data import` beside `zstd -3 -T2` on the same gigabyte of JSON lines, in turns: the table of
# docs/data.md, "Cost". On a machine that does nothing else.
#
#   docs/tools/import-speed.sh gsm8k-train.jsonl.zst [FOLDER]
set -euo pipefail
rows=$1
work=${2:-$(mktemp -d)}
pipeline=$(dirname "$0")/../../.build/release/pipeline

# The rows again and again, each time under new ids, until there is a gigabyte.
python3 - "$rows" "$work/big.jsonl" <<'MAKE'
import json
import subprocess
import sys

text = subprocess.run(["zstd", "-dc", sys.argv[1]], capture_output=True, check=True).stdout
rows = [json.loads(line) for line in text.split(b"\n") if line]
with open(sys.argv[2], "w") as file:
    turn = 0
    while file.tell() < 1 << 30:
        for row in rows:
            file.write(json.dumps(row | {"id": f"{row['id']}-{turn}"}, ensure_ascii=False) + "\n")
        turn += 1
MAKE
# Both find the file in the page cache.
cat "$work/big.jsonl" >/dev/null
ls -l "$work/big.jsonl"

for turn in 1 2 3 4; do
  rm -rf "$work/dataset" "$work/big.zst"
  sync
  /usr/bin/time -f "import  %e s, %U + %S s of CPU, %M KB" \
    "$pipeline" data import "$work/big.jsonl" --to "$work/dataset" >/dev/null
  sync
  /usr/bin/time -f "zstd    %e s, %U + %S s of CPU, %M KB" \
    zstd -3 -T2 -q -f "$work/big.jsonl" -o "$work/big.zst"
done
