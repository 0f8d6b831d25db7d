#!/usr/bin/env bash
# Needs bash 4.4 or newer. Builds, checks, tries and pushes the image of every model of a repository; docs/how-to/ci.md tells how.
#
#   build-models.sh [MODEL…]        models/liver models/kidney; all of models/ when none is named
#
# REGISTRY   where images go, as registry.example.org/team; without it nothing is pushed
# VERSION    the images' tag; the commit's short name when not set
# TARGET     grand-challenge, sol or plain; the config's own when not set
# MEMORY     of the platform's machine, as 16g; the target's own when not set
# REPORTS    folder for the reports (default: reports)
set -euo pipefail

version=${VERSION:-$(git rev-parse --short HEAD)}
reports=${REPORTS:-reports}
read -r -a program <<<"${BUILD_PROCESSOR:-npx build_processor}"

main() {
  local models=("$@") failed=()
  ((${#models[@]})) || models=(models/*/)
  mkdir -p "$reports"
  for model in "${models[@]}"; do
    # A model that fails does not keep the others.
    release "${model%/}" || failed+=("${model%/}")
  done
  ((${#failed[@]} == 0)) || { echo "failed: ${failed[*]}" >&2; return 1; }
}

# One step after the other; the first that fails ends it, so that nothing is pushed that was not tried.
release() {
  local model=$1 name image target=() options=()
  name=$(basename "$model")
  image=${REGISTRY:-local}/$name:$version
  [[ -z ${TARGET:-} ]] || target=(--target "$TARGET")
  [[ ! -d $model/expected ]] || options+=(--expect "$model/expected")
  [[ -z ${MEMORY:-} ]] || options+=(--memory "$MEMORY")
  echo "== $image"
  step build "${program[@]}" --config-file "$model/config.json" --model-dir "$model/model" --tag "$image" "${target[@]}" &&
    step preflight "${program[@]}" preflight "$image" "${target[@]}" &&
    step simulate "${program[@]}" simulate "$image" "${target[@]}" -i "$model/cases" "${options[@]}" &&
    { [[ -z ${REGISTRY:-} ]] || docker push "$image"; }
}

# The report is kept, and shown when something fails.
step() {
  local report=$reports/$name.$1.txt
  "${@:2}" >"$report" || { cat "$report"; echo "$name: $1 failed" >&2; return 1; }
}

main "$@"
