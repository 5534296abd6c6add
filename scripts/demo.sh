#!/usr/bin/env bash
# Sets everything up and runs the demo: synthetic chats in, the report out.
source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"
install offline
HF_HUB_OFFLINE=1 exec "$venv/bin/saeidioms" demo "$@"
