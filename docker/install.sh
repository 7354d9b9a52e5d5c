#!/bin/sh
# What the image holds: docker/install.sh FOLDER makes an environment there, of the source it lies
# in. A test runs it in a clean environment, since not every machine has docker.
set -eu

cd "$(dirname "$0")/.."
"${PYTHON:-python3}" -m venv "$1"
pip="$1/bin/python -m pip --disable-pip-version-check --quiet"
# NengoDL asks for a setuptools that Python 3.12 does not run: built with the one put here.
$pip install -c constraints.txt setuptools wheel
$pip install -c constraints.txt --no-deps --no-build-isolation nengo-dl
$pip install -c constraints.txt '.[partition,cluster,calibration]'
