"""test-results.py <OUTPUT - `NAME OUTCOME` for each test in the output of `python -m test -v`.

A test's outcome may stand on a later line than its name (docstrings, output of its own between); one that never
comes is `none`. Subtests and messages are left out."""
import re
import sys

name = None
seen = []
start = re.compile(r"^(\w+) \(([\w.]+)\)(.*)")
outcome = re.compile(r"\.\.\. .*?(ok|skipped|FAIL|ERROR|expected failure|unexpected success)\b")
late = re.compile(r"^(ok|FAIL|ERROR)$")
for line in sys.stdin:
    begins = start.match(line)
    if begins:
        if name:
            seen.append((name, "none"))
        name = begins[2] if begins[2].endswith(begins[1]) else begins[2] + "." + begins[1]
    found = outcome.search(line) or late.match(line)
    if found and name:
        seen.append((name, found[1].replace(" ", "-")))
        name = None
if name:
    seen.append((name, "none"))
for name, result in seen:
    print(name, result)
