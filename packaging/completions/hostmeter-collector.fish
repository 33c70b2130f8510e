# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_hostmeter_collector_global_optspecs
    string join \n h/help V/version
end

function __fish_hostmeter_collector_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_hostmeter_collector_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_hostmeter_collector_using_subcommand
    set -l cmd (__fish_hostmeter_collector_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c hostmeter-collector -n "__fish_hostmeter_collector_needs_command" -s h -l help -d 'Print help'
complete -c hostmeter-collector -n "__fish_hostmeter_collector_needs_command" -s V -l version -d 'Print version'
complete -c hostmeter-collector -n "__fish_hostmeter_collector_needs_command" -f -a "init" -d 'Make data directory, keys, database and the first admin, and print its token once'
complete -c hostmeter-collector -n "__fish_hostmeter_collector_needs_command" -f -a "serve" -d 'Serve until SIGTERM or SIGINT'
complete -c hostmeter-collector -n "__fish_hostmeter_collector_needs_command" -f -a "backup" -d 'Back up everything, verified, while the collector runs'
complete -c hostmeter-collector -n "__fish_hostmeter_collector_needs_command" -f -a "restore" -d 'Restore a backup and the journal into an empty data directory'
complete -c hostmeter-collector -n "__fish_hostmeter_collector_needs_command" -f -a "clock" -d 'What became of a jump of this machine\'s clock'
complete -c hostmeter-collector -n "__fish_hostmeter_collector_needs_command" -f -a "check-config" -d 'Check the configuration and name every fault'
complete -c hostmeter-collector -n "__fish_hostmeter_collector_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c hostmeter-collector -n "__fish_hostmeter_collector_using_subcommand init" -l config -d 'Configuration file' -r -F
complete -c hostmeter-collector -n "__fish_hostmeter_collector_using_subcommand init" -l json -d 'Print one JSON object'
complete -c hostmeter-collector -n "__fish_hostmeter_collector_using_subcommand init" -s h -l help -d 'Print help'
complete -c hostmeter-collector -n "__fish_hostmeter_collector_using_subcommand serve" -l config -d 'Configuration file' -r -F
complete -c hostmeter-collector -n "__fish_hostmeter_collector_using_subcommand serve" -l exit-with-parent -d 'End when the program that started this one ends'
complete -c hostmeter-collector -n "__fish_hostmeter_collector_using_subcommand serve" -s h -l help -d 'Print help'
complete -c hostmeter-collector -n "__fish_hostmeter_collector_using_subcommand backup" -l config -d 'Configuration file' -r -F
complete -c hostmeter-collector -n "__fish_hostmeter_collector_using_subcommand backup" -l to -d 'Directory in which the backup gets a directory of its own; without it `[backup] dir`' -r -F
complete -c hostmeter-collector -n "__fish_hostmeter_collector_using_subcommand backup" -l json -d 'Print one JSON object'
complete -c hostmeter-collector -n "__fish_hostmeter_collector_using_subcommand backup" -s h -l help -d 'Print help'
complete -c hostmeter-collector -n "__fish_hostmeter_collector_using_subcommand restore" -l config -d 'Configuration file' -r -F
complete -c hostmeter-collector -n "__fish_hostmeter_collector_using_subcommand restore" -l from -d 'The backup\'s own directory' -r -F
complete -c hostmeter-collector -n "__fish_hostmeter_collector_using_subcommand restore" -l journal -d 'Directory of the journal; without it `journal_dir` of the configuration' -r -F
complete -c hostmeter-collector -n "__fish_hostmeter_collector_using_subcommand restore" -l no-journal -d 'Restore the backup alone: what was written since is lost'
complete -c hostmeter-collector -n "__fish_hostmeter_collector_using_subcommand restore" -l accept-torn-tail -d 'Leave out a last record of the journal that is cut short'
complete -c hostmeter-collector -n "__fish_hostmeter_collector_using_subcommand restore" -l accept-older -d 'Restore a backup although agents may have forgotten what only a newer one holds'
complete -c hostmeter-collector -n "__fish_hostmeter_collector_using_subcommand restore" -l json -d 'Print one JSON object'
complete -c hostmeter-collector -n "__fish_hostmeter_collector_using_subcommand restore" -s h -l help -d 'Print help'
complete -c hostmeter-collector -n "__fish_hostmeter_collector_using_subcommand clock; and not __fish_seen_subcommand_from show accept help" -s h -l help -d 'Print help'
complete -c hostmeter-collector -n "__fish_hostmeter_collector_using_subcommand clock; and not __fish_seen_subcommand_from show accept help" -f -a "show" -d 'Say whether a jump stands'
complete -c hostmeter-collector -n "__fish_hostmeter_collector_using_subcommand clock; and not __fish_seen_subcommand_from show accept help" -f -a "accept" -d 'The clock is right now: charging and lifecycle go on'
complete -c hostmeter-collector -n "__fish_hostmeter_collector_using_subcommand clock; and not __fish_seen_subcommand_from show accept help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c hostmeter-collector -n "__fish_hostmeter_collector_using_subcommand clock; and __fish_seen_subcommand_from show" -l config -d 'Configuration file' -r -F
complete -c hostmeter-collector -n "__fish_hostmeter_collector_using_subcommand clock; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help'
complete -c hostmeter-collector -n "__fish_hostmeter_collector_using_subcommand clock; and __fish_seen_subcommand_from accept" -l config -d 'Configuration file' -r -F
complete -c hostmeter-collector -n "__fish_hostmeter_collector_using_subcommand clock; and __fish_seen_subcommand_from accept" -s h -l help -d 'Print help'
complete -c hostmeter-collector -n "__fish_hostmeter_collector_using_subcommand clock; and __fish_seen_subcommand_from help" -f -a "show" -d 'Say whether a jump stands'
complete -c hostmeter-collector -n "__fish_hostmeter_collector_using_subcommand clock; and __fish_seen_subcommand_from help" -f -a "accept" -d 'The clock is right now: charging and lifecycle go on'
complete -c hostmeter-collector -n "__fish_hostmeter_collector_using_subcommand clock; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c hostmeter-collector -n "__fish_hostmeter_collector_using_subcommand check-config" -l config -d 'Configuration file' -r -F
complete -c hostmeter-collector -n "__fish_hostmeter_collector_using_subcommand check-config" -s h -l help -d 'Print help'
complete -c hostmeter-collector -n "__fish_hostmeter_collector_using_subcommand help; and not __fish_seen_subcommand_from init serve backup restore clock check-config help" -f -a "init" -d 'Make data directory, keys, database and the first admin, and print its token once'
complete -c hostmeter-collector -n "__fish_hostmeter_collector_using_subcommand help; and not __fish_seen_subcommand_from init serve backup restore clock check-config help" -f -a "serve" -d 'Serve until SIGTERM or SIGINT'
complete -c hostmeter-collector -n "__fish_hostmeter_collector_using_subcommand help; and not __fish_seen_subcommand_from init serve backup restore clock check-config help" -f -a "backup" -d 'Back up everything, verified, while the collector runs'
complete -c hostmeter-collector -n "__fish_hostmeter_collector_using_subcommand help; and not __fish_seen_subcommand_from init serve backup restore clock check-config help" -f -a "restore" -d 'Restore a backup and the journal into an empty data directory'
complete -c hostmeter-collector -n "__fish_hostmeter_collector_using_subcommand help; and not __fish_seen_subcommand_from init serve backup restore clock check-config help" -f -a "clock" -d 'What became of a jump of this machine\'s clock'
complete -c hostmeter-collector -n "__fish_hostmeter_collector_using_subcommand help; and not __fish_seen_subcommand_from init serve backup restore clock check-config help" -f -a "check-config" -d 'Check the configuration and name every fault'
complete -c hostmeter-collector -n "__fish_hostmeter_collector_using_subcommand help; and not __fish_seen_subcommand_from init serve backup restore clock check-config help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c hostmeter-collector -n "__fish_hostmeter_collector_using_subcommand help; and __fish_seen_subcommand_from clock" -f -a "show" -d 'Say whether a jump stands'
complete -c hostmeter-collector -n "__fish_hostmeter_collector_using_subcommand help; and __fish_seen_subcommand_from clock" -f -a "accept" -d 'The clock is right now: charging and lifecycle go on'
