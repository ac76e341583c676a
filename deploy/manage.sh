#!/bin/sh
# Run manage.py with a service's environment and as its user: sh deploy/manage.sh SERVICE COMMAND…
#
# SERVICE is portal, desk, api, worker or migrate. `migrate` is the database's owner.
set -eu
[ "$#" -ge 2 ] || { echo "usage: sh deploy/manage.sh SERVICE COMMAND…" >&2; exit 2; }
service=$1
shift
folder=${MOPORTAL_ETC:-/etc/moportal}
root=$(realpath "$(dirname "$0")/..")

# Like systemd, take each value as it is written: a shell would replace a $ in it.
read_variables() {
    while IFS= read -r line || [ -n "$line" ]; do
        case $line in
            [A-Z]*=*) export "${line%%=*}=${line#*=}" ;;
        esac
    done <"$1"
}

case $service in
    portal | desk | api) files="common $service" ;;
    worker | migrate) files="common portal $service" ;;
    *) echo "$service is not portal, desk, api, worker or migrate." >&2; exit 2 ;;
esac
for file in $files; do
    read_variables "$folder/$file.env"
done
cd "$root"
exec runuser -u moportal -- "$root/.venv/bin/python" manage.py "$@"
