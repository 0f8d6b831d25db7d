#!/usr/bin/env bash
# Needs bash 4.4 or newer. Builds, checks, tries and pushes the image of every model of a repository; docs/how-to/ci.md
# explains it.
#
#   build-models.sh [MODEL…]        models/liver models/kidney; all of models/ when none is named
#
# REGISTRY   where images go, as registry.example.org/team; without it nothing is pushed
# VERSION    the images' tag; the commit's short name when not set
# TARGET     grand-challenge, sol or plain; the config's own when not set
# MEMORY     of the platform's machine, as 16g; the target's own when not set
# SIGN_KEY   signs what is pushed, its password is in COSIGN_PASSWORD; nothing is signed when not set
# JOBS       models that are worked on at the same time (default: 2)
# REPORTS    folder for the reports (default: reports)
set -euo pipefail

version=${VERSION:-$(git rev-parse --short HEAD 2>/dev/null)} || {
  echo "this folder has no git commit to name the images by: set VERSION" >&2
  exit 2
}
reports=${REPORTS:-reports}
read -r -a program <<<"${BUILD_PROCESSOR:-npx --no-install build_processor}"

main() {
  local models=("$@") failed=() model
  ((${#models[@]})) || models=(models/*/)
  mkdir -p "$reports"
  for model in "${models[@]}"; do
    while (($(jobs -rp | wc -l) >= ${JOBS:-2})); do wait -n || true; done
    release "${model%/}" &
  done
  wait
  # A model that fails does not keep the others.
  for model in "${models[@]}"; do
    [[ -f $reports/$(basename "$model").done ]] || failed+=("${model%/}")
  done
  ((${#failed[@]} == 0)) || { echo "failed: ${failed[*]}" >&2; return 1; }
}

# One step after the other; the first that fails ends it, so that nothing is pushed that was not tried.
release() {
  local model=$1 name image target=() trial=() push=()
  name=$(basename "$model")
  image=${REGISTRY:-local}/$name:$version
  rm -f "$reports/$name".*
  [[ -z ${TARGET:-} ]] || target=(--target "$TARGET")
  [[ ! -d $model/expected ]] || trial+=(--expect "$model/expected")
  [[ -z ${MEMORY:-} ]] || trial+=(--memory "$MEMORY")
  [[ -z ${SIGN_KEY:-} ]] || push+=(--sign-key "$SIGN_KEY")
  local build=("${program[@]}" --config-file "$model/config.json" --model-dir "$model/model" --tag "$image")
  build+=("${target[@]}" --build-dir "$reports/$name.build" --json)
  step build "${build[@]}" &&
    step preflight "${program[@]}" preflight "$image" "${target[@]}" &&
    step simulate "${program[@]}" simulate "$image" "${target[@]}" -i "$model/cases" "${trial[@]}" &&
    { [[ -z ${REGISTRY:-} ]] || { step push "${build[@]}" --push "${push[@]}" && same_image; }; } &&
    touch "$reports/$name.done" &&
    echo "$name: $(value "${REGISTRY:+push}" pinnedName || value build imageId)"
}

# The report is kept, and shown when something fails.
step() {
  local report=$reports/$name.$1
  "${@:2}" >"$report.txt" 2>"$report.log" || {
    cat "$report.txt"
    cat "$report.log" >&2
    echo "$name: $1 failed" >&2
    return 1
  }
}

# Building again for the push takes what the cache has; the same inputs give the same image.
same_image() {
  [[ $(value build imageId) == "$(value push imageId)" ]] || {
    echo "$name: the image that was pushed is not the one that was tried" >&2
    return 1
  }
}

# A text of a step's JSON report.
value() {
  [[ -n $1 ]] && sed -n "s/^  \"$2\": \"\(.*\)\",\{0,1\}$/\1/p" "$reports/$name.$1.txt"
}

main "$@"
