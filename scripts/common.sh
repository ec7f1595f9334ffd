# shellcheck shell=bash disable=SC2034 # what the scripts that source this use
# What scripts/test, scripts/demo and scripts/docs share. Sourced from the root of the checkout.

demo_packages=(
    g++ make cmake pkg-config
    libxtensor-dev libxtensor-blas-dev libopenblas-dev
    nlohmann-json3-dev libzip-dev
    libpng-dev libjpeg-dev libpango1.0-dev fonts-dejavu-core
)
test_packages=(
    "${demo_packages[@]}"
    libboost-test-dev libopencv-core-dev clang ninja-build binutils python3 doxygen fonts-wqy-microhei
)
docs_packages=(doxygen python3)
sanitizer_packages=(libclang-rt-dev)
emulation_packages=(g++-aarch64-linux-gnu qemu-user-static) # 118 MB to download, 600 MB on the disk

logs=build/logs
mkdir -p "$logs"

say() { printf '%s\n' "$*"; }

die() {
    printf '%s\n' "$*" >&2
    exit 1
}

# Installs those of the named Debian packages that are not there. Asks nothing of apt where all are.
install_missing() {
    if [[ -n ${HOOKCAM_NO_INSTALL:-} ]]; then
        return
    fi
    if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
        say "There is no apt here. hookcam needs what Debian 12 calls"
        say "    $*"
        die "Install their like, then run HOOKCAM_NO_INSTALL=1 $0"
    fi
    local missing=() package
    for package in "$@"; do
        if ! dpkg-query -W -f '${db:Status-Status}\n' "$package" 2>/dev/null | grep -qx installed; then
            missing+=("$package")
        fi
    done
    if ((${#missing[@]} == 0)); then
        return
    fi
    local as_root=()
    if ((EUID != 0)); then
        if ! command -v sudo >/dev/null; then
            die "Missing, and to be installed by root: apt-get install ${missing[*]}"
        fi
        as_root=(sudo)
        "${as_root[@]}" true # asks for the password before the output goes to the log
    fi
    say "installing ${missing[*]}"
    stage "install" "${as_root[@]}" bash -c \
        'apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@"' - "${missing[@]}"
}

# How many compilers may run at a time: one a core, and one for every 2 GB of memory that this process may use.
count_jobs() {
    local cores kilobytes limit
    cores=$(nproc)
    kilobytes=$(awk '/^MemAvailable:/ { print $2 }' /proc/meminfo)
    if limit=$(cat /sys/fs/cgroup/memory.max 2>/dev/null) && [[ $limit != max ]] && ((limit / 1024 < kilobytes)); then
        kilobytes=$((limit / 1024))
    fi
    local by_memory=$((kilobytes / 2000000))
    if ((by_memory < 1)); then
        by_memory=1
    fi
    echo $((cores < by_memory ? cores : by_memory))
}
jobs=${HOOKCAM_JOBS:-$(count_jobs)}

# stage <name> <command...>: runs it with its output in a log, and says how long it took. Where it fails, shows what the
# compiler or the tool said, and calls on_failure.
stage() {
    local name=$1 log=$logs/${1// /-}.log begin=$SECONDS
    shift
    printf '%-24s' "$name"
    if "$@" >"$log" 2>&1 </dev/null; then
        say "ok, $((SECONDS - begin)) s"
        grep -h '^-- hookcam: ' "$log" || true
    else
        say "FAILED after $((SECONDS - begin)) s"
        local said
        said=$(grep -v -E '^\[ *[0-9]+(%|/[0-9]+)\]' "$log")
        grep -E -A 12 '[Ee]rror:|Error at|^E: |undefined reference' <<<"$said" | head -n 200 || tail -n 40 <<<"$said"
        say "(all of it: $log)"
        on_failure
    fi
}

on_failure() { exit 1; }

# configure <preset> [<option of cmake>...]: for Ninja where it is there, which leaves no core without work, unless the build
# folder is of another generator already.
configure() {
    local generator=()
    if command -v ninja >/dev/null; then
        generator=(CMAKE_GENERATOR=Ninja)
    fi
    stage "configure $1" env "${generator[@]}" cmake --preset "$@" \
        ${HOOKCAM_SHARED_DIR:+-D "HOOKCAM_SHARED_DIR=$(realpath "$HOOKCAM_SHARED_DIR")"}
}
