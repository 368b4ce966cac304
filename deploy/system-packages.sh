#!/usr/bin/env bash
# What setup needs of the system: a Python that can make environments and, for the local broker, Java and Maven.
# Root on Debian: installs what is missing. Otherwise: one line says what to install.
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
[ ${#missing[@]} -gt 0 ] || exit 0

if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; then
    apt-get update -q
    DEBIAN_FRONTEND=noninteractive apt-get install -y -q "${missing[@]}"
else
    echo "missing on this machine: run \`sudo apt-get install ${missing[*]}\`, or use \`docker compose up\` instead" >&2
    exit 1
fi
