#!/usr/bin/env bash
# Builds, checks, tries and pushes the image of every model of a repository (docs/how-to/ci.md). Needs bash 4.4 or newer.
#
#   build-models.sh [MODEL…]        such as models/liver models/kidney; without a name, all folders in models/
#
# REGISTRY   the registry, such as registry.example.org/team; if it is not set, nothing is pushed
# VERSION    the tag of the images (default: the commit's short name)
# TARGET     grand-challenge, sol or plain (default: what config.json says)
# MEMORY     the memory of the platform's machine, such as 16g (default: the platform's)
# SIGN_KEY   the key that signs the images, with its password in COSIGN_PASSWORD; if it is not set, nothing is signed
# JOBS       the number of models to build at the same time (default: 2)
# REPORTS    the folder for the reports (default: reports)
set -euo pipefail

version=${VERSION:-$(git rev-parse --short HEAD 2>/dev/null)} || {
  echo "this folder has no git commit that could name the images; set VERSION" >&2
  exit 2
}
reports=${REPORTS:-reports}
program=(npx --no-install build_processor)
[[ -z $(type -P build_processor) ]] || program=(build_processor)
[[ -z ${BUILD_PROCESSOR:-} ]] || read -r -a program <<<"$BUILD_PROCESSOR"

main() {
  local models=("$@") failed=() model
  ((${#models[@]})) || models=(models/*/)
  for model in "${models[@]}"; do
    [[ -d $model ]] || { echo "$model is not a folder; name folders with config.json, model/ and cases/" >&2; return 2; }
  done
  mkdir -p "$reports"
  for model in "${models[@]}"; do
    while (($(jobs -rp | wc -l) >= ${JOBS:-2})); do wait -n || true; done
    release "${model%/}" &
  done
  wait
  # A model that fails does not stop the others.
  for model in "${models[@]}"; do
    [[ -f $reports/$(basename "$model").done ]] || failed+=("${model%/}")
  done
  ((${#failed[@]} == 0)) || { echo "failed: ${failed[*]}" >&2; return 1; }
}

# Stops at the first step that fails, so that an image is pushed only after it has been tried.
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

# Keeps the report of a step, and shows it if the step fails.
step() {
  local report=$reports/$name.$1
  "${@:2}" >"$report.txt" 2>"$report.log" || {
    cat "$report.txt"
    cat "$report.log" >&2
    echo "$name: $1 failed" >&2
    return 1
  }
}

# The push builds the image again, mostly from the cache. The same inputs must have given the same image.
same_image() {
  [[ $(value build imageId) == "$(value push imageId)" ]] || {
    echo "$name: the pushed image is not the one that was tried" >&2
    return 1
  }
}

# Prints a text of a step's JSON report.
value() {
  [[ -n $1 ]] && sed -n "s/^  \"$2\": \"\(.*\)\",\{0,1\}$/\1/p" "$reports/$name.$1.txt"
}

main "$@"
