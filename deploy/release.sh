#!/usr/bin/env bash
# Builds a release in dist/: wheel and sdist, twice to the same bytes, their SHA-256 sums, and what they depend on as SBOM
# (CycloneDX 1.6). Tags, signs and uploads nothing: CONTRIBUTING.md says how that is done, by a person.
set -euo pipefail
python=$1
cd "$(dirname "$0")/.."
if [ -n "$(git status --porcelain)" ]; then
    echo "There are changes that are not committed: a release is built from a commit." >&2
    exit 1
fi
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
export SOURCE_DATE_EPOCH
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for run in one two; do
    "$python" -m build --no-isolation --outdir "$work/$run" . >/dev/null
done
if ! diff -r "$work/one" "$work/two"; then
    echo "Two builds of one commit differ: nothing was put into dist/." >&2
    exit 1
fi
rm -rf dist
mkdir dist
cp "$work"/one/* dist/
"$python" -W ignore::UserWarning -m cyclonedx_py requirements requirements.lock --pyproject pyproject.toml --output-reproducible \
    --spec-version 1.6 --output-format JSON --output-file dist/closeout.cdx.json
(cd dist && sha256sum -- * >SHA256SUMS && cat SHA256SUMS)
