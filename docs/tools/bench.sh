#!/bin/sh
# Our side of docs/benchmarks.md: every job on the models S, M and L, with random weights and the shapes that
# the peers' have. Prints tables, and appends JSON lines for docs/tools/bench-table.py.
#
#   make bench                     everything; L where memory allows
#   JOBS="train rollout" make bench    some of: train rollout step store gate tokenizer verifier
#   MODELS="S M" make bench        some models
#   THREADS=1 STEPS=3 make bench   other than all cores and 5 repetitions
#   PRECISION=f32 make bench       of f32,bf16
#   BASE=DIR make bench            the model that the demo's step begins with; without it the newest checkpoint
#                                  of runs/base-*, which `make demo` trains
#   OUT=ours.jsonl WORK=/disk make bench   where lines go, and what store and step write
#
# Run it while nothing else does. A job that fails is said, and the others are measured; the exit status is
# that of the worst.
set -u
pipeline=${PIPELINE:-.build/release/pipeline}
folder=${FOLDER:-.build/bench}
out=${OUT:-$folder/ours.jsonl}
jobs=${JOBS:-train rollout step store gate tokenizer verifier}
models=${MODELS:-S M L}
threads=${THREADS:+--threads $THREADS}
precision=${PRECISION:-f32,bf16}
steps=${STEPS:+--steps $STEPS}
work=${WORK:+--work $WORK}
worst=0

unset OPENBLAS_CORETYPE OPENBLAS_L2_SIZE

bench() {
  # shellcheck disable=SC2086  # several options
  "$pipeline" bench "$@" $threads --out "$out"
  status=$?
  [ "$status" -le "$worst" ] || worst=$status
  [ "$status" -lt 128 ] || exit "$status"
}
wants() { case " $2 " in *" $1 "*) true ;; *) false ;; esac }

mkdir -p "$folder"
for model in $models; do
  [ -f "$folder/$model/config.json" ] && continue
  [ "$model" = L ] && type=bf16 || type=f32
  "$pipeline" model init "$folder/$model" --config "docs/tools/bench-models/$model.json" \
    --tokenizer pipelines/tokenizers/ladder --dtype "$type" || exit
done

# shellcheck disable=SC2086
for model in $models; do
  path=$folder/$model
  if wants train "$jobs"; then
    case $model in
      L) bench train "$path" --precision "$precision" --shape 2x128 ${steps:---steps 2} ;;
      *)
        bench train "$path" --precision "$precision" --shape 64x96,8x512 $steps
        bench train "$path" --precision "$precision" --shape 64x96 --loss grpo $steps
        ;;
    esac
  fi
  if wants rollout "$jobs"; then
    case $model in
      S) bench rollout "$path" --precision "$precision" --shape 128x8x64,1x8x64,1x1x64 $steps ;;
      M) bench rollout "$path" --precision "$precision" --shape 128x8x64,32x8x64,1x8x64,1x1x64 $steps ;;
      L) bench rollout "$path" --weights stored --precision "$precision" --shape 1x8x32,1x1x32 ${steps:---steps 2} ;;
    esac
  fi
  if wants step "$jobs" && [ "$model" = S ]; then
    bench step "$path" --precision "$precision" --shape 16x8x32 ${steps:---steps 10} $work
  fi
done
if wants step "$jobs"; then
  base=${BASE:-$(ls -dt runs/base-*/checkpoints/[0-9]* 2>/dev/null | head -n 1)}
  if [ -n "$base" ]; then
    # shellcheck disable=SC2086
    bench step "$base" --definition pipelines/quickstart.yaml ${steps:---steps 5} $work
  else
    echo "the demo's step is left out: no runs/base-*; make demo trains it, or name a model with BASE=DIR" >&2
  fi
fi
# shellcheck disable=SC2086
if wants store "$jobs"; then bench store $work; fi
# shellcheck disable=SC2086
if wants gate "$jobs"; then bench gate $steps $work; fi
# shellcheck disable=SC2086
if wants tokenizer "$jobs"; then bench tokenizer pipelines/tokenizers/ladder $steps; fi
# shellcheck disable=SC2086
if wants verifier "$jobs"; then bench verifier $steps; fi
echo "JSON lines: $out" >&2
exit "$worst"
