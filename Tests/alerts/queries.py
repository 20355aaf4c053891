"""Asks a Prometheus that scrapes a real run all that the dashboard and the alerts ask. Called by Tests/Scripts/test-alerts."""

import json
import os
import pathlib
import re
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

ROOT = pathlib.Path(__file__).parents[2]


def get(url):
    with urllib.request.urlopen(url, timeout=10) as answer:
        return answer.read().decode()


def main(program, folder, port, own):
    folder = pathlib.Path(folder)
    (folder / "prometheus.yml").write_text(json.dumps({
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": [str(ROOT / "fixtures/prometheus/alerts.yml")],
        "scrape_configs": [{"job_name": "dataset-integrator", "static_configs": [{"targets": [f"127.0.0.1:{port}"]}]}],
    }))
    with open(folder / "prometheus.log", "w") as log:
        server = subprocess.Popen([
            program, f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data",
            f"--web.listen-address=127.0.0.1:{own}"], stdout=log, stderr=log)
    # Some series begin with the first call: have a dataset made, webhooks and notifications sent.
    request = urllib.request.Request(
        f"{os.environ['PUBLIC_URL']}/api/v1/wishlist-to-group/kids-bedroom/createAnalysis", b"",
        {"Authorization": f"Bearer {os.environ['TOKEN']}"})
    try:
        urllib.request.urlopen(request, timeout=30).close()
    except urllib.error.HTTPError as error:
        if error.code != 409:  # one is being made already
            raise
    try:
        sys.exit(ask(f"http://127.0.0.1:{own}", f"http://127.0.0.1:{port}/metrics"))
    finally:
        server.terminate()
        server.wait(timeout=20)


def ask(prometheus, target):
    deadline = time.monotonic() + 60
    while True:
        try:
            found = json.loads(get(f"{prometheus}/api/v1/query?query=count_over_time(up[20s])"))["data"]["result"]
            if found and int(found[0]["value"][1]) >= 12:
                break
        except OSError:
            pass
        if time.monotonic() > deadline:
            print("Prometheus has not scraped the service")
            return 1
        time.sleep(0.5)
    names = set(re.findall(r"^# TYPE (\S+)", get(target), re.M))
    dashboard = json.loads((ROOT / "fixtures/grafana/dataset-integrator.json").read_text())
    queries = [(panel["title"], each["expr"]) for panel in dashboard["panels"] for each in panel.get("targets", [])]
    alerts = (ROOT / "fixtures/prometheus/alerts.yml").read_text()
    failures = 0
    for title, expr in queries:
        expr = expr.replace("$__rate_interval", "20s").replace("$instance", ".*")
        answer = json.loads(get(f"{prometheus}/api/v1/query?{urllib.parse.urlencode({'query': expr})}"))
        if answer["status"] != "success" or not answer["data"]["result"]:
            print(f"nothing for {title!r}: {expr}")
            failures += 1
    for text in [expr for _, expr in queries] + [alerts]:
        for name in re.findall(r"\b(?:integrator|process)_[a-z0-9_]+", text):
            if re.sub(r"_(bucket|sum|count)$", "", name) not in names and name not in names:
                print(f"no such metric: {name}")
                failures += 1
    rules = json.loads(get(f"{prometheus}/api/v1/rules"))["data"]["groups"][0]["rules"]
    for rule in rules:
        if rule["health"] != "ok":
            print(f"{rule['name']}: {rule.get('lastError')}")
            failures += 1
    print(f"{len(queries)} queries of the dashboard and {len(rules)} alerts asked; {failures} failures")
    return failures > 0


main(*sys.argv[1:])
