#!/usr/bin/env bash
# What setup needs of the system: a Python that can make environments and, for the local broker, Java and Maven.
# Root on Debian: installs what is missing, Prometheus, which the demonstration and tests of it can do without, and
# faketime, without which `make chaos` moves no clock.
# Otherwise: one line says what to install.
set -euo pipefail

python=${PYTHON:-python3}
if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
    echo "setup needs Python 3.11 or newer as $python; name another with PYTHON=..." >&2
    exit 1
fi

missing=()
"$python" -c 'import ensurepip' 2>/dev/null || missing+=(python3-venv)
if [ -z "${SINGLE_WINDOW_KAFKA:-}" ]; then # another cluster is named: no broker of our own
    command -v java >/dev/null || missing+=(openjdk-17-jre-headless)
    command -v mvn >/dev/null || missing+=(maven)
fi

can_install() { [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; }

# Debian's package starts a server that listens everywhere; ours listens on the loopback address, while it is needed.
install_prometheus() {
    local policy=/usr/sbin/policy-rc.d
    if [ ! -e "$policy" ]; then
        trap 'rm -f /usr/sbin/policy-rc.d' EXIT
        printf '#!/bin/sh\nexit 101\n' >"$policy"
        chmod 755 "$policy"
    fi
    apt-get update -q || return
    DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends prometheus || return
    if command -v systemctl >/dev/null; then systemctl disable -q prometheus || true; fi
}

if can_install && ! command -v prometheus >/dev/null; then
    install_prometheus || echo "Prometheus could not be installed; the demonstration goes without" >&2
fi
if can_install && ! command -v faketime >/dev/null; then
    { apt-get update -q && apt-get install -y -q --no-install-recommends faketime; } ||
        echo "faketime could not be installed; \`make chaos\` goes without" >&2
fi
[ ${#missing[@]} -gt 0 ] || exit 0

if can_install; then
    apt-get update -q
    DEBIAN_FRONTEND=noninteractive apt-get install -y -q "${missing[@]}"
else
    echo "missing on this machine: run \`sudo apt-get install ${missing[*]}\`, or use \`docker compose up\` instead" >&2
    exit 1
fi
