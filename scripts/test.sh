#!/usr/bin/env bash
# Sets everything up and runs the whole test suite, offline.
source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"
install test
HF_HUB_OFFLINE=1 exec "$venv/bin/python" -m pytest "$@"
