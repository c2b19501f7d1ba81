# Build the image from /source/tree and push it. All values come in by the environment.
# Ends with 70 where the commit is not to blame: the daemon did not come up, or a registry did not answer or let us in.
# The commit's author can make the context a link to anywhere in this container, where the registry's login is too.
tree=$(cd -P "/source/tree/$CONTEXT" 2> /dev/null && pwd -P) || { echo "error: the context $CONTEXT is no folder of the repository"; exit 1; }
case "$tree/" in
    /source/tree/*) ;;
    *) echo "error: the context $CONTEXT is a link that leads out of the repository"; exit 1 ;;
esac
# USER decides whether buildkitd takes its defaults for root or for an ordinary user; an image may have set it.
export XDG_RUNTIME_DIR=/state/run HOME=/state/home USER="${ROOTLESS:+user}"
mkdir -p "$XDG_RUNTIME_DIR" "$HOME" /state/root
chmod g-s /state/root # the volume has it for its group, which would become the group of what steps write into /
export BUILDKIT_HOST=unix:///state/run/buildkitd.sock
config=/state/buildkitd.toml
# No frontend but BuildKit's own: one that a commit names could ask for builds without the limits below.
printf '[frontend."gateway.v0"]\n  enabled = false\n' > "$config"
for registry in $INSECURE_REGISTRIES; do
    printf '[registry."%s"]\n  http = true\n' "$registry" >> "$config"
done
set -- --config "$config" --root /state/root --addr "$BUILDKIT_HOST"
if [ -n "$ROOTLESS" ]; then
    rootlesskit --net=host --copy-up=/etc --disable-host-loopback buildkitd "$@" --rootless --oci-worker-no-process-sandbox > /state/buildkitd.log 2>&1 &
else
    buildkitd "$@" > /state/buildkitd.log 2>&1 &
fi
waited=0
until buildctl debug workers > /dev/null 2>&1; do
    waited=$((waited + 1))
    if [ "$waited" -gt 300 ]; then
        echo "BuildKit did not start within 30 seconds; its last lines:"
        tail -n 15 /state/buildkitd.log
        exit 70
    fi
    sleep 0.1
done
# With `cmdline`, BuildKit takes no notice of a line `# syntax=`.
set -- build --frontend dockerfile.v0 --progress plain \
    --local "context=$tree" --local "dockerfile=$tree" --opt "filename=$DOCKERFILE" \
    --opt cmdline=dockerfile.v0 --opt "ulimit=nproc=$MOST_PROCESSES:$MOST_PROCESSES" \
    --opt "build-arg:SOURCE_DATE_EPOCH=$(cat /source/tree/.git/brandrelease-commit-time)" \
    --import-cache "type=registry,ref=$CACHE" --export-cache "type=registry,ref=$CACHE,mode=max,ignore-error=true" \
    --output "type=image,name=$IMAGE,push=true" --metadata-file /state/metadata.json
if [ -n "$TARGET" ]; then set -- "$@" --opt "target=$TARGET"; fi
# One argument a line (the CRD allows no line break in a value), and none of them is a pattern of file names.
set -f
old_ifs=$IFS
IFS='
'
for argument in $BUILD_ARGS; do set -- "$@" --opt "build-arg:$argument"; done
IFS=$old_ifs
if ! buildctl "$@" > /state/build.log 2>&1; then
    cat /state/build.log
    # Only BuildKit's own last word counts, and not where it quotes a step: a Dockerfile may print and contain anything.
    case "$(sed -n 's/^error: //p' /state/build.log | tail -n 1)" in
        *'process "'*) exit 1 ;;
        *'failed to push'* | *'failed to authorize'* | *'failed to do request'* | *'Too Many Requests'*) exit 70 ;;
    esac
    exit 1
fi
cat /state/build.log
sed -n 's/.*"containerimage.digest": *"\(sha256:[0-9a-f]\{64\}\)".*/\1/p' /state/metadata.json > /dev/termination-log
