#!/bin/sh
# Write nginx's configuration from the templates: sh deploy/nginx/render.sh VALUES FOLDER
#
# VALUES is a copy of values.example. FOLDER is one that nginx includes, such as /etc/nginx/conf.d.
# Needs envsubst, of the Debian package gettext-base.
set -eu
[ "$#" -eq 2 ] || { echo "usage: sh deploy/nginx/render.sh VALUES FOLDER" >&2; exit 2; }
templates=$(dirname "$0")

names=$(sed -n 's/^\([A-Z_]*\)=.*/\1/p' "$templates/values.example")
set -a
. "$(realpath "$1")"
set +a
missing=
for name in $names; do
    eval "[ -n \"\${$name:-}\" ]" || missing="$missing $name"
done
[ -z "$missing" ] || { echo "$1 lacks a value for:$missing" >&2; exit 1; }

# Print a listen line for each address, with these options.
listen() {
    for address in $1; do
        printf 'listen %s %s; ' "$address" "$2"
    done
}
HTTP_DEFAULT_LISTEN=$(listen "$HTTP_LISTEN" default_server)
DEFAULT_LISTEN=$(listen "$PORTAL_LISTEN" "ssl default_server")
HTTP_LISTEN=$(listen "$HTTP_LISTEN" "")
PORTAL_LISTEN=$(listen "$PORTAL_LISTEN" ssl)
DESK_LISTEN=$(listen "$DESK_LISTEN" ssl)
API_LISTEN=$(listen "$API_LISTEN" ssl)
PROBE_LISTEN=$(listen "$PROBE_LISTEN" "")
export HTTP_DEFAULT_LISTEN DEFAULT_LISTEN

# Print a server line for each process. With several, one that fails is left out for five seconds.
# nginx ignores that while there is only one.
servers() {
    for server in $1; do
        printf 'server %s max_fails=3 fail_timeout=5s; ' "$server"
    done
}
PORTAL_SERVERS=$(servers "$PORTAL_SERVERS")
DESK_SERVERS=$(servers "$DESK_SERVERS")
API_SERVERS=$(servers "$API_SERVERS")

# The API's file holds the proxy's secret. nginx reads it as root.
umask 077
# Like this, nginx's own variables stay.
known=$(printf '${%s} ' $names HTTP_DEFAULT_LISTEN DEFAULT_LISTEN)
# nginx reads the files in the order of their names.
cp "$templates/http.conf" "$2/moportal-0-http.conf"
for template in "$templates"/*.conf.template; do
    envsubst "$known" <"$template" >"$2/moportal-$(basename "$template" .template)"
done
