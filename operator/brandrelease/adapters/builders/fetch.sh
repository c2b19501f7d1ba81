# Take the source at one commit into /source/tree. The URL and the commit come in by the environment.
# Runs as an ordinary user with no rights; the only container that sees the git Secret.
export HOME=/nonexistent GIT_CONFIG_NOSYSTEM=1 GIT_CONFIG_GLOBAL=/dev/null GIT_TERMINAL_PROMPT=0 LC_ALL=C
export GIT_ALLOW_PROTOCOL="${SOURCE_URL%%:*}" GIT_HTTP_LOW_SPEED_LIMIT=1000 GIT_HTTP_LOW_SPEED_TIME=30
secret=/secrets/git
if [ -f "$secret/host" ]; then
    authority=${SOURCE_URL#*://}; authority=${authority%%/*}; authority=${authority##*@}
    case " $(tr '\n\r\tA-Z' '   a-z' < "$secret/host") " in
        *" $authority "* | *" ${authority%%:*} "*) ;;
        *) echo "The git Secret is not for $authority (its key host)."; exit 70 ;;
    esac
fi
if [ -f "$secret/identity" ]; then
    key=$(mktemp) && { tr -d '\r' < "$secret/identity"; echo; } > "$key"
    export GIT_SSH_COMMAND="ssh -F /dev/null -i $key -oBatchMode=yes -oStrictHostKeyChecking=yes -oUserKnownHostsFile=$secret/known_hosts -oGlobalKnownHostsFile=/dev/null -oIdentitiesOnly=yes -oIdentityAgent=none -oConnectTimeout=10"
fi
export GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=http.followRedirects GIT_CONFIG_VALUE_0=false
if [ -f "$secret/password" ]; then
    login=$(printf '%s:%s' "$(cat "$secret/username" 2>/dev/null || echo x-access-token)" "$(tr -d '\r' < "$secret/password")" | base64 -w0)
    export GIT_CONFIG_COUNT=2 GIT_CONFIG_KEY_1=http.extraHeader GIT_CONFIG_VALUE_1="Authorization: Basic $login"
fi
if [ -f "$secret/caFile" ]; then export GIT_SSL_CAINFO="$secret/caFile"; fi
mkdir /source/tree && cd /source/tree
git init --quiet .
said=$(mktemp)
try() { git fetch --quiet --no-tags "$@" 2> "$said" || { cat "$said"; false; }; }
commit() { try --depth 1 -- "$SOURCE_URL" "$COMMIT"; }
not_by_its_id() { case "$(cat "$said")" in *'not our ref'* | *'unadvertised object'*) ;; *) false ;; esac }
if commit; then
    :
elif not_by_its_id; then
    echo "The server does not give commit $COMMIT by its id; looking for it in all branches and tags."
    try -- "$SOURCE_URL" '+refs/heads/*:refs/remotes/source/*' '+refs/tags/*:refs/tags/*' || exit 70
    git cat-file -e "$COMMIT^{commit}" 2> /dev/null || { echo "error: No branch and no tag has commit $COMMIT any more."; exit 71; }
    git update-ref FETCH_HEAD "$COMMIT"
else
    echo "The first fetch failed; trying once more in 5 seconds."
    sleep 5
    commit || exit 70
fi
git -c advice.detachedHead=false checkout --quiet FETCH_HEAD
[ "$(git rev-parse HEAD)" = "$COMMIT" ] || { echo "The server gave another commit than $COMMIT."; exit 70; }
git log -1 --format=%ct > .git/brandrelease-commit-time
