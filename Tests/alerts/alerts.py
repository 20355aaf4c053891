"""Makes the unit tests of promtool for fixtures/prometheus/alerts.yml: for each alert one that fires it and one that does not.

Only names of alerts are compared, not their texts: what is said may change. Called by Tests/Scripts/test-alerts."""

import itertools
import json
import pathlib
import re
import sys

JOB = 'job="dataset-integrator",instance="one"'

# For each alert one that fires it and one that does not, in turn. Series by name, each with promtool's notation of values at
# steps of a minute; then after how many minutes.
CASES = {
    "IntegratorDown": (
        ({f"up{{{JOB}}}": "0x10"}, 5), ({f"up{{{JOB}}}": "1 1 0 1 1 0 1 1"}, 7)),
    "IntegratorVanished": (
        ({"up{job=\"other\"}": "1x10"}, 8), ({f"up{{{JOB}}}": "1x10"}, 8)),
    "IntegratorCrashLoop": (
        ({f"process_start_time_seconds{{{JOB}}}": "1 1 2 2 3 3 4 4 4 4"}, 9),
        ({f"process_start_time_seconds{{{JOB}}}": "1 1 1 2 2 2 2 2 2 2"}, 9)),
    "IntegratorDatabaseDown": (
        ({f"integrator_database_up{{{JOB}}}": "1 0x5"}, 5), ({f"integrator_database_up{{{JOB}}}": "1 0 1x5"}, 5)),
    "IntegratorDatabaseSlow": (
        ({f'integrator_transaction_duration_seconds_bucket{{{JOB},le="0.5"}}': "0+1x40",
          f'integrator_transaction_duration_seconds_bucket{{{JOB},le="2.5"}}': "0+10x40",
          f'integrator_transaction_duration_seconds_bucket{{{JOB},le="+Inf"}}': "0+10x40"}, 30),
        ({f'integrator_transaction_duration_seconds_bucket{{{JOB},le="0.5"}}': "0+10x40",
          f'integrator_transaction_duration_seconds_bucket{{{JOB},le="2.5"}}': "0+10x40",
          f'integrator_transaction_duration_seconds_bucket{{{JOB},le="+Inf"}}': "0+10x40"}, 30)),
    "IntegratorCallbackNotRegistered": (
        ({f"integrator_callback_registered{{{JOB}}}": "0x10"}, 7), ({f"integrator_callback_registered{{{JOB}}}": "0x3 1x10"}, 9)),
    "IntegratorNoWebhooks": (
        ({f'integrator_datasets{{{JOB},status="processing"}}': "2x60", f"integrator_webhooks_total{{{JOB}}}": "9x60"}, 50),
        ({f'integrator_datasets{{{JOB},status="processing"}}': "2x60", f"integrator_webhooks_total{{{JOB}}}": "9x35 10x25"}, 50)),
    "IntegratorWebhooksBadlySigned": (
        ({f'integrator_webhooks_refused_total{{{JOB},reason="no_match"}}': "0+60x40"}, 30),
        ({f'integrator_webhooks_refused_total{{{JOB},reason="queue_full"}}': "0+60x40"}, 30)),
    "IntegratorDatasetsStalled": (
        ({f'integrator_datasets_ended_total{{{JOB},status="stalled"}}': "0x5 1x10"}, 10),
        ({f'integrator_datasets_ended_total{{{JOB},status="stalled"}}': "4x15"}, 10)),
    "IntegratorDatasetsFailing": (
        ({f'integrator_datasets_ended_total{{{JOB},status="failed"}}': "0+1x20",
          f'integrator_datasets_ended_total{{{JOB},status="completed"}}': "0x20"}, 15),
        ({f'integrator_datasets_ended_total{{{JOB},status="failed"}}': "0+1x20",
          f'integrator_datasets_ended_total{{{JOB},status="completed"}}': "0+5x20"}, 15)),
    "IntegratorCallbackLost": (
        ({f"integrator_callback_repairs_total{{{JOB}}}": "0+1x20"}, 15),
        ({f"integrator_callback_repairs_total{{{JOB}}}": "0x5 1x15"}, 15)),
    # By the instance's own count; one a minute for two hours, and none that is right.
    "IntegratorSignaturesFail": (
        ({f"integrator_webhook_signatures_failing{{{JOB}}}": "3x10"}, 8),
        ({f"integrator_webhook_signatures_failing{{{JOB}}}": "3x2 0x10"}, 8),
        ({f'integrator_webhooks_refused_total{{{JOB},reason="too_old"}}': "0+1x120", f"integrator_webhooks_total{{{JOB}}}": "5x120"}, 100),
        ({f'integrator_webhooks_refused_total{{{JOB},reason="too_old"}}': "0+1x120", f"integrator_webhooks_total{{{JOB}}}": "0+1x120"}, 100)),
    "IntegratorContradictions": (
        ({f'integrator_contradictions_total{{{JOB},kind="dataset"}}': "0x3 1x5"}, 6),
        ({f'integrator_contradictions_total{{{JOB},kind="dataset"}}': "2x9"}, 6)),
    "IntegratorPusherRefusesUs": (
        ({f'integrator_dispatcher_paused{{{JOB},reason="unauthorised"}}': "1x5"}, 4),
        ({f'integrator_dispatcher_paused{{{JOB},reason="failing"}}': "1x5"}, 4)),
    "IntegratorNotificationsLate": (
        ({f"integrator_notifications_oldest_owed_seconds{{{JOB}}}": "130+60x6"}, 5),
        ({f"integrator_notifications_oldest_owed_seconds{{{JOB}}}": "130 1x6"}, 5)),
    "IntegratorDeadLetters": (
        ({f"integrator_dead_letters{{{JOB}}}": "1x5"}, 4), ({f"integrator_dead_letters{{{JOB}}}": "0x5"}, 4)),
    "IntegratorWebhooksRejected": (
        ({f'integrator_webhooks_total{{{JOB},outcome="rejected",type="dataset.progress"}}': "0x3 1x5"}, 6),
        ({f'integrator_webhooks_total{{{JOB},outcome="applied",type="dataset.progress"}}': "0+1x9"}, 6)),
    "IntegratorWebhookConflicts": (
        ({f"integrator_webhook_conflicts_total{{{JOB}}}": "0x3 1x5"}, 6), ({f"integrator_webhook_conflicts_total{{{JOB}}}": "3x9"}, 6)),
    "IntegratorWebhooksParked": (
        ({f"integrator_parked_webhooks{{{JOB}}}": "200x40"}, 35), ({f"integrator_parked_webhooks{{{JOB}}}": "20x40"}, 35)),
    "IntegratorOverloaded": (
        ({f'integrator_webhooks_refused_total{{{JOB},reason="queue_full"}}': "0+5x20"}, 15),
        ({f'integrator_webhooks_refused_total{{{JOB},reason="no_match"}}': "0+5x20"}, 15)),
    "IntegratorErrors": (
        ({f'integrator_http_requests_total{{{JOB},status="500"}}': "0+1x20"}, 15),
        ({f'integrator_http_requests_total{{{JOB},status="503"}}': "0+1x20"}, 15)),
    "IntegratorTVAPIFailing": (
        ({f'integrator_tv_api_requests_total{{{JOB},outcome="unavailable"}}': "0+3x40",
          f'integrator_tv_api_requests_total{{{JOB},outcome="success"}}': "0+1x40"}, 30),
        ({f'integrator_tv_api_requests_total{{{JOB},outcome="unavailable"}}': "0+1x40",
          f'integrator_tv_api_requests_total{{{JOB},outcome="success"}}': "0+3x40"}, 30)),
    "IntegratorDescriptorsShort": (
        ({f"process_open_fds{{{JOB}}}": "90x10", f"process_max_fds{{{JOB}}}": "100x10"}, 8),
        ({f"process_open_fds{{{JOB}}}": "9x10", f"process_max_fds{{{JOB}}}": "100x10"}, 8)),
}


def main(rules, target):
    alerts = set(re.findall(r"^ *- alert: (\w+)", pathlib.Path(rules).read_text(), re.M))
    if alerts != set(CASES):
        sys.exit(f"alerts without a case, or cases without an alert: {sorted(alerts ^ set(CASES))}")
    tests = []
    for alert, cases in CASES.items():
        for fires, (series, minutes) in zip(itertools.cycle((True, False)), cases):
            tests.append({
                "name": f"{alert} {'fires' if fires else 'does not fire'}",
                "interval": "1m",
                "input_series": [{"series": name, "values": values} for name, values in series.items()],
                "promql_expr_test": [{
                    "expr": f'count(ALERTS{{alertname="{alert}",alertstate="firing"}} > 0) > bool 0',
                    "eval_time": f"{minutes}m",
                    "exp_samples": [{"labels": "{}", "value": 1}] if fires else [],
                }],
            })
    # JSON is YAML.
    test = {"rule_files": [str(pathlib.Path(rules).resolve())], "evaluation_interval": "1m", "tests": tests}
    pathlib.Path(target).write_text(json.dumps(test, indent=1))
    print(f"{len(tests)} tests of {len(alerts)} alerts")


main(*sys.argv[1:])
