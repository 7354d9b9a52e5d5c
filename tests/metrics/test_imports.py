import subprocess
import sys


def loaded_after(statement):
    code = f"import sys; {statement}; print(*{{name.split('.')[0] for name in sys.modules}})"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(run.stdout.split())


def test_package_itself_imports_nothing_heavy():
    assert not loaded_after("import loihiseg.metrics") & {"numpy", "numba", "skimage", "scipy"}


def test_metrics_need_no_tensorflow():
    loaded = loaded_after("from loihiseg.metrics import energy, isbi, pixels, rates")
    assert not loaded & {"tensorflow", "keras", "nengo", "nengo_dl", "nengo_loihi"}
