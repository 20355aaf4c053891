"""Sets faults up for real, and finds each three ways: by the operator's API, on the command line, and by an alert of a real
Prometheus. Called by Tests/Scripts/test-alerts. What an alert waits for (`for`) is left out: the rules' own cases try that."""

import concurrent.futures
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
INTEGRATOR = f"{os.environ['BIN']}/integrator"
OPERATOR = f"http://127.0.0.1:{os.environ['OPERATOR_HTTP_PORT']}"
OPERATOR_TOKEN = os.environ["OPERATOR_TOKEN"].split(":")[2]
DATABASE = ["mariadb", "--no-defaults", "--user=root", f"--socket={os.environ['DB_SOCKET']}", os.environ["DB_DATABASE"]]


def call(url, body=None, token=None):
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
    with urllib.request.urlopen(urllib.request.Request(url, body, headers), timeout=30) as answer:
        return answer.read().decode()


def page(path):
    """What the page shows."""
    return call(f"{OPERATOR}/operator/api{path}", token=OPERATOR_TOKEN)


def command(*arguments, text=None, **environment):
    run = subprocess.run([INTEGRATOR, *arguments], input=text, capture_output=True, text=True, timeout=60,
                         env=os.environ | environment)
    return run.stdout + run.stderr


def webhook(dataset, sequence, **environment):
    body = {"type": "dataset.progress", "timestamp": "2026-11-23T16:00:00Z",
            "data": {"dataset_id": dataset, "sequence": sequence, "progress": 7, "stage": "embedding"}}
    return command("webhooks", "send", "-", text=json.dumps(body), **environment)


def sandbox(path, **members):
    call(f"{os.environ['TV_API_URL']}/sandbox/{path}", json.dumps(members).encode())


def create(slug):
    url = f"{os.environ['PUBLIC_URL']}/api/v1/wishlist-to-group/{slug}/createAnalysis"
    return json.loads(call(url, b"", os.environ["TOKEN"]))["data"]


def wrong_secret():
    other = "whsec_" + "b3RoZXIgc2VjcmV0IG9mIGFub3RoZXIgc2lkZSE="
    for number in range(4):
        webhook(1, number, TV_WEBHOOK_SECRETS=other)


def lost_registration():
    # A create is refused for it, and the service registers again.
    for slug in ["standing-desks", "kids-bedroom", "standing-desks", "kids-bedroom", "standing-desks"]:
        command("callbacks", "remove")
        found = command("callbacks", "show") + page("/callback")
        sandbox("tv/scenario", steps=1, step_delay=0)
        until(lambda: create_or_wait(slug), f"a dataset of {slug}")
    return found


def create_or_wait(slug):
    try:
        return create(slug)
    except urllib.error.HTTPError as error:
        if error.code == 409:  # the one before is not complete yet
            return None
        raise


def stalled():
    sandbox("tv/scenario", steps=4, step_delay=0, outcome="silent")
    until(lambda: create_or_wait("bathroom-refresh"), "a dataset that falls silent")


def dead_letters():
    sandbox("pusher/faults", count=1_000_000, status=413)
    sandbox("tv/scenario", steps=2, step_delay=0)
    until(lambda: create_or_wait("outdoor-lighting"), "a dataset")
    until(lambda: "413" in command("notifications", "list"), "a dead letter")
    sandbox("pusher/faults", count=0)


def parked():
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: webhook(880_000 + number, 1), range(101)))


def pusher_refuses():
    sandbox("pusher/faults", count=1_000_000, status=401)
    sandbox("tv/scenario", steps=2, step_delay=0)
    until(lambda: create_or_wait("standing-desks"), "a dataset")


def slow_database():
    # Commits wait for a lock of the whole server, as for a disk that is slow.
    for pulse in range(4):
        with subprocess.Popen([*DATABASE, "--execute", "FLUSH TABLES WITH READ LOCK; SELECT SLEEP(2.5)"],
                              stdout=subprocess.DEVNULL), concurrent.futures.ThreadPoolExecutor(4) as pool:
            time.sleep(0.3)
            for number in range(4):
                pool.submit(webhook, 890_000 + number, pulse + 1)
            time.sleep(1.4)
            found = command("doctor")
    return found


# Name, how it is set up, what is asked of the API and of the command line with what must be in the answer, and which alert
# fires. Nothing to ask: the answer was taken while the fault was set up.
FAULTS = [
    ("a slow database", slow_database, ("/overview", r'"answer_seconds_p99":([1-9]|0\.[5-9])'), (None, "has run for"),
     "IntegratorDatabaseSlow"),
    ("a wrong secret at the other side", wrong_secret, ("/refused", "no_match"), (["refused", "list"], "no_match"),
     "IntegratorSignaturesFail"),
    ("a lost registration", lost_registration, (None, r'"is_right":false'), (None, "no callback is registered"),
     "IntegratorCallbackLost"),
    ("a stalled dataset", stalled, ("/datasets?status=stalled", "nothing was heard"),
     (["datasets", "list", "--status", "stalled"], "nothing was heard"), "IntegratorDatasetsStalled"),
    ("dead letters", dead_letters, ("/dead-letters", "413"), (["notifications", "list"], "413"), "IntegratorDeadLetters"),
    ("parked webhooks of another environment", parked, ("/events?outcome=parked", "880100"),
     (["events", "list", "--outcome", "parked", "--dataset", "880100"], "parked"), "IntegratorWebhooksParked"),
    ("Pusher refusing", pusher_refuses, ("/doctor", "is degraded: pusher"), (["doctor"], "is degraded: pusher"), "IntegratorPusherRefusesUs"),
]


def until(condition, what, seconds=40):
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not within {seconds} s")
        time.sleep(0.25)
    return found


def main(program, folder, own):
    folder = pathlib.Path(folder)
    rules = (ROOT / "fixtures/prometheus/alerts.yml").read_text()
    (folder / "faults-rules.yml").write_text(re.sub(r"^ +for: .*\n", "", rules, flags=re.M))
    (folder / "faults.yml").write_text(json.dumps({
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"}, "rule_files": ["faults-rules.yml"],
        "scrape_configs": [{"job_name": "dataset-integrator",
                            "static_configs": [{"targets": [f"127.0.0.1:{os.environ['OPERATOR_HTTP_PORT']}"]}]}],
    }))
    with open(folder / "faults.log", "w") as log:
        prometheus = subprocess.Popen([
            program, f"--config.file={folder}/faults.yml", f"--storage.tsdb.path={folder}/faults-data",
            f"--web.listen-address=127.0.0.1:{own}"], stdout=log, stderr=log)
    try:
        until(lambda: "dataset-integrator" in quiet(f"http://127.0.0.1:{own}/api/v1/query?query=up"), "a first scrape")
        sys.exit(any([not find(f"http://127.0.0.1:{own}", *fault) for fault in FAULTS]))
    finally:
        prometheus.terminate()
        prometheus.wait(timeout=20)


def quiet(url):
    try:
        return call(url)
    except OSError:
        return ""


def find(prometheus, name, set_up, on_page, by_command, alert):
    ways = {
        "the page": lambda: page(on_page[0]), "the command line": lambda: command(*by_command[0]),
        f"the alert {alert}": lambda: call(f"{prometheus}/api/v1/alerts"),
    }
    if alert in ways[f"the alert {alert}"]():
        print(f"faults: {alert} fires before there is {name}")
        return False
    found = set_up()
    missed = []
    questions = [on_page, by_command, (alert, alert)]
    for (way, ask), (question, pattern) in zip(ways.items(), questions):
        told = None if question else found
        try:
            until(lambda: re.search(pattern, told or ask()), f"{name}, {way}", 0 if told else 40)
        except TimeoutError:
            missed.append(way)
            print((told or ask())[-2000:])
    print(f"faults: {name}: " + (f"NOT found by {', '.join(missed)}" if missed else "found by page, command line and alert"))
    sandbox("pusher/faults", count=0)
    return not missed


main(*sys.argv[1:])
