# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_hostmeter_agent_global_optspecs
    string join \n config= log-format= h/help V/version
end

function __fish_hostmeter_agent_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_hostmeter_agent_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_hostmeter_agent_using_subcommand
    set -l cmd (__fish_hostmeter_agent_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c hostmeter-agent -n "__fish_hostmeter_agent_needs_command" -l config -d 'The configuration file' -r -F
complete -c hostmeter-agent -n "__fish_hostmeter_agent_needs_command" -l log-format -d 'How to write the log to standard error' -r -f -a "text\t'One readable line an event'
json\t'One JSON object an event'"
complete -c hostmeter-agent -n "__fish_hostmeter_agent_needs_command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c hostmeter-agent -n "__fish_hostmeter_agent_needs_command" -s V -l version -d 'Print version'
complete -c hostmeter-agent -n "__fish_hostmeter_agent_needs_command" -f -a "run" -d 'Sample, spool and ship until told to stop'
complete -c hostmeter-agent -n "__fish_hostmeter_agent_needs_command" -f -a "enroll" -d 'Make this machine known to a collector, with a token that `hostmeter host add` printed'
complete -c hostmeter-agent -n "__fish_hostmeter_agent_needs_command" -f -a "rotate-key" -d 'Replace this host\'s key by a new one, which the old one vouches for'
complete -c hostmeter-agent -n "__fish_hostmeter_agent_needs_command" -f -a "status" -d 'Show what the running agent sees, keeps and ships'
complete -c hostmeter-agent -n "__fish_hostmeter_agent_needs_command" -f -a "top" -d 'Show live what every account and command of this machine uses'
complete -c hostmeter-agent -n "__fish_hostmeter_agent_needs_command" -f -a "check-config" -d 'Read the configuration and name every fault'
complete -c hostmeter-agent -n "__fish_hostmeter_agent_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c hostmeter-agent -n "__fish_hostmeter_agent_using_subcommand run" -l config -d 'The configuration file' -r -F
complete -c hostmeter-agent -n "__fish_hostmeter_agent_using_subcommand run" -l log-format -d 'How to write the log to standard error' -r -f -a "text\t'One readable line an event'
json\t'One JSON object an event'"
complete -c hostmeter-agent -n "__fish_hostmeter_agent_using_subcommand run" -l exit-with-parent -d 'End when the program that started this one ends'
complete -c hostmeter-agent -n "__fish_hostmeter_agent_using_subcommand run" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c hostmeter-agent -n "__fish_hostmeter_agent_using_subcommand run" -s V -l version -d 'Print version'
complete -c hostmeter-agent -n "__fish_hostmeter_agent_using_subcommand enroll" -l collector -d 'Address of the collector, for example `https://collector.example.org:8443`; plain http only to this machine' -r
complete -c hostmeter-agent -n "__fish_hostmeter_agent_using_subcommand enroll" -l token -d 'The token: hm1.FINGERPRINT.SECRET' -r
complete -c hostmeter-agent -n "__fish_hostmeter_agent_using_subcommand enroll" -l executor-trust -d 'Where the executor reads whose commands to trust; skipped with a notice if it cannot be written' -r -F
complete -c hostmeter-agent -n "__fish_hostmeter_agent_using_subcommand enroll" -l config -d 'The configuration file' -r -F
complete -c hostmeter-agent -n "__fish_hostmeter_agent_using_subcommand enroll" -l log-format -d 'How to write the log to standard error' -r -f -a "text\t'One readable line an event'
json\t'One JSON object an event'"
complete -c hostmeter-agent -n "__fish_hostmeter_agent_using_subcommand enroll" -l new-key -d 'Make a new key, for a token of `hostmeter host add NAME --replace`; the old key is kept beside it'
complete -c hostmeter-agent -n "__fish_hostmeter_agent_using_subcommand enroll" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c hostmeter-agent -n "__fish_hostmeter_agent_using_subcommand enroll" -s V -l version -d 'Print version'
complete -c hostmeter-agent -n "__fish_hostmeter_agent_using_subcommand rotate-key" -l config -d 'The configuration file' -r -F
complete -c hostmeter-agent -n "__fish_hostmeter_agent_using_subcommand rotate-key" -l log-format -d 'How to write the log to standard error' -r -f -a "text\t'One readable line an event'
json\t'One JSON object an event'"
complete -c hostmeter-agent -n "__fish_hostmeter_agent_using_subcommand rotate-key" -l no-wait -d 'Do not wait until it is done'
complete -c hostmeter-agent -n "__fish_hostmeter_agent_using_subcommand rotate-key" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c hostmeter-agent -n "__fish_hostmeter_agent_using_subcommand rotate-key" -s V -l version -d 'Print version'
complete -c hostmeter-agent -n "__fish_hostmeter_agent_using_subcommand status" -l config -d 'The configuration file' -r -F
complete -c hostmeter-agent -n "__fish_hostmeter_agent_using_subcommand status" -l log-format -d 'How to write the log to standard error' -r -f -a "text\t'One readable line an event'
json\t'One JSON object an event'"
complete -c hostmeter-agent -n "__fish_hostmeter_agent_using_subcommand status" -l json -d 'Print JSON'
complete -c hostmeter-agent -n "__fish_hostmeter_agent_using_subcommand status" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c hostmeter-agent -n "__fish_hostmeter_agent_using_subcommand status" -s V -l version -d 'Print version'
complete -c hostmeter-agent -n "__fish_hostmeter_agent_using_subcommand top" -l every -d 'Time between two refreshes, from 200ms to 60s' -r
complete -c hostmeter-agent -n "__fish_hostmeter_agent_using_subcommand top" -l batch -d 'Print so many times plain text and end; once where standard output is no terminal' -r
complete -c hostmeter-agent -n "__fish_hostmeter_agent_using_subcommand top" -l config -d 'The configuration file' -r -F
complete -c hostmeter-agent -n "__fish_hostmeter_agent_using_subcommand top" -l log-format -d 'How to write the log to standard error' -r -f -a "text\t'One readable line an event'
json\t'One JSON object an event'"
complete -c hostmeter-agent -n "__fish_hostmeter_agent_using_subcommand top" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c hostmeter-agent -n "__fish_hostmeter_agent_using_subcommand top" -s V -l version -d 'Print version'
complete -c hostmeter-agent -n "__fish_hostmeter_agent_using_subcommand check-config" -l config -d 'The configuration file' -r -F
complete -c hostmeter-agent -n "__fish_hostmeter_agent_using_subcommand check-config" -l log-format -d 'How to write the log to standard error' -r -f -a "text\t'One readable line an event'
json\t'One JSON object an event'"
complete -c hostmeter-agent -n "__fish_hostmeter_agent_using_subcommand check-config" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c hostmeter-agent -n "__fish_hostmeter_agent_using_subcommand check-config" -s V -l version -d 'Print version'
complete -c hostmeter-agent -n "__fish_hostmeter_agent_using_subcommand help; and not __fish_seen_subcommand_from run enroll rotate-key status top check-config help" -f -a "run" -d 'Sample, spool and ship until told to stop'
complete -c hostmeter-agent -n "__fish_hostmeter_agent_using_subcommand help; and not __fish_seen_subcommand_from run enroll rotate-key status top check-config help" -f -a "enroll" -d 'Make this machine known to a collector, with a token that `hostmeter host add` printed'
complete -c hostmeter-agent -n "__fish_hostmeter_agent_using_subcommand help; and not __fish_seen_subcommand_from run enroll rotate-key status top check-config help" -f -a "rotate-key" -d 'Replace this host\'s key by a new one, which the old one vouches for'
complete -c hostmeter-agent -n "__fish_hostmeter_agent_using_subcommand help; and not __fish_seen_subcommand_from run enroll rotate-key status top check-config help" -f -a "status" -d 'Show what the running agent sees, keeps and ships'
complete -c hostmeter-agent -n "__fish_hostmeter_agent_using_subcommand help; and not __fish_seen_subcommand_from run enroll rotate-key status top check-config help" -f -a "top" -d 'Show live what every account and command of this machine uses'
complete -c hostmeter-agent -n "__fish_hostmeter_agent_using_subcommand help; and not __fish_seen_subcommand_from run enroll rotate-key status top check-config help" -f -a "check-config" -d 'Read the configuration and name every fault'
complete -c hostmeter-agent -n "__fish_hostmeter_agent_using_subcommand help; and not __fish_seen_subcommand_from run enroll rotate-key status top check-config help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
