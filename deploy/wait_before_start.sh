#!/bin/sh
# Wait before a service starts: sh deploy/wait_before_start.sh FOLDER
#
# A service that ends within two minutes of its start waits 1 s before the next one, then 2 s, 4 s,
# and so on, up to a minute. After a longer run it does not wait. FOLDER keeps the last wait and
# start, and is removed when the service is stopped.
set -eu
[ "$#" -eq 1 ] || { echo "usage: sh deploy/wait_before_start.sh FOLDER" >&2; exit 2; }
file=$1/last-start
now=$(date +%s)
waited=0
started=0
if [ -s "$file" ]; then
    read -r waited started <"$file"
fi
wait=0
if [ $((now - started)) -lt 120 ]; then
    wait=$((waited * 2))
    [ "$wait" -ge 1 ] || wait=1
    [ "$wait" -le 60 ] || wait=60
    echo "The last start was less than two minutes ago. The next one is in $wait s."
    sleep "$wait"
fi
echo "$wait $((now + wait))" >"$file"
