# What somebody types who builds an image by hand in a pod with BuildKit in it, with the arguments that the operator has.
git init --quiet /state/tree
cd /state/tree
git fetch --quiet --depth 1 "$SOURCE" "$COMMIT"
git checkout --quiet FETCH_HEAD
printf '[registry."%s"]\n  http = true\n' "$REGISTRY" > /state/buildkitd.toml
export BUILDKIT_HOST=unix:///state/buildkitd.sock
buildkitd --config /state/buildkitd.toml --root /state/root --addr "$BUILDKIT_HOST" > /state/buildkitd.log 2>&1 &
until buildctl debug workers > /dev/null 2>&1; do sleep 0.1; done
buildctl build --frontend dockerfile.v0 --progress plain --local context=. --local dockerfile=. \
    --opt filename=Dockerfile --opt cmdline=dockerfile.v0 --opt ulimit=nproc=4096:4096 \
    --opt "build-arg:SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)" \
    --import-cache "type=registry,ref=$CACHE" --export-cache "type=registry,ref=$CACHE,mode=max,ignore-error=true" \
    --output "type=image,name=$IMAGE,push=true"
