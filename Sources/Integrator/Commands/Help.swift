/// What `--help` says.
enum Help {
    static let text = """
        integrator: replaces polling of the TV Python API by webhooks

          integrator serve            take webhooks and requests until SIGTERM; SIGHUP reads the secrets again
          integrator migrate          bring the database up to date
          integrator doctor           check everything around the service, and say what to do about each fault
          integrator events           the log of webhooks and changes: list, show, replay, drop
          integrator datasets         the datasets of all customers, and why one is late: list, show
          integrator refused          webhooks that were not taken, with the true reason: list
          integrator notifications    what Pusher has not got: list, retry, drop
          integrator callbacks        the callback at the TV Python API: show, sync, remove, rotate-secret
          integrator webhooks         a signed webhook from a file: sign, send
          integrator actions          who did what: list
          integrator prune            remove old events
          integrator token            make an access token to try the API with
          integrator completion       a script that completes commands in a shell: bash, zsh
          integrator --version        which version this is

        `integrator help COMMAND` says more. Most commands print JSON with --json.
        Configured by environment variables and an optional .env file: see README.md.
        Exit status: 0 done, 1 failed, 2 wrong command line or configuration.
        """

    static let commands: [String: String] = [
        "serve": """
        integrator serve [--check]

        Takes webhooks and requests. SIGTERM: not ready any more, finishes what is in flight, sends what is owed, exits
        with 0. SIGHUP: reads TV_WEBHOOK_SECRETS and OPERATOR_TOKEN again, from .env or the files that NAME_FILE names.
          --check    says whether the configuration is complete, and does not serve
        """,
        "migrate": """
        integrator migrate [--wait SECONDS] [--dry-run | --demo]
        integrator migrate --undo [--drop-data] [--wait SECONDS]

        Applies the migrations that have not been applied, in order, under a lock that holds in a cluster too, while others
        work in the tables: nobody waits for it longer than half a second. It may be ended at any point and run again.
        What is in the way is named before anything is changed.
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
        integrator events list [FILTER] [--page ID] [--json]
        integrator events show ID|KEY [--json]
        integrator events replay (ID... | FILTER) [--dry-run] [--json]
        integrator events drop (ID... | FILTER) [--dry-run] [--json]

        The log has a row for each webhook received and each change made. `list` shows the newest. `replay` applies
        events again that changed nothing (rejected, stale, ignored, parked), as if they came now, and says what became
        of each; what is owed then is sent before it ends. `drop` gives up what is parked or rejected: it stays in the
        log as ignored.
          --dataset ID      of this dataset of the TV Python API
          --history ID      of this history
          --reference UUID  of the history with this reference
          --slug SLUG       of this wishlist
          --key KEY         with this webhook-id
          --type NAME       of this type, such as dataset.progress
          --outcome NAME    applied, stale, ignored, parked, rejected; several with commas
          --since TIME      2026-11-23T16:00:00Z, or 90s, 15m, 2h, 7d ago
          --until TIME      the same
          --limit N         at most so many; 50 if not said
          --page ID         `list`: those below this id, as the last line says
          --dry-run         says what would become of them, and changes nothing
        """,
        "datasets": """
        integrator datasets list [FILTER] [--page ID] [--json]
        integrator datasets show (NUMBER | REFERENCE | --history ID) [--json]

        The datasets of all customers, newest first, each with the reason why it is not further, and with `show` its
        events.
          --dataset ID      with this number of the TV Python API
          --history ID      this history
          --reference UUID  with this reference
          --slug SLUG       of this wishlist; --wishlist ID the same by its id
          --group ID        of all wishlists of this group
          --status NAME     pending, queued, processing, completed, failed, canceled, stalled; several with commas
          --late            active, and nothing heard for too long
          --limit N         at most so many; 50 if not said
          --page ID         those below this id, as the last line says
        """,
        "refused": """
        integrator refused list [--limit N] [--page ID] [--json]

        The newest webhooks that were answered 401: when, from which address, and the true reason, which the sender does not get.
        """,
        "actions": """
        integrator actions list [--limit N] [--page ID] [--json]

        What was replayed, retried, dropped, synchronised, rotated and pruned: who, when, what and how many. The newest
        first.
        """,
        "completion": """
        integrator completion bash|zsh

        Prints a script. bash: `source <(integrator completion bash)`. zsh: the same, after `compinit`.
        """,
        "notifications": """
        integrator notifications list [--history ID] [--limit N] [--page ID] [--json]
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
