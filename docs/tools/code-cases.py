#!/usr/bin/env python3
"""200 labelled responses for the verifier `code`, a small program with one test each: what docs/verifiers.md
measures with `pipeline check verifier`."""
import json

PROGRAM = "```python\na, b = map(int, input().split())\nprint(a + b)\n```"

for n in range(200):
    tests = {"tests": [{"stdin": f"{n} 1", "stdout": str(n + 1)}]}
    case = {"id": str(n), "gold": json.dumps(tests), "prediction": PROGRAM, "expected": True}
    print(json.dumps(case))
