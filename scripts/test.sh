#!/usr/bin/env bash
# Sets everything up and runs the whole test suite, offline.
source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"
install test
# A process a core, one thread each: several threads would wait for each other.
export HF_HUB_OFFLINE=1 OMP_NUM_THREADS=1
exec "$venv/bin/python" -m pytest --numprocesses auto --dist loadfile "$@"
