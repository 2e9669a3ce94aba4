#!/usr/bin/env bash
# The same image without any registry: a root of Debian packages with our wheel and the locked libraries in it, as a tar and,
# where umoci is there, as an OCI layout. Needs Debian with mmdebstrap, python3-pip and the wheel in dist/ (`make release`).
#   deploy/container/debian-root.sh FOLDER        as root, or with unprivileged user namespaces
# Times are those of the commit, packages those that the suite has that day.
set -euo pipefail
out=$(realpath -m "$1")
here=$(cd "$(dirname "$0")/../.." && pwd)
python=${PYTHON:-python3}
suite=${SUITE:-bookworm}                # its python3 is 3.11, which the libraries below are fetched for
mirror=${MIRROR:-http://deb.debian.org/debian}
# shellcheck disable=SC2012 # one wheel, named by us
wheel=$(ls "$here"/dist/closeout-*.whl | tail -1)
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git -C "$here" log -1 --format=%ct)}
export SOURCE_DATE_EPOCH
mkdir -p "$out"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Libraries for that Python, by the lock and its hashes alone; then ours, which brings nothing along.
lib=$work/closeout/opt/closeout/lib
fetch=("$python" -m pip install --quiet --disable-pip-version-check --no-compile --target "$lib" --only-binary :all:
    --implementation cp --python-version 3.11 --abi cp311 --abi abi3 --abi none
    --platform manylinux_2_28_x86_64 --platform manylinux_2_17_x86_64 --platform manylinux2014_x86_64 --platform any)
"${fetch[@]}" --require-hashes --no-deps --requirement "$here/requirements.lock"
"${fetch[@]}" --no-deps --no-index --upgrade "$wheel"
rm -rf "$lib/bin"
# What no process here reads: tests, languages that we do not speak, symbols for debuggers.
find "$lib" -type d -name tests -prune -exec rm -rf {} +
find "$lib/babel/locale-data" -type f ! -name 'root.dat' ! -name 'en.dat' ! -name 'en_*.dat' ! -name 'nl.dat' ! -name 'nl_NL.dat' -delete
find "$lib" -name '*.so*' -type f -exec strip --strip-unneeded {} + 2>/dev/null || true
mkdir -p "$work/closeout/opt/closeout/bin" "$work/closeout/opt/closeout/share/doc/closeout"
cp "$here/deploy/container/alive.py" "$work/closeout/opt/closeout/bin/closeout-alive"
cp "$here/README.md" "$work/closeout/opt/closeout/share/doc/closeout/README.md"
cat >"$work/closeout/opt/closeout/bin/closeout" <<'PROGRAM'
#!/usr/bin/python3 -IB
import sys

sys.path.insert(0, "/opt/closeout/lib")
from server.__main__ import main

sys.exit(main())
PROGRAM
chmod 0755 "$work/closeout/opt/closeout/bin/closeout"

mmdebstrap --quiet --variant=essential --mode="${MODE:-auto}" --include=python3,ca-certificates,tzdata,usr-is-merged \
    --hook-dir=/usr/share/mmdebstrap/hooks/merged-usr \
    --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
    --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-include=/usr/share/doc/*/copyright' \
    --customize-hook="copy-in $work/closeout/opt /" \
    --customize-hook='chroot "$1" python3 -m compileall -q --invalidation-mode unchecked-hash /opt/closeout/lib' \
    --customize-hook='echo closeout:x:10001: >>"$1"/etc/group' \
    --customize-hook='echo closeout:x:10001:10001::/var/lib/closeout:/usr/sbin/nologin >>"$1"/etc/passwd' \
    --customize-hook='install -d -m 0700 -o 10001 -g 10001 "$1"/var/lib/closeout' \
    --customize-hook='rm -rf "$1"/usr/lib/x86_64-linux-gnu/gconv "$1"/var/lib/apt/lists/* "$1"/var/cache/* "$1"/var/log/* "$1"/etc/shadow- "$1"/etc/passwd- "$1"/etc/group- "$1"/etc/gshadow-' \
    "$suite" "$out/closeout-root.tar" "$mirror"
sha256sum "$out/closeout-root.tar"

if command -v umoci >/dev/null; then
    rm -rf "$out/oci" "$work/root"
    umoci init --layout "$out/oci"
    umoci new --image "$out/oci:closeout"
    umoci unpack --rootless --image "$out/oci:closeout" "$work/bundle"
    tar --extract --file "$out/closeout-root.tar" --directory "$work/bundle/rootfs" --exclude='./dev/*'
    umoci repack --image "$out/oci:closeout" "$work/bundle"
    umoci config --image "$out/oci:closeout" --config.user 10001:10001 --config.workingdir /var/lib/closeout \
        --config.env CLOSEOUT_HOME=/var/lib/closeout --config.env PYTHONUNBUFFERED=1 --config.env LANG=C.UTF-8 \
        --config.env PATH=/opt/closeout/bin:/usr/bin:/bin --config.exposedports 8080 \
        --config.volume /var/lib/closeout --config.entrypoint /opt/closeout/bin/closeout \
        --config.cmd serve --config.cmd --listen --config.cmd 0.0.0.0:8080
fi
