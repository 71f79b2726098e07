#!/bin/sh
# Trains every definition of pipelines/algorithms from the demo's base model over three seeds, and
# prints what each came to as the Markdown table of docs/algorithms.md.
#
# Resumable: a finished run is passed over, an interrupted one continued. Runs stand in
# runs/NAME-SEED, beside the base model's.
#
#   make algorithms                      everything
#   SEEDS="17" make algorithms           one seed; two of them side by side do not disturb each other
#   OPTIONS="--set compute.threads=1"    for each run
set -eu
pipeline=${PIPELINE:-.build/release/pipeline}
runs=${RUNS:-runs/algorithms}
seeds=${SEEDS:-17 18 19}
options=${OPTIONS:-}
done_state='"state" : "done"'

for seed in $seeds; do
  for definition in pipelines/algorithms/*.yaml; do
    name=$(basename "$definition" .yaml)
    run="$runs/$name-$seed"
    if [ -f "$run/summary.json" ] && grep -q "$done_state" "$run/summary.json"; then continue; fi
    if [ -f "$run/pipeline.yaml" ]; then
      # shellcheck disable=SC2086  # several options
      "$pipeline" resume "$run" --quiet $options >/dev/null
    else
      # shellcheck disable=SC2086
      "$pipeline" run "$definition" --run "$run" --set seed="$seed" --quiet $options >/dev/null
    fi
    echo "$run" >&2
  done
done

# The base model under the same evaluation: no training step, so its weights are the initial ones.
if [ ! -f "$runs/start/summary.json" ]; then
  "$pipeline" run pipelines/algorithms/grpo.yaml --run "$runs/start" --quiet >/dev/null \
    --set steps=1 --set optimizer.learning_rate=0 --set optimizer.weight_decay=0
fi
set --
for definition in pipelines/algorithms/*.yaml; do
  for seed in $seeds; do set -- "$@" "$runs/$(basename "$definition" .yaml)-$seed"; done
done
"$pipeline" compare "$@" --base "$runs/start" --markdown
