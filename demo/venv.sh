#!/bin/sh
# Make .venv with Python 3.11. On Debian the module that does it is a package of its own.
set -eu

for python in python3.11 python3; do
    if "$python" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null; then
        break
    fi
    python=
done
if [ -z "$python" ]; then
    echo "Python 3.11 is needed, and neither python3.11 nor python3 is it." >&2
    exit 1
fi

if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    as_root=
    [ "$(id -u)" -eq 0 ] || as_root='sudo -n'
    if ! command -v apt-get >/dev/null || ! $as_root true 2>/dev/null; then
        echo "Python's venv module is missing: install the package python3-venv." >&2
        exit 1
    fi
    echo "installing python3-venv"
    $as_root apt-get -qq update
    $as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get -qq install --no-install-recommends python3-venv >/dev/null
fi

"$python" -m venv .venv
