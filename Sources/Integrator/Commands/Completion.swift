import Datasets
import Store

/// Scripts that complete the words of a command line in a shell.
enum Completion {
    /// What may follow a command, before options.
    private static let subcommands: [String: [String]] = [
        "actions": ["list"], "callbacks": ["show", "sync", "remove", "rotate-secret"], "completion": ["bash", "zsh"],
        "datasets": ["list", "show"], "events": ["list", "show", "replay", "drop"],
        "notifications": ["list", "retry", "drop"],
        "refused": ["list"], "token": ["create"], "webhooks": ["sign", "send"],
    ]

    private static let values: [(option: String, values: [String])] = [
        ("--outcome", EventOutcome.allCases.map(\.label)), ("--status", HistoryStatus.allCases.map(\.label)),
        ("--type", DatasetEventType.allCases.map(\.rawValue)),
        ("--abilities", ["*", "datasets:read", "datasets:write"]),
    ]

    /// The script for `bash` or `zsh`; nil: for another shell there is none.
    static func script(for shell: String) -> String? {
        switch shell {
        case "bash": bash
        case "zsh": "autoload -U +X bashcompinit && bashcompinit\n" + bash
        default: nil
        }
    }

    private static var bash: String {
        let commands = Help.commands.keys.sorted()
        let values = values.map { "        \($0.option)) words='\($0.values.joined(separator: " "))' ;;" }
        let cases = commands.map { command in
            let options = Help.commands[command].map(options) ?? []
            return """
                        \(command))
                            words='\(options.joined(separator: " "))'
                            [ "$COMP_CWORD" -ne 2 ] || words="\((subcommands[command] ?? []).joined(separator: " ")) $words" ;;
                """
        }
        return """
            _integrator() {
                local current="${COMP_WORDS[COMP_CWORD]}" previous="${COMP_WORDS[COMP_CWORD-1]}" words=''
                case "$previous" in
            \(values.joined(separator: "\n"))
                    *)
                        case "$COMP_CWORD" in
                            1) words='\((commands + ["help", "--help", "--version"]).joined(separator: " "))' ;;
                            *) case "${COMP_WORDS[1]}" in
                    help) words='\(commands.joined(separator: " "))' ;;
            \(cases.joined(separator: "\n"))
                            esac ;;
                        esac ;;
                esac
                set -f
                COMPREPLY=($(compgen -W "$words" -- "$current"))
                set +f
            }
            complete -o default -F _integrator integrator
            """
    }

    /// The options that a help text names.
    private static func options(_ help: String) -> [String] {
        let words = help.split { !$0.isLetter && $0 != "-" }.filter { $0.hasPrefix("--") && $0.count > 2 }
        return Set(words.map(String.init)).sorted()
    }
}
