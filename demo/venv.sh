#!/bin/sh
# Make a virtual environment in the folder given, with a Python from 3.11 to 3.13.
# BASE_PYTHON names the Python to take; otherwise the machine's python3 comes first.
set -eu
venv=$1

python=
for candidate in ${BASE_PYTHON:-python3 python3.13 python3.12 python3.11 /usr/bin/python3}; do
    if "$candidate" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; then
        python=$candidate
        break
    fi
done
if [ -z "$python" ]; then
    echo "Python 3.11, 3.12 or 3.13 is needed. ${BASE_PYTHON:+$BASE_PYTHON is not one of them. }Install one or set BASE_PYTHON to it." >&2
    exit 1
fi

# On Debian the modules that make an environment are a package of their own.
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

"$python" -m venv "$venv"
