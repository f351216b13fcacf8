#!/bin/sh
# Installs the named Debian packages where that is possible without asking; says so where it is not.
PATH="$PATH:/usr/sbin"
missing=""
for name in "$@"; do
    program="$name"
    [ "$name" = mosquitto-clients ] && program=mosquitto_pub
    command -v "$program" >/dev/null 2>&1 || missing="$missing $name"
done
[ -n "$missing" ] || exit 0
if ! command -v apt-get >/dev/null 2>&1; then
    echo "not installed, no apt-get here:$missing; tests that need them are skipped"
    exit 0
fi
as_root=""
if [ "$(id -u)" -ne 0 ]; then
    if sudo -n true 2>/dev/null; then as_root="sudo -n"; else
        echo "not installed, no right to:$missing; tests that need them are skipped"
        exit 0
    fi
fi
echo "installing$missing"
{ $as_root apt-get update -qq && DEBIAN_FRONTEND=noninteractive $as_root apt-get install -y -qq --no-install-recommends $missing; } \
    >/dev/null 2>&1 || echo "could not install$missing; tests that need them are skipped"
exit 0
