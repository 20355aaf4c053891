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

    /// The script for `bash` or `zsh`, to be evaluated or to stand where the shell looks for completions; nil: for another
    /// shell there is none.
    static func script(for shell: String) -> String? {
        switch shell {
        case "bash":
            """
            _integrator() {
                local current="${COMP_WORDS[COMP_CWORD]}" previous="${COMP_WORDS[COMP_CWORD-1]}"
                local command="${COMP_WORDS[1]-}" index=$COMP_CWORD found=''
            \(choice)
                set -f
                COMPREPLY=($(compgen -W "$found" -- "$current"))
                set +f
            }
            complete -o default -F _integrator integrator
            """
        case "zsh":
            """
            #compdef integrator
            compdef _integrator integrator
            _integrator() {
                local previous="${words[CURRENT-1]}" command="${words[2]-}" index=$((CURRENT - 1)) found=''
            \(choice)
                compadd -- ${=found} || _files
            }
            # The first call of the autoloaded function is this file itself.
            if [[ ${funcstack[1]-} == _integrator ]]; then _integrator "$@"; fi
            """
        default: nil
        }
    }

    /// Sets `found` to the words that may come next, in either shell.
    private static var choice: String {
        let commands = Help.commands.keys.sorted()
        let values = values.map { "        \($0.option)) found='\($0.values.joined(separator: " "))' ;;" }
        let cases = commands.map { command in
            let options = Help.commands[command].map(options) ?? []
            return """
                            \(command))
                                found='\(options.joined(separator: " "))'
                                [ "$index" -ne 2 ] || found="\((subcommands[command] ?? []).joined(separator: " ")) $found" ;;
                """
        }
        return """
                case "$previous" in
            \(values.joined(separator: "\n"))
                    *)
                        if [ "$index" -eq 1 ]; then
                            found='\((commands + ["help", "--help", "--version"]).joined(separator: " "))'
                        else case "$command" in
                            help) found='\(commands.joined(separator: " "))' ;;
            \(cases.joined(separator: "\n"))
                        esac; fi ;;
                esac
            """
    }

    /// The options that a help text names.
    private static func options(_ help: String) -> [String] {
        let words = help.split { !$0.isLetter && $0 != "-" }.filter { $0.hasPrefix("--") && $0.count > 2 }
        return Set(words.map(String.init)).sorted()
    }
}
