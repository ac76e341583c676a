#!/bin/sh
# Install the Debian packages that the tests need and that are missing; with names, only those.
# Quick when nothing is missing. Without root or sudo it names what is missing and stops.
set -eu
PATH="$PATH:/usr/sbin:/sbin"

[ "$#" -gt 0 ] || set -- postgresql redis-server nginx systemd openssl chromium-headless-shell gettext fonts-noto-core fonts-dejavu-core

missing=
for package in "$@"; do
    state=$(dpkg-query --show --showformat '${db:Status-Status}' "$package" 2>/dev/null || true)
    case "$state" in
        installed) ;;
        *) missing="$missing $package" ;;
    esac
done
[ -n "$missing" ] || exit 0

as_root=
[ "$(id -u)" -eq 0 ] || as_root='sudo -n'
if ! command -v apt-get >/dev/null || ! $as_root true 2>/dev/null; then
    echo "The tests need these Debian packages, but this user may not install them. Install them as root:$missing" >&2
    exit 1
fi

# Debian starts a server when it is installed; the tests start their own on free ports instead.
policy=/usr/sbin/policy-rc.d
if ! [ -e "$policy" ]; then
    $as_root sh -c "printf '#!/bin/sh\nexit 101\n' > $policy && chmod 755 $policy"
    trap '$as_root rm -f "$policy"' EXIT
fi

echo "installing$missing"
$as_root apt-get -qq update
# shellcheck disable=SC2086  # a list of words
$as_root env DEBIAN_FRONTEND=noninteractive \
    apt-get -qq install --no-install-recommends $missing </dev/null >/dev/null
