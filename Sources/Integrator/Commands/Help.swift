/// What `--help` says.
enum Help {
    static let text = """
        integrator: replaces polling of the TV Python API by webhooks

          integrator serve            take webhooks and requests until SIGTERM; SIGHUP reads the secrets again
          integrator migrate          bring the database up to date
          integrator doctor           check everything around the service, and say what to do about each fault
          integrator events           the log of webhooks and changes: list, show, replay
          integrator notifications    what Pusher has not got: list, retry, drop
          integrator callbacks        the callback at the TV Python API: show, sync, remove, rotate-secret
          integrator webhooks         a signed webhook from a file: sign, send
          integrator prune            remove old events
          integrator token            make an access token to try the API with

        `integrator help COMMAND` says more. Most commands print JSON with --json.
        Configured by environment variables and an optional .env file: see README.md.
        Exit status: 0 done, 1 failed, 2 wrong command line or configuration.
        """

    static let commands: [String: String] = [
        "serve": """
        integrator serve

        Takes webhooks and requests. SIGTERM: not ready any more, finishes what is in flight, sends what is owed, exits
        with 0. SIGHUP: reads TV_WEBHOOK_SECRETS again, from .env or TV_WEBHOOK_SECRETS_FILE.
        """,
        "migrate": """
        integrator migrate [--wait SECONDS] [--dry-run | --demo]
        integrator migrate --undo [--drop-data] [--wait SECONDS]

        Applies the migrations that have not been applied, in order, under a lock that holds in a cluster too, while others
        work in the tables: nobody waits for it longer than half a second. It may be ended at any point and run again.
          --wait SECONDS   how long it tries to have one table's lock that others hold; 600 if not said
          --dry-run        prints what it would do, and what each statement locks; changes nothing
          --demo           also adds data to try the service on
          --undo           drops the indexes and generated columns that only this service uses; no data are lost
          --drop-data      with --undo: also drops the service's own tables and columns, with all that is in them
        """,
        "doctor": """
        integrator doctor [--json]

        Checks configuration, database, migrations, clock, TV Python API, callback, Pusher and the public URL, and says
        what to do about each fault. Exit status 1 if there is one.
        """,
        "events": """
        integrator events list [FILTER] [--json]
        integrator events show ID|KEY [--json]
        integrator events replay (ID... | FILTER) [--dry-run] [--json]

        The log has a row for each webhook received and each change made. `list` shows the newest. `replay` applies
        events again that changed nothing (rejected, stale, ignored, parked), as if they came now, and says what became
        of each; what is owed then is sent before it ends.
          --dataset ID      of this dataset of the TV Python API
          --history ID      of this history
          --outcome NAME    applied, stale, ignored, parked, rejected; several with commas
          --since TIME      2026-11-23T16:00:00Z, or 90s, 15m, 2h, 7d ago
          --limit N         at most so many; 50 if not said
          --dry-run         says what would become of them, and changes nothing
        """,
        "notifications": """
        integrator notifications list [--history ID] [--limit N] [--json]
        integrator notifications retry (ID... | --history ID | --all) [--json]
        integrator notifications drop (ID... | --history ID | --all) [--json]

        `list` shows the histories that owe notifications, which are sent by themselves, and the dead letters: what
        Pusher has refused for good. `retry` sends dead letters again, at once; those that are taken are dead letters no
        longer. `drop` removes them. ID is the event's, as `list` shows it.
        """,
        "callbacks": """
        integrator callbacks show [--json]
        integrator callbacks sync
        integrator callbacks remove
        integrator callbacks rotate-secret [--prepare | --finish] [--json]

        `rotate-secret` makes a new webhook secret, puts it before the old ones in TV_WEBHOOK_SECRETS_FILE, has the
        instances on this machine that use the file read it (SIGHUP), sees that they take it, and only then registers it:
        webhooks signed by either secret are accepted all the time.
          --prepare    stop before registering: where other machines need the file too; then `callbacks sync`
          --finish     remove all secrets but the first: once nothing signed by the old one can come any more
        Without TV_WEBHOOK_SECRETS_FILE it prints a new secret, and what to do with it.
        """,
        "webhooks": """
        integrator webhooks sign FILE [--id ID] [--json]
        integrator webhooks send FILE [--id ID] [--url URL] [--json]

        Signs the bytes of FILE (`-`: standard input) with the first of TV_WEBHOOK_SECRETS. `sign` prints the headers;
        `send` posts it to PUBLIC_URL/webhooks/tv-python, or to another URL, and prints the answer.
        """,
        "prune": """
        integrator prune --days N | --older-than TIME [--dry-run] [--json]

        Removes events older than N days, or than TIME (90s, 15m, 2h, 7d), in small steps: never one whose notification is
        owed or a dead letter, one that is parked or rejected, or one of a dataset that is active. A dataset's last event
        stays.
        """,
        "token": """
        integrator token create --user ID [--name NAME] [--abilities LIST]

        Makes an access token and prints it, once. LIST: of datasets:read, datasets:write, *, with commas.
        """,
    ]
}
