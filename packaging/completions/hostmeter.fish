# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_hostmeter_global_optspecs
    string join \n url= token-file= ca-file= json h/help V/version
end

function __fish_hostmeter_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_hostmeter_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_hostmeter_using_subcommand
    set -l cmd (__fish_hostmeter_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c hostmeter -n "__fish_hostmeter_needs_command" -l url -d 'Address of the collector' -r
complete -c hostmeter -n "__fish_hostmeter_needs_command" -l token-file -d 'File that holds the bearer token (else the variable `HOSTMETER_TOKEN`)' -r -F
complete -c hostmeter -n "__fish_hostmeter_needs_command" -l ca-file -d 'Trust these certificates (PEM) instead of the public authorities' -r -F
complete -c hostmeter -n "__fish_hostmeter_needs_command" -l json -d 'Print the API\'s JSON'
complete -c hostmeter -n "__fish_hostmeter_needs_command" -s h -l help -d 'Print help'
complete -c hostmeter -n "__fish_hostmeter_needs_command" -s V -l version -d 'Print version'
complete -c hostmeter -n "__fish_hostmeter_needs_command" -f -a "demo" -d 'Show this machine metered: a collector, an agent and a page with graphs'
complete -c hostmeter -n "__fish_hostmeter_needs_command" -f -a "host" -d 'Hosts: add, approve, revoke'
complete -c hostmeter -n "__fish_hostmeter_needs_command" -f -a "account" -d 'Accounts: usage, assignment, suspension'
complete -c hostmeter -n "__fish_hostmeter_needs_command" -f -a "customer" -d 'Customers: balance, top-ups, ledger'
complete -c hostmeter -n "__fish_hostmeter_needs_command" -f -a "plan" -d 'Price plans'
complete -c hostmeter -n "__fish_hostmeter_needs_command" -f -a "charge" -d 'Charge every closed hour that is not charged yet'
complete -c hostmeter -n "__fish_hostmeter_needs_command" -f -a "ledger" -d 'The ledger as a whole'
complete -c hostmeter -n "__fish_hostmeter_needs_command" -f -a "user" -d 'Logins and tokens'
complete -c hostmeter -n "__fish_hostmeter_needs_command" -f -a "usage" -d 'Usage metered elsewhere, and batches that do not count'
complete -c hostmeter -n "__fish_hostmeter_needs_command" -f -a "command" -d 'Commands to hosts and what became of them'
complete -c hostmeter -n "__fish_hostmeter_needs_command" -f -a "alerts" -d 'What needs an admin\'s look'
complete -c hostmeter -n "__fish_hostmeter_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand demo" -l listen -d 'Address of the page and the API; port 0 takes a free one' -r
complete -c hostmeter -n "__fish_hostmeter_using_subcommand demo" -l data -d 'Keep everything in this directory (default: a temporary one, removed in the end)' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand demo" -l url -d 'Address of the collector' -r
complete -c hostmeter -n "__fish_hostmeter_using_subcommand demo" -l token-file -d 'File that holds the bearer token (else the variable `HOSTMETER_TOKEN`)' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand demo" -l ca-file -d 'Trust these certificates (PEM) instead of the public authorities' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand demo" -l json -d 'Print the API\'s JSON'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand demo" -s h -l help -d 'Print help'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand demo" -s V -l version -d 'Print version'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand host; and not __fish_seen_subcommand_from add list show degraded approve revoke revoke-key thaw help" -l url -d 'Address of the collector' -r
complete -c hostmeter -n "__fish_hostmeter_using_subcommand host; and not __fish_seen_subcommand_from add list show degraded approve revoke revoke-key thaw help" -l token-file -d 'File that holds the bearer token (else the variable `HOSTMETER_TOKEN`)' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand host; and not __fish_seen_subcommand_from add list show degraded approve revoke revoke-key thaw help" -l ca-file -d 'Trust these certificates (PEM) instead of the public authorities' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand host; and not __fish_seen_subcommand_from add list show degraded approve revoke revoke-key thaw help" -l json -d 'Print the API\'s JSON'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand host; and not __fish_seen_subcommand_from add list show degraded approve revoke revoke-key thaw help" -s h -l help -d 'Print help'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand host; and not __fish_seen_subcommand_from add list show degraded approve revoke revoke-key thaw help" -s V -l version -d 'Print version'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand host; and not __fish_seen_subcommand_from add list show degraded approve revoke revoke-key thaw help" -f -a "add" -d 'Print a single-use token, valid for an hour, to enrol a host'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand host; and not __fish_seen_subcommand_from add list show degraded approve revoke revoke-key thaw help" -f -a "list" -d 'List hosts'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand host; and not __fish_seen_subcommand_from add list show degraded approve revoke revoke-key thaw help" -f -a "show" -d 'Show one host'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand host; and not __fish_seen_subcommand_from add list show degraded approve revoke revoke-key thaw help" -f -a "degraded" -d 'When a host was not metered in full, and why'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand host; and not __fish_seen_subcommand_from add list show degraded approve revoke revoke-key thaw help" -f -a "approve" -d 'Let a pending host in, after its key\'s fingerprint was compared'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand host; and not __fish_seen_subcommand_from add list show degraded approve revoke revoke-key thaw help" -f -a "revoke" -d 'Refuse a host and all its keys from now on'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand host; and not __fish_seen_subcommand_from add list show degraded approve revoke revoke-key thaw help" -f -a "revoke-key" -d 'Refuse a key that the host replaced, from now on; batches that only it signed and that did not come yet are lost'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand host; and not __fish_seen_subcommand_from add list show degraded approve revoke revoke-key thaw help" -f -a "thaw" -d 'Let a host that was frozen go on'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand host; and not __fish_seen_subcommand_from add list show degraded approve revoke revoke-key thaw help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand host; and __fish_seen_subcommand_from add" -l url -d 'Address of the collector' -r
complete -c hostmeter -n "__fish_hostmeter_using_subcommand host; and __fish_seen_subcommand_from add" -l token-file -d 'File that holds the bearer token (else the variable `HOSTMETER_TOKEN`)' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand host; and __fish_seen_subcommand_from add" -l ca-file -d 'Trust these certificates (PEM) instead of the public authorities' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand host; and __fish_seen_subcommand_from add" -l approve -d 'Live at once; else it waits for `host approve`'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand host; and __fish_seen_subcommand_from add" -l replace -d 'The host exists and gets a new key; its accounts go on'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand host; and __fish_seen_subcommand_from add" -l json -d 'Print the API\'s JSON'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand host; and __fish_seen_subcommand_from add" -s h -l help -d 'Print help'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand host; and __fish_seen_subcommand_from add" -s V -l version -d 'Print version'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand host; and __fish_seen_subcommand_from list" -l url -d 'Address of the collector' -r
complete -c hostmeter -n "__fish_hostmeter_using_subcommand host; and __fish_seen_subcommand_from list" -l token-file -d 'File that holds the bearer token (else the variable `HOSTMETER_TOKEN`)' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand host; and __fish_seen_subcommand_from list" -l ca-file -d 'Trust these certificates (PEM) instead of the public authorities' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand host; and __fish_seen_subcommand_from list" -l json -d 'Print the API\'s JSON'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand host; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand host; and __fish_seen_subcommand_from list" -s V -l version -d 'Print version'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand host; and __fish_seen_subcommand_from show" -l url -d 'Address of the collector' -r
complete -c hostmeter -n "__fish_hostmeter_using_subcommand host; and __fish_seen_subcommand_from show" -l token-file -d 'File that holds the bearer token (else the variable `HOSTMETER_TOKEN`)' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand host; and __fish_seen_subcommand_from show" -l ca-file -d 'Trust these certificates (PEM) instead of the public authorities' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand host; and __fish_seen_subcommand_from show" -l json -d 'Print the API\'s JSON'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand host; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand host; and __fish_seen_subcommand_from show" -s V -l version -d 'Print version'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand host; and __fish_seen_subcommand_from degraded" -l from -d 'From, RFC 3339 (default: as long as this is kept)' -r
complete -c hostmeter -n "__fish_hostmeter_using_subcommand host; and __fish_seen_subcommand_from degraded" -l to -d 'To, RFC 3339 (default: now)' -r
complete -c hostmeter -n "__fish_hostmeter_using_subcommand host; and __fish_seen_subcommand_from degraded" -l url -d 'Address of the collector' -r
complete -c hostmeter -n "__fish_hostmeter_using_subcommand host; and __fish_seen_subcommand_from degraded" -l token-file -d 'File that holds the bearer token (else the variable `HOSTMETER_TOKEN`)' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand host; and __fish_seen_subcommand_from degraded" -l ca-file -d 'Trust these certificates (PEM) instead of the public authorities' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand host; and __fish_seen_subcommand_from degraded" -l json -d 'Print the API\'s JSON'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand host; and __fish_seen_subcommand_from degraded" -s h -l help -d 'Print help'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand host; and __fish_seen_subcommand_from degraded" -s V -l version -d 'Print version'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand host; and __fish_seen_subcommand_from approve" -l url -d 'Address of the collector' -r
complete -c hostmeter -n "__fish_hostmeter_using_subcommand host; and __fish_seen_subcommand_from approve" -l token-file -d 'File that holds the bearer token (else the variable `HOSTMETER_TOKEN`)' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand host; and __fish_seen_subcommand_from approve" -l ca-file -d 'Trust these certificates (PEM) instead of the public authorities' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand host; and __fish_seen_subcommand_from approve" -l json -d 'Print the API\'s JSON'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand host; and __fish_seen_subcommand_from approve" -s h -l help -d 'Print help'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand host; and __fish_seen_subcommand_from approve" -s V -l version -d 'Print version'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand host; and __fish_seen_subcommand_from revoke" -l url -d 'Address of the collector' -r
complete -c hostmeter -n "__fish_hostmeter_using_subcommand host; and __fish_seen_subcommand_from revoke" -l token-file -d 'File that holds the bearer token (else the variable `HOSTMETER_TOKEN`)' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand host; and __fish_seen_subcommand_from revoke" -l ca-file -d 'Trust these certificates (PEM) instead of the public authorities' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand host; and __fish_seen_subcommand_from revoke" -l json -d 'Print the API\'s JSON'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand host; and __fish_seen_subcommand_from revoke" -s h -l help -d 'Print help'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand host; and __fish_seen_subcommand_from revoke" -s V -l version -d 'Print version'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand host; and __fish_seen_subcommand_from revoke-key" -l url -d 'Address of the collector' -r
complete -c hostmeter -n "__fish_hostmeter_using_subcommand host; and __fish_seen_subcommand_from revoke-key" -l token-file -d 'File that holds the bearer token (else the variable `HOSTMETER_TOKEN`)' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand host; and __fish_seen_subcommand_from revoke-key" -l ca-file -d 'Trust these certificates (PEM) instead of the public authorities' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand host; and __fish_seen_subcommand_from revoke-key" -l json -d 'Print the API\'s JSON'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand host; and __fish_seen_subcommand_from revoke-key" -s h -l help -d 'Print help'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand host; and __fish_seen_subcommand_from revoke-key" -s V -l version -d 'Print version'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand host; and __fish_seen_subcommand_from thaw" -l url -d 'Address of the collector' -r
complete -c hostmeter -n "__fish_hostmeter_using_subcommand host; and __fish_seen_subcommand_from thaw" -l token-file -d 'File that holds the bearer token (else the variable `HOSTMETER_TOKEN`)' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand host; and __fish_seen_subcommand_from thaw" -l ca-file -d 'Trust these certificates (PEM) instead of the public authorities' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand host; and __fish_seen_subcommand_from thaw" -l json -d 'Print the API\'s JSON'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand host; and __fish_seen_subcommand_from thaw" -s h -l help -d 'Print help'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand host; and __fish_seen_subcommand_from thaw" -s V -l version -d 'Print version'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand host; and __fish_seen_subcommand_from help" -f -a "add" -d 'Print a single-use token, valid for an hour, to enrol a host'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand host; and __fish_seen_subcommand_from help" -f -a "list" -d 'List hosts'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand host; and __fish_seen_subcommand_from help" -f -a "show" -d 'Show one host'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand host; and __fish_seen_subcommand_from help" -f -a "degraded" -d 'When a host was not metered in full, and why'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand host; and __fish_seen_subcommand_from help" -f -a "approve" -d 'Let a pending host in, after its key\'s fingerprint was compared'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand host; and __fish_seen_subcommand_from help" -f -a "revoke" -d 'Refuse a host and all its keys from now on'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand host; and __fish_seen_subcommand_from help" -f -a "revoke-key" -d 'Refuse a key that the host replaced, from now on; batches that only it signed and that did not come yet are lost'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand host; and __fish_seen_subcommand_from help" -f -a "thaw" -d 'Let a host that was frozen go on'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand host; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand account; and not __fish_seen_subcommand_from list show assign usage top suspend resume delete undelete help" -l url -d 'Address of the collector' -r
complete -c hostmeter -n "__fish_hostmeter_using_subcommand account; and not __fish_seen_subcommand_from list show assign usage top suspend resume delete undelete help" -l token-file -d 'File that holds the bearer token (else the variable `HOSTMETER_TOKEN`)' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand account; and not __fish_seen_subcommand_from list show assign usage top suspend resume delete undelete help" -l ca-file -d 'Trust these certificates (PEM) instead of the public authorities' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand account; and not __fish_seen_subcommand_from list show assign usage top suspend resume delete undelete help" -l json -d 'Print the API\'s JSON'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand account; and not __fish_seen_subcommand_from list show assign usage top suspend resume delete undelete help" -s h -l help -d 'Print help'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand account; and not __fish_seen_subcommand_from list show assign usage top suspend resume delete undelete help" -s V -l version -d 'Print version'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand account; and not __fish_seen_subcommand_from list show assign usage top suspend resume delete undelete help" -f -a "list" -d 'List accounts'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand account; and not __fish_seen_subcommand_from list show assign usage top suspend resume delete undelete help" -f -a "show" -d 'Show one account'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand account; and not __fish_seen_subcommand_from list show assign usage top suspend resume delete undelete help" -f -a "assign" -d 'Give an account to a customer, from the next UTC hour'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand account; and not __fish_seen_subcommand_from list show assign usage top suspend resume delete undelete help" -f -a "usage" -d 'Usage of a time'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand account; and not __fish_seen_subcommand_from list show assign usage top suspend resume delete undelete help" -f -a "top" -d 'Commands that used most in a time'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand account; and not __fish_seen_subcommand_from list show assign usage top suspend resume delete undelete help" -f -a "suspend" -d 'Stop everything of the account'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand account; and not __fish_seen_subcommand_from list show assign usage top suspend resume delete undelete help" -f -a "resume" -d 'Give back what was there before the suspension'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand account; and not __fish_seen_subcommand_from list show assign usage top suspend resume delete undelete help" -f -a "delete" -d 'Archive the account and move it into the quarantine'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand account; and not __fish_seen_subcommand_from list show assign usage top suspend resume delete undelete help" -f -a "undelete" -d 'Bring the account back from the quarantine'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand account; and not __fish_seen_subcommand_from list show assign usage top suspend resume delete undelete help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand account; and __fish_seen_subcommand_from list" -l url -d 'Address of the collector' -r
complete -c hostmeter -n "__fish_hostmeter_using_subcommand account; and __fish_seen_subcommand_from list" -l token-file -d 'File that holds the bearer token (else the variable `HOSTMETER_TOKEN`)' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand account; and __fish_seen_subcommand_from list" -l ca-file -d 'Trust these certificates (PEM) instead of the public authorities' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand account; and __fish_seen_subcommand_from list" -l json -d 'Print the API\'s JSON'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand account; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand account; and __fish_seen_subcommand_from list" -s V -l version -d 'Print version'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand account; and __fish_seen_subcommand_from show" -l url -d 'Address of the collector' -r
complete -c hostmeter -n "__fish_hostmeter_using_subcommand account; and __fish_seen_subcommand_from show" -l token-file -d 'File that holds the bearer token (else the variable `HOSTMETER_TOKEN`)' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand account; and __fish_seen_subcommand_from show" -l ca-file -d 'Trust these certificates (PEM) instead of the public authorities' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand account; and __fish_seen_subcommand_from show" -l json -d 'Print the API\'s JSON'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand account; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand account; and __fish_seen_subcommand_from show" -s V -l version -d 'Print version'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand account; and __fish_seen_subcommand_from assign" -l url -d 'Address of the collector' -r
complete -c hostmeter -n "__fish_hostmeter_using_subcommand account; and __fish_seen_subcommand_from assign" -l token-file -d 'File that holds the bearer token (else the variable `HOSTMETER_TOKEN`)' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand account; and __fish_seen_subcommand_from assign" -l ca-file -d 'Trust these certificates (PEM) instead of the public authorities' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand account; and __fish_seen_subcommand_from assign" -l json -d 'Print the API\'s JSON'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand account; and __fish_seen_subcommand_from assign" -s h -l help -d 'Print help'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand account; and __fish_seen_subcommand_from assign" -s V -l version -d 'Print version'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand account; and __fish_seen_subcommand_from usage" -l from -d 'From, RFC 3339' -r
complete -c hostmeter -n "__fish_hostmeter_using_subcommand account; and __fish_seen_subcommand_from usage" -l to -d 'To, RFC 3339' -r
complete -c hostmeter -n "__fish_hostmeter_using_subcommand account; and __fish_seen_subcommand_from usage" -l step -d 'Length of a bucket in seconds' -r
complete -c hostmeter -n "__fish_hostmeter_using_subcommand account; and __fish_seen_subcommand_from usage" -l meters -d 'Meters, separated by commas' -r
complete -c hostmeter -n "__fish_hostmeter_using_subcommand account; and __fish_seen_subcommand_from usage" -l url -d 'Address of the collector' -r
complete -c hostmeter -n "__fish_hostmeter_using_subcommand account; and __fish_seen_subcommand_from usage" -l token-file -d 'File that holds the bearer token (else the variable `HOSTMETER_TOKEN`)' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand account; and __fish_seen_subcommand_from usage" -l ca-file -d 'Trust these certificates (PEM) instead of the public authorities' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand account; and __fish_seen_subcommand_from usage" -l json -d 'Print the API\'s JSON'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand account; and __fish_seen_subcommand_from usage" -s h -l help -d 'Print help'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand account; and __fish_seen_subcommand_from usage" -s V -l version -d 'Print version'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand account; and __fish_seen_subcommand_from top" -l from -d 'From, RFC 3339' -r
complete -c hostmeter -n "__fish_hostmeter_using_subcommand account; and __fish_seen_subcommand_from top" -l to -d 'To, RFC 3339' -r
complete -c hostmeter -n "__fish_hostmeter_using_subcommand account; and __fish_seen_subcommand_from top" -l url -d 'Address of the collector' -r
complete -c hostmeter -n "__fish_hostmeter_using_subcommand account; and __fish_seen_subcommand_from top" -l token-file -d 'File that holds the bearer token (else the variable `HOSTMETER_TOKEN`)' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand account; and __fish_seen_subcommand_from top" -l ca-file -d 'Trust these certificates (PEM) instead of the public authorities' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand account; and __fish_seen_subcommand_from top" -l json -d 'Print the API\'s JSON'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand account; and __fish_seen_subcommand_from top" -s h -l help -d 'Print help'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand account; and __fish_seen_subcommand_from top" -s V -l version -d 'Print version'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand account; and __fish_seen_subcommand_from suspend" -l url -d 'Address of the collector' -r
complete -c hostmeter -n "__fish_hostmeter_using_subcommand account; and __fish_seen_subcommand_from suspend" -l token-file -d 'File that holds the bearer token (else the variable `HOSTMETER_TOKEN`)' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand account; and __fish_seen_subcommand_from suspend" -l ca-file -d 'Trust these certificates (PEM) instead of the public authorities' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand account; and __fish_seen_subcommand_from suspend" -l json -d 'Print the API\'s JSON'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand account; and __fish_seen_subcommand_from suspend" -s h -l help -d 'Print help'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand account; and __fish_seen_subcommand_from suspend" -s V -l version -d 'Print version'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand account; and __fish_seen_subcommand_from resume" -l url -d 'Address of the collector' -r
complete -c hostmeter -n "__fish_hostmeter_using_subcommand account; and __fish_seen_subcommand_from resume" -l token-file -d 'File that holds the bearer token (else the variable `HOSTMETER_TOKEN`)' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand account; and __fish_seen_subcommand_from resume" -l ca-file -d 'Trust these certificates (PEM) instead of the public authorities' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand account; and __fish_seen_subcommand_from resume" -l json -d 'Print the API\'s JSON'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand account; and __fish_seen_subcommand_from resume" -s h -l help -d 'Print help'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand account; and __fish_seen_subcommand_from resume" -s V -l version -d 'Print version'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand account; and __fish_seen_subcommand_from delete" -l url -d 'Address of the collector' -r
complete -c hostmeter -n "__fish_hostmeter_using_subcommand account; and __fish_seen_subcommand_from delete" -l token-file -d 'File that holds the bearer token (else the variable `HOSTMETER_TOKEN`)' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand account; and __fish_seen_subcommand_from delete" -l ca-file -d 'Trust these certificates (PEM) instead of the public authorities' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand account; and __fish_seen_subcommand_from delete" -l json -d 'Print the API\'s JSON'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand account; and __fish_seen_subcommand_from delete" -s h -l help -d 'Print help'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand account; and __fish_seen_subcommand_from delete" -s V -l version -d 'Print version'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand account; and __fish_seen_subcommand_from undelete" -l url -d 'Address of the collector' -r
complete -c hostmeter -n "__fish_hostmeter_using_subcommand account; and __fish_seen_subcommand_from undelete" -l token-file -d 'File that holds the bearer token (else the variable `HOSTMETER_TOKEN`)' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand account; and __fish_seen_subcommand_from undelete" -l ca-file -d 'Trust these certificates (PEM) instead of the public authorities' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand account; and __fish_seen_subcommand_from undelete" -l json -d 'Print the API\'s JSON'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand account; and __fish_seen_subcommand_from undelete" -s h -l help -d 'Print help'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand account; and __fish_seen_subcommand_from undelete" -s V -l version -d 'Print version'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand account; and __fish_seen_subcommand_from help" -f -a "list" -d 'List accounts'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand account; and __fish_seen_subcommand_from help" -f -a "show" -d 'Show one account'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand account; and __fish_seen_subcommand_from help" -f -a "assign" -d 'Give an account to a customer, from the next UTC hour'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand account; and __fish_seen_subcommand_from help" -f -a "usage" -d 'Usage of a time'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand account; and __fish_seen_subcommand_from help" -f -a "top" -d 'Commands that used most in a time'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand account; and __fish_seen_subcommand_from help" -f -a "suspend" -d 'Stop everything of the account'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand account; and __fish_seen_subcommand_from help" -f -a "resume" -d 'Give back what was there before the suspension'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand account; and __fish_seen_subcommand_from help" -f -a "delete" -d 'Archive the account and move it into the quarantine'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand account; and __fish_seen_subcommand_from help" -f -a "undelete" -d 'Bring the account back from the quarantine'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand account; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and not __fish_seen_subcommand_from add list show plan topup adjust ledger events help" -l url -d 'Address of the collector' -r
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and not __fish_seen_subcommand_from add list show plan topup adjust ledger events help" -l token-file -d 'File that holds the bearer token (else the variable `HOSTMETER_TOKEN`)' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and not __fish_seen_subcommand_from add list show plan topup adjust ledger events help" -l ca-file -d 'Trust these certificates (PEM) instead of the public authorities' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and not __fish_seen_subcommand_from add list show plan topup adjust ledger events help" -l json -d 'Print the API\'s JSON'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and not __fish_seen_subcommand_from add list show plan topup adjust ledger events help" -s h -l help -d 'Print help'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and not __fish_seen_subcommand_from add list show plan topup adjust ledger events help" -s V -l version -d 'Print version'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and not __fish_seen_subcommand_from add list show plan topup adjust ledger events help" -f -a "add" -d 'Make a customer'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and not __fish_seen_subcommand_from add list show plan topup adjust ledger events help" -f -a "list" -d 'List customers with their balances'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and not __fish_seen_subcommand_from add list show plan topup adjust ledger events help" -f -a "show" -d 'Show a customer\'s balance'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and not __fish_seen_subcommand_from add list show plan topup adjust ledger events help" -f -a "plan" -d 'Bill by another plan, from the next UTC hour'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and not __fish_seen_subcommand_from add list show plan topup adjust ledger events help" -f -a "topup" -d 'Add a payment to the balance; the same payment is added once, whatever is repeated'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and not __fish_seen_subcommand_from add list show plan topup adjust ledger events help" -f -a "adjust" -d 'Correct the balance by an amount, with a reason'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and not __fish_seen_subcommand_from add list show plan topup adjust ledger events help" -f -a "ledger" -d 'List what was charged and paid'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and not __fish_seen_subcommand_from add list show plan topup adjust ledger events help" -f -a "events" -d 'List what happened to the customer: notices, suspensions'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and not __fish_seen_subcommand_from add list show plan topup adjust ledger events help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from add" -l name -d 'Name, for people' -r
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from add" -l plan -d 'Price plan (default: the collector\'s)' -r
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from add" -l billing-zone -d 'Zone of the billing months' -r
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from add" -l url -d 'Address of the collector' -r
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from add" -l token-file -d 'File that holds the bearer token (else the variable `HOSTMETER_TOKEN`)' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from add" -l ca-file -d 'Trust these certificates (PEM) instead of the public authorities' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from add" -l json -d 'Print the API\'s JSON'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from add" -s h -l help -d 'Print help'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from add" -s V -l version -d 'Print version'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from list" -l url -d 'Address of the collector' -r
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from list" -l token-file -d 'File that holds the bearer token (else the variable `HOSTMETER_TOKEN`)' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from list" -l ca-file -d 'Trust these certificates (PEM) instead of the public authorities' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from list" -l json -d 'Print the API\'s JSON'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from list" -s V -l version -d 'Print version'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from show" -l url -d 'Address of the collector' -r
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from show" -l token-file -d 'File that holds the bearer token (else the variable `HOSTMETER_TOKEN`)' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from show" -l ca-file -d 'Trust these certificates (PEM) instead of the public authorities' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from show" -l json -d 'Print the API\'s JSON'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from show" -s V -l version -d 'Print version'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from plan" -l url -d 'Address of the collector' -r
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from plan" -l token-file -d 'File that holds the bearer token (else the variable `HOSTMETER_TOKEN`)' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from plan" -l ca-file -d 'Trust these certificates (PEM) instead of the public authorities' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from plan" -l json -d 'Print the API\'s JSON'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from plan" -s h -l help -d 'Print help'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from plan" -s V -l version -d 'Print version'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from topup" -l gateway -d 'Where it was paid' -r
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from topup" -l payment -d 'The payment\'s id there' -r
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from topup" -l url -d 'Address of the collector' -r
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from topup" -l token-file -d 'File that holds the bearer token (else the variable `HOSTMETER_TOKEN`)' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from topup" -l ca-file -d 'Trust these certificates (PEM) instead of the public authorities' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from topup" -l json -d 'Print the API\'s JSON'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from topup" -s h -l help -d 'Print help'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from topup" -s V -l version -d 'Print version'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from adjust" -l reason -d 'Why, shown to the customer' -r
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from adjust" -l key -d 'The same key is booked once' -r
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from adjust" -l url -d 'Address of the collector' -r
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from adjust" -l token-file -d 'File that holds the bearer token (else the variable `HOSTMETER_TOKEN`)' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from adjust" -l ca-file -d 'Trust these certificates (PEM) instead of the public authorities' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from adjust" -l json -d 'Print the API\'s JSON'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from adjust" -s h -l help -d 'Print help'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from adjust" -s V -l version -d 'Print version'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from ledger" -l url -d 'Address of the collector' -r
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from ledger" -l token-file -d 'File that holds the bearer token (else the variable `HOSTMETER_TOKEN`)' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from ledger" -l ca-file -d 'Trust these certificates (PEM) instead of the public authorities' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from ledger" -l json -d 'Print the API\'s JSON'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from ledger" -s h -l help -d 'Print help'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from ledger" -s V -l version -d 'Print version'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from events" -l url -d 'Address of the collector' -r
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from events" -l token-file -d 'File that holds the bearer token (else the variable `HOSTMETER_TOKEN`)' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from events" -l ca-file -d 'Trust these certificates (PEM) instead of the public authorities' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from events" -l json -d 'Print the API\'s JSON'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from events" -s h -l help -d 'Print help'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from events" -s V -l version -d 'Print version'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from help" -f -a "add" -d 'Make a customer'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from help" -f -a "list" -d 'List customers with their balances'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from help" -f -a "show" -d 'Show a customer\'s balance'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from help" -f -a "plan" -d 'Bill by another plan, from the next UTC hour'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from help" -f -a "topup" -d 'Add a payment to the balance; the same payment is added once, whatever is repeated'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from help" -f -a "adjust" -d 'Correct the balance by an amount, with a reason'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from help" -f -a "ledger" -d 'List what was charged and paid'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from help" -f -a "events" -d 'List what happened to the customer: notices, suspensions'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand plan; and not __fish_seen_subcommand_from set list show quote help" -l url -d 'Address of the collector' -r
complete -c hostmeter -n "__fish_hostmeter_using_subcommand plan; and not __fish_seen_subcommand_from set list show quote help" -l token-file -d 'File that holds the bearer token (else the variable `HOSTMETER_TOKEN`)' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand plan; and not __fish_seen_subcommand_from set list show quote help" -l ca-file -d 'Trust these certificates (PEM) instead of the public authorities' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand plan; and not __fish_seen_subcommand_from set list show quote help" -l json -d 'Print the API\'s JSON'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand plan; and not __fish_seen_subcommand_from set list show quote help" -s h -l help -d 'Print help'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand plan; and not __fish_seen_subcommand_from set list show quote help" -s V -l version -d 'Print version'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand plan; and not __fish_seen_subcommand_from set list show quote help" -f -a "set" -d 'Set a price plan from a TOML file; the same file again changes nothing'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand plan; and not __fish_seen_subcommand_from set list show quote help" -f -a "list" -d 'List plans'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand plan; and not __fish_seen_subcommand_from set list show quote help" -f -a "show" -d 'Show a plan with its versions'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand plan; and not __fish_seen_subcommand_from set list show quote help" -f -a "quote" -d 'What quantities would cost'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand plan; and not __fish_seen_subcommand_from set list show quote help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand plan; and __fish_seen_subcommand_from set" -l url -d 'Address of the collector' -r
complete -c hostmeter -n "__fish_hostmeter_using_subcommand plan; and __fish_seen_subcommand_from set" -l token-file -d 'File that holds the bearer token (else the variable `HOSTMETER_TOKEN`)' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand plan; and __fish_seen_subcommand_from set" -l ca-file -d 'Trust these certificates (PEM) instead of the public authorities' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand plan; and __fish_seen_subcommand_from set" -l json -d 'Print the API\'s JSON'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand plan; and __fish_seen_subcommand_from set" -s h -l help -d 'Print help'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand plan; and __fish_seen_subcommand_from set" -s V -l version -d 'Print version'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand plan; and __fish_seen_subcommand_from list" -l url -d 'Address of the collector' -r
complete -c hostmeter -n "__fish_hostmeter_using_subcommand plan; and __fish_seen_subcommand_from list" -l token-file -d 'File that holds the bearer token (else the variable `HOSTMETER_TOKEN`)' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand plan; and __fish_seen_subcommand_from list" -l ca-file -d 'Trust these certificates (PEM) instead of the public authorities' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand plan; and __fish_seen_subcommand_from list" -l json -d 'Print the API\'s JSON'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand plan; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand plan; and __fish_seen_subcommand_from list" -s V -l version -d 'Print version'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand plan; and __fish_seen_subcommand_from show" -l url -d 'Address of the collector' -r
complete -c hostmeter -n "__fish_hostmeter_using_subcommand plan; and __fish_seen_subcommand_from show" -l token-file -d 'File that holds the bearer token (else the variable `HOSTMETER_TOKEN`)' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand plan; and __fish_seen_subcommand_from show" -l ca-file -d 'Trust these certificates (PEM) instead of the public authorities' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand plan; and __fish_seen_subcommand_from show" -l json -d 'Print the API\'s JSON'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand plan; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand plan; and __fish_seen_subcommand_from show" -s V -l version -d 'Print version'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand plan; and __fish_seen_subcommand_from quote" -l url -d 'Address of the collector' -r
complete -c hostmeter -n "__fish_hostmeter_using_subcommand plan; and __fish_seen_subcommand_from quote" -l token-file -d 'File that holds the bearer token (else the variable `HOSTMETER_TOKEN`)' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand plan; and __fish_seen_subcommand_from quote" -l ca-file -d 'Trust these certificates (PEM) instead of the public authorities' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand plan; and __fish_seen_subcommand_from quote" -l json -d 'Print the API\'s JSON'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand plan; and __fish_seen_subcommand_from quote" -s h -l help -d 'Print help'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand plan; and __fish_seen_subcommand_from quote" -s V -l version -d 'Print version'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand plan; and __fish_seen_subcommand_from help" -f -a "set" -d 'Set a price plan from a TOML file; the same file again changes nothing'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand plan; and __fish_seen_subcommand_from help" -f -a "list" -d 'List plans'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand plan; and __fish_seen_subcommand_from help" -f -a "show" -d 'Show a plan with its versions'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand plan; and __fish_seen_subcommand_from help" -f -a "quote" -d 'What quantities would cost'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand plan; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand charge" -l until -d 'Only hours that end at this time or before, RFC 3339' -r
complete -c hostmeter -n "__fish_hostmeter_using_subcommand charge" -l url -d 'Address of the collector' -r
complete -c hostmeter -n "__fish_hostmeter_using_subcommand charge" -l token-file -d 'File that holds the bearer token (else the variable `HOSTMETER_TOKEN`)' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand charge" -l ca-file -d 'Trust these certificates (PEM) instead of the public authorities' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand charge" -l json -d 'Print the API\'s JSON'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand charge" -s h -l help -d 'Print help'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand charge" -s V -l version -d 'Print version'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand ledger; and not __fish_seen_subcommand_from verify help" -l url -d 'Address of the collector' -r
complete -c hostmeter -n "__fish_hostmeter_using_subcommand ledger; and not __fish_seen_subcommand_from verify help" -l token-file -d 'File that holds the bearer token (else the variable `HOSTMETER_TOKEN`)' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand ledger; and not __fish_seen_subcommand_from verify help" -l ca-file -d 'Trust these certificates (PEM) instead of the public authorities' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand ledger; and not __fish_seen_subcommand_from verify help" -l json -d 'Print the API\'s JSON'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand ledger; and not __fish_seen_subcommand_from verify help" -s h -l help -d 'Print help'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand ledger; and not __fish_seen_subcommand_from verify help" -s V -l version -d 'Print version'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand ledger; and not __fish_seen_subcommand_from verify help" -f -a "verify" -d 'Recompute everything from the entries up; fails on any difference'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand ledger; and not __fish_seen_subcommand_from verify help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand ledger; and __fish_seen_subcommand_from verify" -l url -d 'Address of the collector' -r
complete -c hostmeter -n "__fish_hostmeter_using_subcommand ledger; and __fish_seen_subcommand_from verify" -l token-file -d 'File that holds the bearer token (else the variable `HOSTMETER_TOKEN`)' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand ledger; and __fish_seen_subcommand_from verify" -l ca-file -d 'Trust these certificates (PEM) instead of the public authorities' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand ledger; and __fish_seen_subcommand_from verify" -l json -d 'Print the API\'s JSON'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand ledger; and __fish_seen_subcommand_from verify" -s h -l help -d 'Print help'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand ledger; and __fish_seen_subcommand_from verify" -s V -l version -d 'Print version'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand ledger; and __fish_seen_subcommand_from help" -f -a "verify" -d 'Recompute everything from the entries up; fails on any difference'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand ledger; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand user; and not __fish_seen_subcommand_from add token help" -l url -d 'Address of the collector' -r
complete -c hostmeter -n "__fish_hostmeter_using_subcommand user; and not __fish_seen_subcommand_from add token help" -l token-file -d 'File that holds the bearer token (else the variable `HOSTMETER_TOKEN`)' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand user; and not __fish_seen_subcommand_from add token help" -l ca-file -d 'Trust these certificates (PEM) instead of the public authorities' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand user; and not __fish_seen_subcommand_from add token help" -l json -d 'Print the API\'s JSON'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand user; and not __fish_seen_subcommand_from add token help" -s h -l help -d 'Print help'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand user; and not __fish_seen_subcommand_from add token help" -s V -l version -d 'Print version'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand user; and not __fish_seen_subcommand_from add token help" -f -a "add" -d 'Make a login; the password is read from standard input'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand user; and not __fish_seen_subcommand_from add token help" -f -a "token" -d 'Make a bearer token for a login and print it, once'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand user; and not __fish_seen_subcommand_from add token help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand user; and __fish_seen_subcommand_from add" -l role -d 'customer, admin or auditor' -r
complete -c hostmeter -n "__fish_hostmeter_using_subcommand user; and __fish_seen_subcommand_from add" -l customer -d 'The customer that the login belongs to' -r
complete -c hostmeter -n "__fish_hostmeter_using_subcommand user; and __fish_seen_subcommand_from add" -l url -d 'Address of the collector' -r
complete -c hostmeter -n "__fish_hostmeter_using_subcommand user; and __fish_seen_subcommand_from add" -l token-file -d 'File that holds the bearer token (else the variable `HOSTMETER_TOKEN`)' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand user; and __fish_seen_subcommand_from add" -l ca-file -d 'Trust these certificates (PEM) instead of the public authorities' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand user; and __fish_seen_subcommand_from add" -l json -d 'Print the API\'s JSON'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand user; and __fish_seen_subcommand_from add" -s h -l help -d 'Print help'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand user; and __fish_seen_subcommand_from add" -s V -l version -d 'Print version'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand user; and __fish_seen_subcommand_from token" -l label -d 'What it is for' -r
complete -c hostmeter -n "__fish_hostmeter_using_subcommand user; and __fish_seen_subcommand_from token" -l url -d 'Address of the collector' -r
complete -c hostmeter -n "__fish_hostmeter_using_subcommand user; and __fish_seen_subcommand_from token" -l token-file -d 'File that holds the bearer token (else the variable `HOSTMETER_TOKEN`)' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand user; and __fish_seen_subcommand_from token" -l ca-file -d 'Trust these certificates (PEM) instead of the public authorities' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand user; and __fish_seen_subcommand_from token" -l json -d 'Print the API\'s JSON'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand user; and __fish_seen_subcommand_from token" -s h -l help -d 'Print help'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand user; and __fish_seen_subcommand_from token" -s V -l version -d 'Print version'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand user; and __fish_seen_subcommand_from help" -f -a "add" -d 'Make a login; the password is read from standard input'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand user; and __fish_seen_subcommand_from help" -f -a "token" -d 'Make a bearer token for a login and print it, once'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand user; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand usage; and not __fish_seen_subcommand_from import held release discard help" -l url -d 'Address of the collector' -r
complete -c hostmeter -n "__fish_hostmeter_using_subcommand usage; and not __fish_seen_subcommand_from import held release discard help" -l token-file -d 'File that holds the bearer token (else the variable `HOSTMETER_TOKEN`)' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand usage; and not __fish_seen_subcommand_from import held release discard help" -l ca-file -d 'Trust these certificates (PEM) instead of the public authorities' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand usage; and not __fish_seen_subcommand_from import held release discard help" -l json -d 'Print the API\'s JSON'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand usage; and not __fish_seen_subcommand_from import held release discard help" -s h -l help -d 'Print help'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand usage; and not __fish_seen_subcommand_from import held release discard help" -s V -l version -d 'Print version'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand usage; and not __fish_seen_subcommand_from import held release discard help" -f -a "import" -d 'Add usage metered elsewhere: all rows of the file, or none'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand usage; and not __fish_seen_subcommand_from import held release discard help" -f -a "held" -d 'List batches that are stored and do not count, and why'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand usage; and not __fish_seen_subcommand_from import held release discard help" -f -a "release" -d 'Let batches count that `usage held` lists; each counts once, as late usage does'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand usage; and not __fish_seen_subcommand_from import held release discard help" -f -a "discard" -d 'Never let batches count that `usage held` lists; nothing undoes that, and their time is shown as lost'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand usage; and not __fish_seen_subcommand_from import held release discard help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand usage; and __fish_seen_subcommand_from import" -l key -d 'The same key is added once' -r
complete -c hostmeter -n "__fish_hostmeter_using_subcommand usage; and __fish_seen_subcommand_from import" -l url -d 'Address of the collector' -r
complete -c hostmeter -n "__fish_hostmeter_using_subcommand usage; and __fish_seen_subcommand_from import" -l token-file -d 'File that holds the bearer token (else the variable `HOSTMETER_TOKEN`)' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand usage; and __fish_seen_subcommand_from import" -l ca-file -d 'Trust these certificates (PEM) instead of the public authorities' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand usage; and __fish_seen_subcommand_from import" -l json -d 'Print the API\'s JSON'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand usage; and __fish_seen_subcommand_from import" -s h -l help -d 'Print help'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand usage; and __fish_seen_subcommand_from import" -s V -l version -d 'Print version'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand usage; and __fish_seen_subcommand_from held" -l host -d 'Only of this host' -r
complete -c hostmeter -n "__fish_hostmeter_using_subcommand usage; and __fish_seen_subcommand_from held" -l url -d 'Address of the collector' -r
complete -c hostmeter -n "__fish_hostmeter_using_subcommand usage; and __fish_seen_subcommand_from held" -l token-file -d 'File that holds the bearer token (else the variable `HOSTMETER_TOKEN`)' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand usage; and __fish_seen_subcommand_from held" -l ca-file -d 'Trust these certificates (PEM) instead of the public authorities' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand usage; and __fish_seen_subcommand_from held" -l discarded -d 'Those that were discarded, instead of those that wait'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand usage; and __fish_seen_subcommand_from held" -l json -d 'Print the API\'s JSON'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand usage; and __fish_seen_subcommand_from held" -s h -l help -d 'Print help'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand usage; and __fish_seen_subcommand_from held" -s V -l version -d 'Print version'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand usage; and __fish_seen_subcommand_from release" -l to -d 'Number of the last one, at most 1,000 at a time' -r
complete -c hostmeter -n "__fish_hostmeter_using_subcommand usage; and __fish_seen_subcommand_from release" -l reason -d 'Why, for the audit' -r
complete -c hostmeter -n "__fish_hostmeter_using_subcommand usage; and __fish_seen_subcommand_from release" -l url -d 'Address of the collector' -r
complete -c hostmeter -n "__fish_hostmeter_using_subcommand usage; and __fish_seen_subcommand_from release" -l token-file -d 'File that holds the bearer token (else the variable `HOSTMETER_TOKEN`)' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand usage; and __fish_seen_subcommand_from release" -l ca-file -d 'Trust these certificates (PEM) instead of the public authorities' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand usage; and __fish_seen_subcommand_from release" -l json -d 'Print the API\'s JSON'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand usage; and __fish_seen_subcommand_from release" -s h -l help -d 'Print help'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand usage; and __fish_seen_subcommand_from release" -s V -l version -d 'Print version'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand usage; and __fish_seen_subcommand_from discard" -l to -d 'Number of the last one, at most 1,000 at a time' -r
complete -c hostmeter -n "__fish_hostmeter_using_subcommand usage; and __fish_seen_subcommand_from discard" -l reason -d 'Why, for the audit' -r
complete -c hostmeter -n "__fish_hostmeter_using_subcommand usage; and __fish_seen_subcommand_from discard" -l url -d 'Address of the collector' -r
complete -c hostmeter -n "__fish_hostmeter_using_subcommand usage; and __fish_seen_subcommand_from discard" -l token-file -d 'File that holds the bearer token (else the variable `HOSTMETER_TOKEN`)' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand usage; and __fish_seen_subcommand_from discard" -l ca-file -d 'Trust these certificates (PEM) instead of the public authorities' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand usage; and __fish_seen_subcommand_from discard" -l json -d 'Print the API\'s JSON'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand usage; and __fish_seen_subcommand_from discard" -s h -l help -d 'Print help'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand usage; and __fish_seen_subcommand_from discard" -s V -l version -d 'Print version'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand usage; and __fish_seen_subcommand_from help" -f -a "import" -d 'Add usage metered elsewhere: all rows of the file, or none'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand usage; and __fish_seen_subcommand_from help" -f -a "held" -d 'List batches that are stored and do not count, and why'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand usage; and __fish_seen_subcommand_from help" -f -a "release" -d 'Let batches count that `usage held` lists; each counts once, as late usage does'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand usage; and __fish_seen_subcommand_from help" -f -a "discard" -d 'Never let batches count that `usage held` lists; nothing undoes that, and their time is shown as lost'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand usage; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand command; and not __fish_seen_subcommand_from list show retry help" -l url -d 'Address of the collector' -r
complete -c hostmeter -n "__fish_hostmeter_using_subcommand command; and not __fish_seen_subcommand_from list show retry help" -l token-file -d 'File that holds the bearer token (else the variable `HOSTMETER_TOKEN`)' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand command; and not __fish_seen_subcommand_from list show retry help" -l ca-file -d 'Trust these certificates (PEM) instead of the public authorities' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand command; and not __fish_seen_subcommand_from list show retry help" -l json -d 'Print the API\'s JSON'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand command; and not __fish_seen_subcommand_from list show retry help" -s h -l help -d 'Print help'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand command; and not __fish_seen_subcommand_from list show retry help" -s V -l version -d 'Print version'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand command; and not __fish_seen_subcommand_from list show retry help" -f -a "list" -d 'List commands, newest first'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand command; and not __fish_seen_subcommand_from list show retry help" -f -a "show" -d 'Show a command with its surfaces'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand command; and not __fish_seen_subcommand_from list show retry help" -f -a "retry" -d 'Try a failed command again, under a new number'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand command; and not __fish_seen_subcommand_from list show retry help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand command; and __fish_seen_subcommand_from list" -l account -d 'Only those of this account' -r
complete -c hostmeter -n "__fish_hostmeter_using_subcommand command; and __fish_seen_subcommand_from list" -l url -d 'Address of the collector' -r
complete -c hostmeter -n "__fish_hostmeter_using_subcommand command; and __fish_seen_subcommand_from list" -l token-file -d 'File that holds the bearer token (else the variable `HOSTMETER_TOKEN`)' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand command; and __fish_seen_subcommand_from list" -l ca-file -d 'Trust these certificates (PEM) instead of the public authorities' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand command; and __fish_seen_subcommand_from list" -l json -d 'Print the API\'s JSON'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand command; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand command; and __fish_seen_subcommand_from list" -s V -l version -d 'Print version'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand command; and __fish_seen_subcommand_from show" -l url -d 'Address of the collector' -r
complete -c hostmeter -n "__fish_hostmeter_using_subcommand command; and __fish_seen_subcommand_from show" -l token-file -d 'File that holds the bearer token (else the variable `HOSTMETER_TOKEN`)' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand command; and __fish_seen_subcommand_from show" -l ca-file -d 'Trust these certificates (PEM) instead of the public authorities' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand command; and __fish_seen_subcommand_from show" -l json -d 'Print the API\'s JSON'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand command; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand command; and __fish_seen_subcommand_from show" -s V -l version -d 'Print version'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand command; and __fish_seen_subcommand_from retry" -l url -d 'Address of the collector' -r
complete -c hostmeter -n "__fish_hostmeter_using_subcommand command; and __fish_seen_subcommand_from retry" -l token-file -d 'File that holds the bearer token (else the variable `HOSTMETER_TOKEN`)' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand command; and __fish_seen_subcommand_from retry" -l ca-file -d 'Trust these certificates (PEM) instead of the public authorities' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand command; and __fish_seen_subcommand_from retry" -l json -d 'Print the API\'s JSON'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand command; and __fish_seen_subcommand_from retry" -s h -l help -d 'Print help'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand command; and __fish_seen_subcommand_from retry" -s V -l version -d 'Print version'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand command; and __fish_seen_subcommand_from help" -f -a "list" -d 'List commands, newest first'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand command; and __fish_seen_subcommand_from help" -f -a "show" -d 'Show a command with its surfaces'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand command; and __fish_seen_subcommand_from help" -f -a "retry" -d 'Try a failed command again, under a new number'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand command; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand alerts" -l url -d 'Address of the collector' -r
complete -c hostmeter -n "__fish_hostmeter_using_subcommand alerts" -l token-file -d 'File that holds the bearer token (else the variable `HOSTMETER_TOKEN`)' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand alerts" -l ca-file -d 'Trust these certificates (PEM) instead of the public authorities' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand alerts" -l json -d 'Print the API\'s JSON'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand alerts" -s h -l help -d 'Print help'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand alerts" -s V -l version -d 'Print version'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand help; and not __fish_seen_subcommand_from demo host account customer plan charge ledger user usage command alerts help" -f -a "demo" -d 'Show this machine metered: a collector, an agent and a page with graphs'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand help; and not __fish_seen_subcommand_from demo host account customer plan charge ledger user usage command alerts help" -f -a "host" -d 'Hosts: add, approve, revoke'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand help; and not __fish_seen_subcommand_from demo host account customer plan charge ledger user usage command alerts help" -f -a "account" -d 'Accounts: usage, assignment, suspension'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand help; and not __fish_seen_subcommand_from demo host account customer plan charge ledger user usage command alerts help" -f -a "customer" -d 'Customers: balance, top-ups, ledger'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand help; and not __fish_seen_subcommand_from demo host account customer plan charge ledger user usage command alerts help" -f -a "plan" -d 'Price plans'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand help; and not __fish_seen_subcommand_from demo host account customer plan charge ledger user usage command alerts help" -f -a "charge" -d 'Charge every closed hour that is not charged yet'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand help; and not __fish_seen_subcommand_from demo host account customer plan charge ledger user usage command alerts help" -f -a "ledger" -d 'The ledger as a whole'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand help; and not __fish_seen_subcommand_from demo host account customer plan charge ledger user usage command alerts help" -f -a "user" -d 'Logins and tokens'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand help; and not __fish_seen_subcommand_from demo host account customer plan charge ledger user usage command alerts help" -f -a "usage" -d 'Usage metered elsewhere, and batches that do not count'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand help; and not __fish_seen_subcommand_from demo host account customer plan charge ledger user usage command alerts help" -f -a "command" -d 'Commands to hosts and what became of them'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand help; and not __fish_seen_subcommand_from demo host account customer plan charge ledger user usage command alerts help" -f -a "alerts" -d 'What needs an admin\'s look'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand help; and not __fish_seen_subcommand_from demo host account customer plan charge ledger user usage command alerts help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand help; and __fish_seen_subcommand_from host" -f -a "add" -d 'Print a single-use token, valid for an hour, to enrol a host'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand help; and __fish_seen_subcommand_from host" -f -a "list" -d 'List hosts'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand help; and __fish_seen_subcommand_from host" -f -a "show" -d 'Show one host'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand help; and __fish_seen_subcommand_from host" -f -a "degraded" -d 'When a host was not metered in full, and why'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand help; and __fish_seen_subcommand_from host" -f -a "approve" -d 'Let a pending host in, after its key\'s fingerprint was compared'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand help; and __fish_seen_subcommand_from host" -f -a "revoke" -d 'Refuse a host and all its keys from now on'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand help; and __fish_seen_subcommand_from host" -f -a "revoke-key" -d 'Refuse a key that the host replaced, from now on; batches that only it signed and that did not come yet are lost'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand help; and __fish_seen_subcommand_from host" -f -a "thaw" -d 'Let a host that was frozen go on'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand help; and __fish_seen_subcommand_from account" -f -a "list" -d 'List accounts'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand help; and __fish_seen_subcommand_from account" -f -a "show" -d 'Show one account'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand help; and __fish_seen_subcommand_from account" -f -a "assign" -d 'Give an account to a customer, from the next UTC hour'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand help; and __fish_seen_subcommand_from account" -f -a "usage" -d 'Usage of a time'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand help; and __fish_seen_subcommand_from account" -f -a "top" -d 'Commands that used most in a time'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand help; and __fish_seen_subcommand_from account" -f -a "suspend" -d 'Stop everything of the account'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand help; and __fish_seen_subcommand_from account" -f -a "resume" -d 'Give back what was there before the suspension'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand help; and __fish_seen_subcommand_from account" -f -a "delete" -d 'Archive the account and move it into the quarantine'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand help; and __fish_seen_subcommand_from account" -f -a "undelete" -d 'Bring the account back from the quarantine'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand help; and __fish_seen_subcommand_from customer" -f -a "add" -d 'Make a customer'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand help; and __fish_seen_subcommand_from customer" -f -a "list" -d 'List customers with their balances'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand help; and __fish_seen_subcommand_from customer" -f -a "show" -d 'Show a customer\'s balance'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand help; and __fish_seen_subcommand_from customer" -f -a "plan" -d 'Bill by another plan, from the next UTC hour'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand help; and __fish_seen_subcommand_from customer" -f -a "topup" -d 'Add a payment to the balance; the same payment is added once, whatever is repeated'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand help; and __fish_seen_subcommand_from customer" -f -a "adjust" -d 'Correct the balance by an amount, with a reason'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand help; and __fish_seen_subcommand_from customer" -f -a "ledger" -d 'List what was charged and paid'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand help; and __fish_seen_subcommand_from customer" -f -a "events" -d 'List what happened to the customer: notices, suspensions'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand help; and __fish_seen_subcommand_from plan" -f -a "set" -d 'Set a price plan from a TOML file; the same file again changes nothing'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand help; and __fish_seen_subcommand_from plan" -f -a "list" -d 'List plans'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand help; and __fish_seen_subcommand_from plan" -f -a "show" -d 'Show a plan with its versions'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand help; and __fish_seen_subcommand_from plan" -f -a "quote" -d 'What quantities would cost'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand help; and __fish_seen_subcommand_from ledger" -f -a "verify" -d 'Recompute everything from the entries up; fails on any difference'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand help; and __fish_seen_subcommand_from user" -f -a "add" -d 'Make a login; the password is read from standard input'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand help; and __fish_seen_subcommand_from user" -f -a "token" -d 'Make a bearer token for a login and print it, once'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand help; and __fish_seen_subcommand_from usage" -f -a "import" -d 'Add usage metered elsewhere: all rows of the file, or none'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand help; and __fish_seen_subcommand_from usage" -f -a "held" -d 'List batches that are stored and do not count, and why'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand help; and __fish_seen_subcommand_from usage" -f -a "release" -d 'Let batches count that `usage held` lists; each counts once, as late usage does'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand help; and __fish_seen_subcommand_from usage" -f -a "discard" -d 'Never let batches count that `usage held` lists; nothing undoes that, and their time is shown as lost'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand help; and __fish_seen_subcommand_from command" -f -a "list" -d 'List commands, newest first'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand help; and __fish_seen_subcommand_from command" -f -a "show" -d 'Show a command with its surfaces'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand help; and __fish_seen_subcommand_from command" -f -a "retry" -d 'Try a failed command again, under a new number'
