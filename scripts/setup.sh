# Sourced by demo.sh and test.sh: `install EXTRA` makes .venv and installs the package into it.
# A second call with nothing changed takes no time. PYTHON names another interpreter.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

venv=.venv
constraints=scripts/constraints.txt

install_torch() {
  local pin
  pin=$(grep '^torch==' "$constraints")
  if command -v nvidia-smi >/dev/null && nvidia-smi >/dev/null 2>&1; then
    "$venv/bin/pip" install -q "$pin"
    return
  fi
  # Without a GPU the CPU build will do, which is a tenth of the size: as a local file or proxy has
  # it, else from PyTorch's own index, else whatever the package index has.
  "$venv/bin/pip" install -q "$pin+cpu" 2>/dev/null ||
    "$venv/bin/pip" install -q --retries 0 --timeout 15 "$pin" \
      --index-url https://download.pytorch.org/whl/cpu --extra-index-url https://pypi.org/simple 2>/dev/null ||
    "$venv/bin/pip" install -q "$pin"
}

install() {
  local extra=$1 stamp wanted
  stamp="$venv/.installed-$extra"
  wanted=$(cat setup.cfg pyproject.toml "$constraints" | cksum)
  [ -x "$venv/bin/python" ] || "${PYTHON:-python3}" -m venv "$venv"
  [ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ] && return
  echo "Installing saeidioms[$extra] into $venv (once; some minutes)"
  "$venv/bin/python" -c 'import torch' 2>/dev/null || install_torch
  "$venv/bin/pip" install -q --constraint "$constraints" -e ".[$extra]"
  echo "$wanted" >"$stamp"
}
