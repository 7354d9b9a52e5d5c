#!/usr/bin/env bash
# environment.sh PYTHON FOLDER: makes an environment for the tests in a browser. It borrows the packages
# of PYTHON, which stays as it is, and has selenium (Apache-2.0) and axe-core (MPL-2.0) besides.
#   apt-get install chromium chromium-driver
#   tests/browser/environment.sh .venv/bin/python /tmp/browser
#   /tmp/browser/bin/python -m pytest -m browser tests/browser
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
purelib='import sysconfig; print(sysconfig.get_path("purelib"))'
"$1" -m venv "$2"
printf 'import site; site.addsitedir("%s")\n' "$("$1" -c "$purelib")" \
    >"$("$2/bin/python" -c "$purelib")/borrowed.pth"
"$2/bin/python" -m pip install -q -c "$here/../../constraints.txt" -r "$here/requirements.txt"
# For the script of axe-core in it; playwright, which it would bring along, is not needed.
"$2/bin/python" -m pip install -q --no-deps axe-playwright-python==0.1.8
