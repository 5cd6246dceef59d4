#!/usr/bin/env bash
# The steps of the setup action. `resolve` finds the version and the archive for this runner; `install`
# fetches it, checks its sum and its attestation, unpacks it and puts it on PATH. A failure is one line,
# and leaves nothing on PATH.
set -euo pipefail

fail() {
    echo "::error title=lokalise-auth::$1"
    exit 1
}

# curl for the release's server only: a redirect may not lead from https to http.
fetch() {
    curl --silent --show-error --fail --location --retry 3 --retry-delay 1 --connect-timeout 20 --max-time 300 \
        --proto "=${SERVER%%://*}" --proto-redir "=${SERVER%%://*}" "$@"
}

output() {
    printf '%s=%s\n' "$1" "$2" >>"$GITHUB_OUTPUT"
}

target() {
    case "$RUNNER_OS-$RUNNER_ARCH" in
        Linux-X64) echo x86_64-unknown-linux-musl ;;
        Linux-ARM64) echo aarch64-unknown-linux-musl ;;
        macOS-X64) echo x86_64-apple-darwin ;;
        macOS-ARM64) echo aarch64-apple-darwin ;;
        Windows-X64) echo x86_64-pc-windows-msvc ;;
        *) return 1 ;;
    esac
}

# The tag that the address of the latest release redirects to.
latest() {
    local address
    address=$(fetch --output /dev/null --write-out '%{url_effective}' "$SERVER/$REPOSITORY/releases/latest" 2>/dev/null) || return 1
    [[ $address == */releases/tag/v* ]] || return 1
    echo "${address##*/releases/tag/v}"
}

resolve() {
    local target wanted extension
    target=$(target) || fail "no release for $RUNNER_OS on $RUNNER_ARCH; cargo install builds it"
    wanted=${INPUT_VERSION#v}
    if [[ $wanted == latest ]]; then
        wanted=$(latest) || fail "$SERVER/$REPOSITORY has no latest release, or does not answer"
    fi
    # It becomes part of an address and of a file's name.
    [[ $wanted =~ ^[0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z.-]+)?$ ]] || fail 'version is not one like 1.2.3, nor latest'
    extension=tar.gz
    [[ $RUNNER_OS != Windows ]] || extension=zip
    output version "$wanted"
    output name "lokalise-auth-$wanted-$target"
    output archive "$RUNNER_TEMP/lokalise-auth-archive/lokalise-auth-$wanted-$target.$extension"
}

sum_of() {
    if command -v sha256sum >/dev/null; then
        sha256sum <"$1"
    else
        shasum --algorithm 256 <"$1"
    fi | cut -d ' ' -f 1
}

# What SHA256SUMS of the release has for the archive.
expected_sum() {
    local sums
    sums=$(fetch "$SERVER/$REPOSITORY/releases/download/v$VERSION/SHA256SUMS" 2>/dev/null) ||
        fail "release v$VERSION has no SHA256SUMS, or $SERVER does not answer"
    awk -v name="$file" '{ sub(/^\*/, "", $2) } $2 == name { print $1 }' <<<"$sums"
}

# GitHub's own word that this repository's workflow made the archive.
check_attestation() {
    if ! command -v gh >/dev/null || [[ -z ${GH_TOKEN-} ]]; then
        echo 'gh is not there, so the attestation is not checked; the sum is'
        return
    fi
    GH_HOST=${SERVER#*://} gh attestation verify "$ARCHIVE" --repo "$REPOSITORY" >/dev/null ||
        { rm -f "$ARCHIVE"; fail "$file was not made by the workflow of $REPOSITORY"; }
}

unpack() {
    case $ARCHIVE in
        *.zip) unzip -q "$ARCHIVE" -d "$1" ;;
        *) tar -xzf "$ARCHIVE" -C "$1" ;;
    esac
}

install() {
    local file expected folder making path
    file=${ARCHIVE##*/}
    expected=$(expected_sum) || { echo "$expected"; exit 1; }
    [[ $expected =~ ^[0-9a-f]{64}$ ]] || fail "release v$VERSION has no $file"
    mkdir -p "${ARCHIVE%/*}"
    # What is there comes from the cache. Unless it is what the release has, it is fetched again.
    if [[ ! -f $ARCHIVE || $(sum_of "$ARCHIVE") != "$expected" ]]; then
        rm -f "$ARCHIVE"
        fetch --output "$ARCHIVE.part" "$SERVER/$REPOSITORY/releases/download/v$VERSION/$file" 2>"$ARCHIVE.log" ||
            { rm -f "$ARCHIVE.part"; fail "$file cannot be fetched: $(tail -n 1 "$ARCHIVE.log")"; }
        mv "$ARCHIVE.part" "$ARCHIVE"
    fi
    [[ $(sum_of "$ARCHIVE") == "$expected" ]] ||
        { rm -f "$ARCHIVE"; fail "$file does not have the sum that the release gives; nothing was installed"; }
    check_attestation
    folder=${RUNNER_TOOL_CACHE:-$RUNNER_TEMP}/lokalise-auth/$VERSION
    mkdir -p "$folder"
    making=$(mktemp -d "$folder/making-XXXXXX")
    unpack "$making" || { rm -rf "$making"; fail "$file cannot be unpacked"; }
    rm -rf "${folder:?}/$NAME"
    mv "$making/$NAME" "$folder/$NAME"
    rmdir "$making"
    path=$folder/$NAME
    "$path/lokalise-auth" --version || fail "$file does not run on this machine"
    # Later steps may be run by another shell than this one.
    [[ $RUNNER_OS != Windows ]] || path=$(cygpath --windows "$path")
    echo "$path" >>"$GITHUB_PATH"
    output path "$path"
}

case ${1-} in
    resolve) resolve ;;
    install) install ;;
    *) fail 'usage: install.sh resolve|install' ;;
esac
