"""Pages of metrics, read as Prometheus reads them."""
import shutil
import subprocess
import urllib.error
import urllib.request

from prometheus_client.parser import text_string_to_metric_families


def fetch(port, path="/metrics"):
    """Status and text."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=30) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def check_page(text):
    """Reads the page whole, and checks what Prometheus asks of names; samples as {name: {label value: value}}, "" where there is no label."""
    samples = {}
    assert text.endswith("\n")
    for family in text_string_to_metric_families(text):
        assert family.type in ("counter", "gauge", "histogram") and family.documentation, family.name
        for sample in family.samples:
            assert sample.name.startswith("mxtap_")
            assert (family.type == "counter") == sample.name.endswith("_total"), sample.name
            label = next(iter(sample.labels.values()), "")
            of_name = samples.setdefault(sample.name, {})
            assert label not in of_name, f"{sample.name} told twice"
            of_name[label] = sample.value
    if shutil.which("promtool"):
        subprocess.run(["promtool", "check", "metrics"], input=text, text=True, check=True)
    return samples
