# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_hostmeter_executor_global_optspecs
    string join \n config= log-format= h/help V/version
end

function __fish_hostmeter_executor_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_hostmeter_executor_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_hostmeter_executor_using_subcommand
    set -l cmd (__fish_hostmeter_executor_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c hostmeter-executor -n "__fish_hostmeter_executor_needs_command" -l config -d 'The configuration file' -r -F
complete -c hostmeter-executor -n "__fish_hostmeter_executor_needs_command" -l log-format -d 'How to write the log to standard error' -r -f -a "text\t'One readable line an event'
json\t'One JSON object an event'"
complete -c hostmeter-executor -n "__fish_hostmeter_executor_needs_command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c hostmeter-executor -n "__fish_hostmeter_executor_needs_command" -s V -l version -d 'Print version'
complete -c hostmeter-executor -n "__fish_hostmeter_executor_needs_command" -f -a "run" -d 'Listen on the socket, verify commands and carry them out'
complete -c hostmeter-executor -n "__fish_hostmeter_executor_needs_command" -f -a "dry-run" -d 'Check the configuration and say what a command would do to an account; change nothing'
complete -c hostmeter-executor -n "__fish_hostmeter_executor_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c hostmeter-executor -n "__fish_hostmeter_executor_using_subcommand run" -l config -d 'The configuration file' -r -F
complete -c hostmeter-executor -n "__fish_hostmeter_executor_using_subcommand run" -l log-format -d 'How to write the log to standard error' -r -f -a "text\t'One readable line an event'
json\t'One JSON object an event'"
complete -c hostmeter-executor -n "__fish_hostmeter_executor_using_subcommand run" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c hostmeter-executor -n "__fish_hostmeter_executor_using_subcommand run" -s V -l version -d 'Print version'
complete -c hostmeter-executor -n "__fish_hostmeter_executor_using_subcommand dry-run" -l config -d 'The configuration file' -r -F
complete -c hostmeter-executor -n "__fish_hostmeter_executor_using_subcommand dry-run" -l log-format -d 'How to write the log to standard error' -r -f -a "text\t'One readable line an event'
json\t'One JSON object an event'"
complete -c hostmeter-executor -n "__fish_hostmeter_executor_using_subcommand dry-run" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c hostmeter-executor -n "__fish_hostmeter_executor_using_subcommand dry-run" -s V -l version -d 'Print version'
complete -c hostmeter-executor -n "__fish_hostmeter_executor_using_subcommand help; and not __fish_seen_subcommand_from run dry-run help" -f -a "run" -d 'Listen on the socket, verify commands and carry them out'
complete -c hostmeter-executor -n "__fish_hostmeter_executor_using_subcommand help; and not __fish_seen_subcommand_from run dry-run help" -f -a "dry-run" -d 'Check the configuration and say what a command would do to an account; change nothing'
complete -c hostmeter-executor -n "__fish_hostmeter_executor_using_subcommand help; and not __fish_seen_subcommand_from run dry-run help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
