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
complete -c hostmeter -n "__fish_hostmeter_needs_command" -f -a "reseller" -d 'Resellers: customers that have customers of their own, and what they earn'
complete -c hostmeter -n "__fish_hostmeter_needs_command" -f -a "payment" -d 'What payment gateways sent and nobody could be found for'
complete -c hostmeter -n "__fish_hostmeter_needs_command" -f -a "plan" -d 'Price plans'
complete -c hostmeter -n "__fish_hostmeter_needs_command" -f -a "charge" -d 'Charge every closed hour that is not charged yet'
complete -c hostmeter -n "__fish_hostmeter_needs_command" -f -a "ledger" -d 'The ledger as a whole'
complete -c hostmeter -n "__fish_hostmeter_needs_command" -f -a "user" -d 'Logins and tokens'
complete -c hostmeter -n "__fish_hostmeter_needs_command" -f -a "usage" -d 'Usage metered elsewhere, and batches that do not count'
complete -c hostmeter -n "__fish_hostmeter_needs_command" -f -a "command" -d 'Commands to hosts and what became of them'
complete -c hostmeter -n "__fish_hostmeter_needs_command" -f -a "breaker" -d 'The breaker that holds mass suspensions and deletions'
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
complete -c hostmeter -n "__fish_hostmeter_using_subcommand account; and not __fish_seen_subcommand_from list show assign move usage top suspend resume delete undelete hold budget help" -l url -d 'Address of the collector' -r
complete -c hostmeter -n "__fish_hostmeter_using_subcommand account; and not __fish_seen_subcommand_from list show assign move usage top suspend resume delete undelete hold budget help" -l token-file -d 'File that holds the bearer token (else the variable `HOSTMETER_TOKEN`)' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand account; and not __fish_seen_subcommand_from list show assign move usage top suspend resume delete undelete hold budget help" -l ca-file -d 'Trust these certificates (PEM) instead of the public authorities' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand account; and not __fish_seen_subcommand_from list show assign move usage top suspend resume delete undelete hold budget help" -l json -d 'Print the API\'s JSON'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand account; and not __fish_seen_subcommand_from list show assign move usage top suspend resume delete undelete hold budget help" -s h -l help -d 'Print help'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand account; and not __fish_seen_subcommand_from list show assign move usage top suspend resume delete undelete hold budget help" -s V -l version -d 'Print version'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand account; and not __fish_seen_subcommand_from list show assign move usage top suspend resume delete undelete hold budget help" -f -a "list" -d 'List accounts'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand account; and not __fish_seen_subcommand_from list show assign move usage top suspend resume delete undelete hold budget help" -f -a "show" -d 'Show one account'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand account; and not __fish_seen_subcommand_from list show assign move usage top suspend resume delete undelete hold budget help" -f -a "assign" -d 'Give an account to a customer, from the next UTC hour'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand account; and not __fish_seen_subcommand_from list show assign move usage top suspend resume delete undelete hold budget help" -f -a "move" -d 'Move an account to another customer, from the next UTC hour, or let its bill go on at another host'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand account; and not __fish_seen_subcommand_from list show assign move usage top suspend resume delete undelete hold budget help" -f -a "usage" -d 'Usage of a time'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand account; and not __fish_seen_subcommand_from list show assign move usage top suspend resume delete undelete hold budget help" -f -a "top" -d 'Commands that used most in a time'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand account; and not __fish_seen_subcommand_from list show assign move usage top suspend resume delete undelete hold budget help" -f -a "suspend" -d 'Stop everything of the account'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand account; and not __fish_seen_subcommand_from list show assign move usage top suspend resume delete undelete hold budget help" -f -a "resume" -d 'Give back what was there before the suspension'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand account; and not __fish_seen_subcommand_from list show assign move usage top suspend resume delete undelete hold budget help" -f -a "delete" -d 'Archive the account and move it into the quarantine'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand account; and not __fish_seen_subcommand_from list show assign move usage top suspend resume delete undelete hold budget help" -f -a "undelete" -d 'Bring the account back from the quarantine'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand account; and not __fish_seen_subcommand_from list show assign move usage top suspend resume delete undelete hold budget help" -f -a "hold" -d 'Hold suspension and deletion of this account back until it is cleared'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand account; and not __fish_seen_subcommand_from list show assign move usage top suspend resume delete undelete hold budget help" -f -a "budget" -d 'Tell the customer of shares of a monthly budget; without an amount there is none'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand account; and not __fish_seen_subcommand_from list show assign move usage top suspend resume delete undelete hold budget help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
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
complete -c hostmeter -n "__fish_hostmeter_using_subcommand account; and __fish_seen_subcommand_from move" -l to-host -d 'The host on which the same user goes on' -r
complete -c hostmeter -n "__fish_hostmeter_using_subcommand account; and __fish_seen_subcommand_from move" -l url -d 'Address of the collector' -r
complete -c hostmeter -n "__fish_hostmeter_using_subcommand account; and __fish_seen_subcommand_from move" -l token-file -d 'File that holds the bearer token (else the variable `HOSTMETER_TOKEN`)' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand account; and __fish_seen_subcommand_from move" -l ca-file -d 'Trust these certificates (PEM) instead of the public authorities' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand account; and __fish_seen_subcommand_from move" -l json -d 'Print the API\'s JSON'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand account; and __fish_seen_subcommand_from move" -s h -l help -d 'Print help'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand account; and __fish_seen_subcommand_from move" -s V -l version -d 'Print version'
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
complete -c hostmeter -n "__fish_hostmeter_using_subcommand account; and __fish_seen_subcommand_from hold" -l url -d 'Address of the collector' -r
complete -c hostmeter -n "__fish_hostmeter_using_subcommand account; and __fish_seen_subcommand_from hold" -l token-file -d 'File that holds the bearer token (else the variable `HOSTMETER_TOKEN`)' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand account; and __fish_seen_subcommand_from hold" -l ca-file -d 'Trust these certificates (PEM) instead of the public authorities' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand account; and __fish_seen_subcommand_from hold" -l off -d 'Clear it'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand account; and __fish_seen_subcommand_from hold" -l json -d 'Print the API\'s JSON'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand account; and __fish_seen_subcommand_from hold" -s h -l help -d 'Print help'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand account; and __fish_seen_subcommand_from hold" -s V -l version -d 'Print version'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand account; and __fish_seen_subcommand_from budget" -l url -d 'Address of the collector' -r
complete -c hostmeter -n "__fish_hostmeter_using_subcommand account; and __fish_seen_subcommand_from budget" -l token-file -d 'File that holds the bearer token (else the variable `HOSTMETER_TOKEN`)' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand account; and __fish_seen_subcommand_from budget" -l ca-file -d 'Trust these certificates (PEM) instead of the public authorities' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand account; and __fish_seen_subcommand_from budget" -l json -d 'Print the API\'s JSON'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand account; and __fish_seen_subcommand_from budget" -s h -l help -d 'Print help'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand account; and __fish_seen_subcommand_from budget" -s V -l version -d 'Print version'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand account; and __fish_seen_subcommand_from help" -f -a "list" -d 'List accounts'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand account; and __fish_seen_subcommand_from help" -f -a "show" -d 'Show one account'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand account; and __fish_seen_subcommand_from help" -f -a "assign" -d 'Give an account to a customer, from the next UTC hour'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand account; and __fish_seen_subcommand_from help" -f -a "move" -d 'Move an account to another customer, from the next UTC hour, or let its bill go on at another host'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand account; and __fish_seen_subcommand_from help" -f -a "usage" -d 'Usage of a time'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand account; and __fish_seen_subcommand_from help" -f -a "top" -d 'Commands that used most in a time'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand account; and __fish_seen_subcommand_from help" -f -a "suspend" -d 'Stop everything of the account'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand account; and __fish_seen_subcommand_from help" -f -a "resume" -d 'Give back what was there before the suspension'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand account; and __fish_seen_subcommand_from help" -f -a "delete" -d 'Archive the account and move it into the quarantine'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand account; and __fish_seen_subcommand_from help" -f -a "undelete" -d 'Bring the account back from the quarantine'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand account; and __fish_seen_subcommand_from help" -f -a "hold" -d 'Hold suspension and deletion of this account back until it is cleared'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand account; and __fish_seen_subcommand_from help" -f -a "budget" -d 'Tell the customer of shares of a monthly budget; without an amount there is none'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand account; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and not __fish_seen_subcommand_from add list show plan zone topup adjust refund refundable ledger set notices resend statement explain events standing promise hold abuse unpark close reopen caps help" -l url -d 'Address of the collector' -r
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and not __fish_seen_subcommand_from add list show plan zone topup adjust refund refundable ledger set notices resend statement explain events standing promise hold abuse unpark close reopen caps help" -l token-file -d 'File that holds the bearer token (else the variable `HOSTMETER_TOKEN`)' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and not __fish_seen_subcommand_from add list show plan zone topup adjust refund refundable ledger set notices resend statement explain events standing promise hold abuse unpark close reopen caps help" -l ca-file -d 'Trust these certificates (PEM) instead of the public authorities' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and not __fish_seen_subcommand_from add list show plan zone topup adjust refund refundable ledger set notices resend statement explain events standing promise hold abuse unpark close reopen caps help" -l json -d 'Print the API\'s JSON'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and not __fish_seen_subcommand_from add list show plan zone topup adjust refund refundable ledger set notices resend statement explain events standing promise hold abuse unpark close reopen caps help" -s h -l help -d 'Print help'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and not __fish_seen_subcommand_from add list show plan zone topup adjust refund refundable ledger set notices resend statement explain events standing promise hold abuse unpark close reopen caps help" -s V -l version -d 'Print version'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and not __fish_seen_subcommand_from add list show plan zone topup adjust refund refundable ledger set notices resend statement explain events standing promise hold abuse unpark close reopen caps help" -f -a "add" -d 'Make a customer'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and not __fish_seen_subcommand_from add list show plan zone topup adjust refund refundable ledger set notices resend statement explain events standing promise hold abuse unpark close reopen caps help" -f -a "list" -d 'List customers with their balances'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and not __fish_seen_subcommand_from add list show plan zone topup adjust refund refundable ledger set notices resend statement explain events standing promise hold abuse unpark close reopen caps help" -f -a "show" -d 'Show a customer\'s balance'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and not __fish_seen_subcommand_from add list show plan zone topup adjust refund refundable ledger set notices resend statement explain events standing promise hold abuse unpark close reopen caps help" -f -a "plan" -d 'Bill by another plan, from the next UTC hour; from the next billing month where allowance, tiers or cap are involved'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and not __fish_seen_subcommand_from add list show plan zone topup adjust refund refundable ledger set notices resend statement explain events standing promise hold abuse unpark close reopen caps help" -f -a "zone" -d 'Count billing months in another zone, from the next month on'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and not __fish_seen_subcommand_from add list show plan zone topup adjust refund refundable ledger set notices resend statement explain events standing promise hold abuse unpark close reopen caps help" -f -a "topup" -d 'Add a payment to the balance; the same payment is added once, whatever is repeated'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and not __fish_seen_subcommand_from add list show plan zone topup adjust refund refundable ledger set notices resend statement explain events standing promise hold abuse unpark close reopen caps help" -f -a "adjust" -d 'Correct the balance by an amount, with a reason'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and not __fish_seen_subcommand_from add list show plan zone topup adjust refund refundable ledger set notices resend statement explain events standing promise hold abuse unpark close reopen caps help" -f -a "refund" -d 'Give unspent money back; the same refund is booked once, whatever is repeated'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and not __fish_seen_subcommand_from add list show plan zone topup adjust refund refundable ledger set notices resend statement explain events standing promise hold abuse unpark close reopen caps help" -f -a "refundable" -d 'List payments with what can still be given back'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and not __fish_seen_subcommand_from add list show plan zone topup adjust refund refundable ledger set notices resend statement explain events standing promise hold abuse unpark close reopen caps help" -f -a "ledger" -d 'List what was charged and paid'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and not __fish_seen_subcommand_from add list show plan zone topup adjust refund refundable ledger set notices resend statement explain events standing promise hold abuse unpark close reopen caps help" -f -a "set" -d 'Set language, mail address, Telegram chat or time zone; an empty text takes one away'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and not __fish_seen_subcommand_from add list show plan zone topup adjust refund refundable ledger set notices resend statement explain events standing promise hold abuse unpark close reopen caps help" -f -a "notices" -d 'List what the customer was told, and what became of it on each channel'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and not __fish_seen_subcommand_from add list show plan zone topup adjust refund refundable ledger set notices resend statement explain events standing promise hold abuse unpark close reopen caps help" -f -a "resend" -d 'Send a notice again, where it was not accepted'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and not __fish_seen_subcommand_from add list show plan zone topup adjust refund refundable ledger set notices resend statement explain events standing promise hold abuse unpark close reopen caps help" -f -a "statement" -d 'List statements, or show one'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and not __fish_seen_subcommand_from add list show plan zone topup adjust refund refundable ledger set notices resend statement explain events standing promise hold abuse unpark close reopen caps help" -f -a "explain" -d 'Explain what an account\'s hour cost: prices, the month\'s quantities, intervals'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and not __fish_seen_subcommand_from add list show plan zone topup adjust refund refundable ledger set notices resend statement explain events standing promise hold abuse unpark close reopen caps help" -f -a "events" -d 'List what happened to the customer: notices, suspensions'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and not __fish_seen_subcommand_from add list show plan zone topup adjust refund refundable ledger set notices resend statement explain events standing promise hold abuse unpark close reopen caps help" -f -a "standing" -d 'Show where a customer stands, and why it is not elsewhere'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and not __fish_seen_subcommand_from add list show plan zone topup adjust refund refundable ledger set notices resend statement explain events standing promise hold abuse unpark close reopen caps help" -f -a "promise" -d 'Extend the grace once because a payment was promised'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and not __fish_seen_subcommand_from add list show plan zone topup adjust refund refundable ledger set notices resend statement explain events standing promise hold abuse unpark close reopen caps help" -f -a "hold" -d 'Hold suspension and deletion back until it is cleared'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and not __fish_seen_subcommand_from add list show plan zone topup adjust refund refundable ledger set notices resend statement explain events standing promise hold abuse unpark close reopen caps help" -f -a "abuse" -d 'Suspend the accounts whatever the balance; only --off lifts it'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and not __fish_seen_subcommand_from add list show plan zone topup adjust refund refundable ledger set notices resend statement explain events standing promise hold abuse unpark close reopen caps help" -f -a "unpark" -d 'Let the billing of a parked customer go on, after a look'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and not __fish_seen_subcommand_from add list show plan zone topup adjust refund refundable ledger set notices resend statement explain events standing promise hold abuse unpark close reopen caps help" -f -a "close" -d 'Stop the accounts, charge the last hours, and book unspent money back'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and not __fish_seen_subcommand_from add list show plan zone topup adjust refund refundable ledger set notices resend statement explain events standing promise hold abuse unpark close reopen caps help" -f -a "reopen" -d 'Take back what was closed, or is about to be'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and not __fish_seen_subcommand_from add list show plan zone topup adjust refund refundable ledger set notices resend statement explain events standing promise hold abuse unpark close reopen caps help" -f -a "caps" -d 'Set what may be spent a day and a month; what is left out is off'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and not __fish_seen_subcommand_from add list show plan zone topup adjust refund refundable ledger set notices resend statement explain events standing promise hold abuse unpark close reopen caps help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from add" -l name -d 'Name, for people' -r
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from add" -l plan -d 'Price plan (default: the collector\'s; a reseller\'s customer is on one of the reseller\'s)' -r
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from add" -l reseller -d 'Reseller whose customer it is; a reseller\'s own login need not name it' -r
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from add" -l billing-zone -d 'Zone of the billing months' -r
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from add" -l referred-by -d 'Customer that brought this one and gets a share of its payments' -r
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
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from zone" -l url -d 'Address of the collector' -r
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from zone" -l token-file -d 'File that holds the bearer token (else the variable `HOSTMETER_TOKEN`)' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from zone" -l ca-file -d 'Trust these certificates (PEM) instead of the public authorities' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from zone" -l json -d 'Print the API\'s JSON'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from zone" -s h -l help -d 'Print help'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from zone" -s V -l version -d 'Print version'
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
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from adjust" -l kind -d 'What it is: a correction, credit that is given, or a debt that is given up' -r -f -a "adjustment\t''
promo\t''
write-off\t''"
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from adjust" -l against -d 'What a correction is booked against: promo, referral, bad-debt or revenue:METER' -r
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from adjust" -l url -d 'Address of the collector' -r
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from adjust" -l token-file -d 'File that holds the bearer token (else the variable `HOSTMETER_TOKEN`)' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from adjust" -l ca-file -d 'Trust these certificates (PEM) instead of the public authorities' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from adjust" -l json -d 'Print the API\'s JSON'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from adjust" -s h -l help -d 'Print help'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from adjust" -s V -l version -d 'Print version'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from refund" -l gateway -d 'Where it was paid' -r
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from refund" -l payment -d 'Id of the payment there that goes back, or a part of it' -r
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from refund" -l refund -d 'The refund\'s id there' -r
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from refund" -l reason -d 'Why, shown to the customer' -r
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from refund" -l url -d 'Address of the collector' -r
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from refund" -l token-file -d 'File that holds the bearer token (else the variable `HOSTMETER_TOKEN`)' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from refund" -l ca-file -d 'Trust these certificates (PEM) instead of the public authorities' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from refund" -l json -d 'Print the API\'s JSON'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from refund" -s h -l help -d 'Print help'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from refund" -s V -l version -d 'Print version'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from refundable" -l url -d 'Address of the collector' -r
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from refundable" -l token-file -d 'File that holds the bearer token (else the variable `HOSTMETER_TOKEN`)' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from refundable" -l ca-file -d 'Trust these certificates (PEM) instead of the public authorities' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from refundable" -l json -d 'Print the API\'s JSON'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from refundable" -s h -l help -d 'Print help'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from refundable" -s V -l version -d 'Print version'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from ledger" -l url -d 'Address of the collector' -r
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from ledger" -l token-file -d 'File that holds the bearer token (else the variable `HOSTMETER_TOKEN`)' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from ledger" -l ca-file -d 'Trust these certificates (PEM) instead of the public authorities' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from ledger" -l json -d 'Print the API\'s JSON'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from ledger" -s h -l help -d 'Print help'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from ledger" -s V -l version -d 'Print version'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from set" -l language -d 'en or ru' -r
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from set" -l email -d 'Where notices are mailed' -r
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from set" -l telegram -d 'Chat\'s number, or @name of a channel, to which the bot writes' -r
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from set" -l zone -d 'Zone of the times in notices and on pages' -r
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from set" -l url -d 'Address of the collector' -r
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from set" -l token-file -d 'File that holds the bearer token (else the variable `HOSTMETER_TOKEN`)' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from set" -l ca-file -d 'Trust these certificates (PEM) instead of the public authorities' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from set" -l json -d 'Print the API\'s JSON'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from set" -s h -l help -d 'Print help'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from set" -s V -l version -d 'Print version'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from notices" -l url -d 'Address of the collector' -r
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from notices" -l token-file -d 'File that holds the bearer token (else the variable `HOSTMETER_TOKEN`)' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from notices" -l ca-file -d 'Trust these certificates (PEM) instead of the public authorities' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from notices" -l json -d 'Print the API\'s JSON'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from notices" -s h -l help -d 'Print help'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from notices" -s V -l version -d 'Print version'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from resend" -l url -d 'Address of the collector' -r
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from resend" -l token-file -d 'File that holds the bearer token (else the variable `HOSTMETER_TOKEN`)' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from resend" -l ca-file -d 'Trust these certificates (PEM) instead of the public authorities' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from resend" -l json -d 'Print the API\'s JSON'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from resend" -s h -l help -d 'Print help'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from resend" -s V -l version -d 'Print version'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from statement" -l format -d 'As a table of figures, or as pages, in place of text' -r -f -a "csv\t''
pdf\t''"
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from statement" -s o -l output -d 'Write to this file instead of standard output' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from statement" -l url -d 'Address of the collector' -r
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from statement" -l token-file -d 'File that holds the bearer token (else the variable `HOSTMETER_TOKEN`)' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from statement" -l ca-file -d 'Trust these certificates (PEM) instead of the public authorities' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from statement" -l json -d 'Print the API\'s JSON'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from statement" -s h -l help -d 'Print help'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from statement" -s V -l version -d 'Print version'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from explain" -l url -d 'Address of the collector' -r
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from explain" -l token-file -d 'File that holds the bearer token (else the variable `HOSTMETER_TOKEN`)' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from explain" -l ca-file -d 'Trust these certificates (PEM) instead of the public authorities' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from explain" -l json -d 'Print the API\'s JSON'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from explain" -s h -l help -d 'Print help'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from explain" -s V -l version -d 'Print version'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from events" -l url -d 'Address of the collector' -r
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from events" -l token-file -d 'File that holds the bearer token (else the variable `HOSTMETER_TOKEN`)' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from events" -l ca-file -d 'Trust these certificates (PEM) instead of the public authorities' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from events" -l json -d 'Print the API\'s JSON'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from events" -s h -l help -d 'Print help'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from events" -s V -l version -d 'Print version'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from standing" -l url -d 'Address of the collector' -r
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from standing" -l token-file -d 'File that holds the bearer token (else the variable `HOSTMETER_TOKEN`)' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from standing" -l ca-file -d 'Trust these certificates (PEM) instead of the public authorities' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from standing" -l json -d 'Print the API\'s JSON'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from standing" -s h -l help -d 'Print help'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from standing" -s V -l version -d 'Print version'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from promise" -l url -d 'Address of the collector' -r
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from promise" -l token-file -d 'File that holds the bearer token (else the variable `HOSTMETER_TOKEN`)' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from promise" -l ca-file -d 'Trust these certificates (PEM) instead of the public authorities' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from promise" -l json -d 'Print the API\'s JSON'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from promise" -s h -l help -d 'Print help'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from promise" -s V -l version -d 'Print version'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from hold" -l url -d 'Address of the collector' -r
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from hold" -l token-file -d 'File that holds the bearer token (else the variable `HOSTMETER_TOKEN`)' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from hold" -l ca-file -d 'Trust these certificates (PEM) instead of the public authorities' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from hold" -l off -d 'Clear it'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from hold" -l json -d 'Print the API\'s JSON'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from hold" -s h -l help -d 'Print help'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from hold" -s V -l version -d 'Print version'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from abuse" -l reason -d 'Why, kept for ever' -r
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from abuse" -l url -d 'Address of the collector' -r
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from abuse" -l token-file -d 'File that holds the bearer token (else the variable `HOSTMETER_TOKEN`)' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from abuse" -l ca-file -d 'Trust these certificates (PEM) instead of the public authorities' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from abuse" -l off -d 'Lift it'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from abuse" -l json -d 'Print the API\'s JSON'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from abuse" -s h -l help -d 'Print help'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from abuse" -s V -l version -d 'Print version'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from unpark" -l url -d 'Address of the collector' -r
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from unpark" -l token-file -d 'File that holds the bearer token (else the variable `HOSTMETER_TOKEN`)' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from unpark" -l ca-file -d 'Trust these certificates (PEM) instead of the public authorities' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from unpark" -l accept -d 'Go on although entries contradict each other'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from unpark" -l json -d 'Print the API\'s JSON'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from unpark" -s h -l help -d 'Print help'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from unpark" -s V -l version -d 'Print version'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from close" -l url -d 'Address of the collector' -r
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from close" -l token-file -d 'File that holds the bearer token (else the variable `HOSTMETER_TOKEN`)' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from close" -l ca-file -d 'Trust these certificates (PEM) instead of the public authorities' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from close" -l json -d 'Print the API\'s JSON'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from close" -s h -l help -d 'Print help'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from close" -s V -l version -d 'Print version'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from reopen" -l url -d 'Address of the collector' -r
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from reopen" -l token-file -d 'File that holds the bearer token (else the variable `HOSTMETER_TOKEN`)' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from reopen" -l ca-file -d 'Trust these certificates (PEM) instead of the public authorities' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from reopen" -l json -d 'Print the API\'s JSON'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from reopen" -s h -l help -d 'Print help'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from reopen" -s V -l version -d 'Print version'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from caps" -l day -d 'Most for a day' -r
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from caps" -l month -d 'Most for a month' -r
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from caps" -l low-below -d 'Tell when balance less pending falls below this amount' -r
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from caps" -l url -d 'Address of the collector' -r
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from caps" -l token-file -d 'File that holds the bearer token (else the variable `HOSTMETER_TOKEN`)' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from caps" -l ca-file -d 'Trust these certificates (PEM) instead of the public authorities' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from caps" -l suspend -d 'Suspend when one is reached, instead of telling only'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from caps" -l json -d 'Print the API\'s JSON'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from caps" -s h -l help -d 'Print help'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from caps" -s V -l version -d 'Print version'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from help" -f -a "add" -d 'Make a customer'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from help" -f -a "list" -d 'List customers with their balances'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from help" -f -a "show" -d 'Show a customer\'s balance'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from help" -f -a "plan" -d 'Bill by another plan, from the next UTC hour; from the next billing month where allowance, tiers or cap are involved'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from help" -f -a "zone" -d 'Count billing months in another zone, from the next month on'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from help" -f -a "topup" -d 'Add a payment to the balance; the same payment is added once, whatever is repeated'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from help" -f -a "adjust" -d 'Correct the balance by an amount, with a reason'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from help" -f -a "refund" -d 'Give unspent money back; the same refund is booked once, whatever is repeated'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from help" -f -a "refundable" -d 'List payments with what can still be given back'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from help" -f -a "ledger" -d 'List what was charged and paid'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from help" -f -a "set" -d 'Set language, mail address, Telegram chat or time zone; an empty text takes one away'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from help" -f -a "notices" -d 'List what the customer was told, and what became of it on each channel'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from help" -f -a "resend" -d 'Send a notice again, where it was not accepted'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from help" -f -a "statement" -d 'List statements, or show one'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from help" -f -a "explain" -d 'Explain what an account\'s hour cost: prices, the month\'s quantities, intervals'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from help" -f -a "events" -d 'List what happened to the customer: notices, suspensions'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from help" -f -a "standing" -d 'Show where a customer stands, and why it is not elsewhere'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from help" -f -a "promise" -d 'Extend the grace once because a payment was promised'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from help" -f -a "hold" -d 'Hold suspension and deletion back until it is cleared'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from help" -f -a "abuse" -d 'Suspend the accounts whatever the balance; only --off lifts it'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from help" -f -a "unpark" -d 'Let the billing of a parked customer go on, after a look'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from help" -f -a "close" -d 'Stop the accounts, charge the last hours, and book unspent money back'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from help" -f -a "reopen" -d 'Take back what was closed, or is about to be'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from help" -f -a "caps" -d 'Set what may be spent a day and a month; what is left out is off'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand customer; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand reseller; and not __fish_seen_subcommand_from make list assign margin help" -l url -d 'Address of the collector' -r
complete -c hostmeter -n "__fish_hostmeter_using_subcommand reseller; and not __fish_seen_subcommand_from make list assign margin help" -l token-file -d 'File that holds the bearer token (else the variable `HOSTMETER_TOKEN`)' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand reseller; and not __fish_seen_subcommand_from make list assign margin help" -l ca-file -d 'Trust these certificates (PEM) instead of the public authorities' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand reseller; and not __fish_seen_subcommand_from make list assign margin help" -l json -d 'Print the API\'s JSON'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand reseller; and not __fish_seen_subcommand_from make list assign margin help" -s h -l help -d 'Print help'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand reseller; and not __fish_seen_subcommand_from make list assign margin help" -s V -l version -d 'Print version'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand reseller; and not __fish_seen_subcommand_from make list assign margin help" -f -a "make" -d 'Let a customer have customers of its own'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand reseller; and not __fish_seen_subcommand_from make list assign margin help" -f -a "list" -d 'List resellers'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand reseller; and not __fish_seen_subcommand_from make list assign margin help" -f -a "assign" -d 'Give a customer to a reseller, or back to the company, with a plan of theirs'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand reseller; and not __fish_seen_subcommand_from make list assign margin help" -f -a "margin" -d 'Show what a reseller\'s customers were charged, what that cost it, and the difference, by month'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand reseller; and not __fish_seen_subcommand_from make list assign margin help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand reseller; and __fish_seen_subcommand_from make" -l url -d 'Address of the collector' -r
complete -c hostmeter -n "__fish_hostmeter_using_subcommand reseller; and __fish_seen_subcommand_from make" -l token-file -d 'File that holds the bearer token (else the variable `HOSTMETER_TOKEN`)' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand reseller; and __fish_seen_subcommand_from make" -l ca-file -d 'Trust these certificates (PEM) instead of the public authorities' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand reseller; and __fish_seen_subcommand_from make" -l json -d 'Print the API\'s JSON'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand reseller; and __fish_seen_subcommand_from make" -s h -l help -d 'Print help'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand reseller; and __fish_seen_subcommand_from make" -s V -l version -d 'Print version'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand reseller; and __fish_seen_subcommand_from list" -l url -d 'Address of the collector' -r
complete -c hostmeter -n "__fish_hostmeter_using_subcommand reseller; and __fish_seen_subcommand_from list" -l token-file -d 'File that holds the bearer token (else the variable `HOSTMETER_TOKEN`)' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand reseller; and __fish_seen_subcommand_from list" -l ca-file -d 'Trust these certificates (PEM) instead of the public authorities' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand reseller; and __fish_seen_subcommand_from list" -l json -d 'Print the API\'s JSON'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand reseller; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand reseller; and __fish_seen_subcommand_from list" -s V -l version -d 'Print version'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand reseller; and __fish_seen_subcommand_from assign" -l to -d 'The reseller\'s id' -r
complete -c hostmeter -n "__fish_hostmeter_using_subcommand reseller; and __fish_seen_subcommand_from assign" -l plan -d 'Plan of the reseller, or of the company' -r
complete -c hostmeter -n "__fish_hostmeter_using_subcommand reseller; and __fish_seen_subcommand_from assign" -l url -d 'Address of the collector' -r
complete -c hostmeter -n "__fish_hostmeter_using_subcommand reseller; and __fish_seen_subcommand_from assign" -l token-file -d 'File that holds the bearer token (else the variable `HOSTMETER_TOKEN`)' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand reseller; and __fish_seen_subcommand_from assign" -l ca-file -d 'Trust these certificates (PEM) instead of the public authorities' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand reseller; and __fish_seen_subcommand_from assign" -l company -d 'Back to the company'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand reseller; and __fish_seen_subcommand_from assign" -l json -d 'Print the API\'s JSON'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand reseller; and __fish_seen_subcommand_from assign" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand reseller; and __fish_seen_subcommand_from assign" -s V -l version -d 'Print version'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand reseller; and __fish_seen_subcommand_from margin" -l month -d 'One month, for example 2026-11 (default: the last twelve)' -r
complete -c hostmeter -n "__fish_hostmeter_using_subcommand reseller; and __fish_seen_subcommand_from margin" -l url -d 'Address of the collector' -r
complete -c hostmeter -n "__fish_hostmeter_using_subcommand reseller; and __fish_seen_subcommand_from margin" -l token-file -d 'File that holds the bearer token (else the variable `HOSTMETER_TOKEN`)' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand reseller; and __fish_seen_subcommand_from margin" -l ca-file -d 'Trust these certificates (PEM) instead of the public authorities' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand reseller; and __fish_seen_subcommand_from margin" -l json -d 'Print the API\'s JSON'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand reseller; and __fish_seen_subcommand_from margin" -s h -l help -d 'Print help'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand reseller; and __fish_seen_subcommand_from margin" -s V -l version -d 'Print version'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand reseller; and __fish_seen_subcommand_from help" -f -a "make" -d 'Let a customer have customers of its own'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand reseller; and __fish_seen_subcommand_from help" -f -a "list" -d 'List resellers'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand reseller; and __fish_seen_subcommand_from help" -f -a "assign" -d 'Give a customer to a reseller, or back to the company, with a plan of theirs'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand reseller; and __fish_seen_subcommand_from help" -f -a "margin" -d 'Show what a reseller\'s customers were charged, what that cost it, and the difference, by month'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand reseller; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand payment; and not __fish_seen_subcommand_from list assign dismiss help" -l url -d 'Address of the collector' -r
complete -c hostmeter -n "__fish_hostmeter_using_subcommand payment; and not __fish_seen_subcommand_from list assign dismiss help" -l token-file -d 'File that holds the bearer token (else the variable `HOSTMETER_TOKEN`)' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand payment; and not __fish_seen_subcommand_from list assign dismiss help" -l ca-file -d 'Trust these certificates (PEM) instead of the public authorities' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand payment; and not __fish_seen_subcommand_from list assign dismiss help" -l json -d 'Print the API\'s JSON'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand payment; and not __fish_seen_subcommand_from list assign dismiss help" -s h -l help -d 'Print help'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand payment; and not __fish_seen_subcommand_from list assign dismiss help" -s V -l version -d 'Print version'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand payment; and not __fish_seen_subcommand_from list assign dismiss help" -f -a "list" -d 'List what payment gateways sent and nobody could be found for'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand payment; and not __fish_seen_subcommand_from list assign dismiss help" -f -a "assign" -d 'Book a kept payment as a top-up of a customer'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand payment; and not __fish_seen_subcommand_from list assign dismiss help" -f -a "dismiss" -d 'Put a kept message aside for good'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand payment; and not __fish_seen_subcommand_from list assign dismiss help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand payment; and __fish_seen_subcommand_from list" -l url -d 'Address of the collector' -r
complete -c hostmeter -n "__fish_hostmeter_using_subcommand payment; and __fish_seen_subcommand_from list" -l token-file -d 'File that holds the bearer token (else the variable `HOSTMETER_TOKEN`)' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand payment; and __fish_seen_subcommand_from list" -l ca-file -d 'Trust these certificates (PEM) instead of the public authorities' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand payment; and __fish_seen_subcommand_from list" -l all -d 'Also what was booked, assigned or dismissed'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand payment; and __fish_seen_subcommand_from list" -l json -d 'Print the API\'s JSON'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand payment; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand payment; and __fish_seen_subcommand_from list" -s V -l version -d 'Print version'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand payment; and __fish_seen_subcommand_from assign" -l amount -d 'Amount in the currency of the books, where the message does not say it' -r
complete -c hostmeter -n "__fish_hostmeter_using_subcommand payment; and __fish_seen_subcommand_from assign" -l payment -d 'The gateway\'s reference of the payment, where the message does not say it' -r
complete -c hostmeter -n "__fish_hostmeter_using_subcommand payment; and __fish_seen_subcommand_from assign" -l url -d 'Address of the collector' -r
complete -c hostmeter -n "__fish_hostmeter_using_subcommand payment; and __fish_seen_subcommand_from assign" -l token-file -d 'File that holds the bearer token (else the variable `HOSTMETER_TOKEN`)' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand payment; and __fish_seen_subcommand_from assign" -l ca-file -d 'Trust these certificates (PEM) instead of the public authorities' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand payment; and __fish_seen_subcommand_from assign" -l json -d 'Print the API\'s JSON'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand payment; and __fish_seen_subcommand_from assign" -s h -l help -d 'Print help'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand payment; and __fish_seen_subcommand_from assign" -s V -l version -d 'Print version'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand payment; and __fish_seen_subcommand_from dismiss" -l url -d 'Address of the collector' -r
complete -c hostmeter -n "__fish_hostmeter_using_subcommand payment; and __fish_seen_subcommand_from dismiss" -l token-file -d 'File that holds the bearer token (else the variable `HOSTMETER_TOKEN`)' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand payment; and __fish_seen_subcommand_from dismiss" -l ca-file -d 'Trust these certificates (PEM) instead of the public authorities' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand payment; and __fish_seen_subcommand_from dismiss" -l json -d 'Print the API\'s JSON'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand payment; and __fish_seen_subcommand_from dismiss" -s h -l help -d 'Print help'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand payment; and __fish_seen_subcommand_from dismiss" -s V -l version -d 'Print version'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand payment; and __fish_seen_subcommand_from help" -f -a "list" -d 'List what payment gateways sent and nobody could be found for'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand payment; and __fish_seen_subcommand_from help" -f -a "assign" -d 'Book a kept payment as a top-up of a customer'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand payment; and __fish_seen_subcommand_from help" -f -a "dismiss" -d 'Put a kept message aside for good'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand payment; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand plan; and not __fish_seen_subcommand_from set list show quote replay help" -l url -d 'Address of the collector' -r
complete -c hostmeter -n "__fish_hostmeter_using_subcommand plan; and not __fish_seen_subcommand_from set list show quote replay help" -l token-file -d 'File that holds the bearer token (else the variable `HOSTMETER_TOKEN`)' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand plan; and not __fish_seen_subcommand_from set list show quote replay help" -l ca-file -d 'Trust these certificates (PEM) instead of the public authorities' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand plan; and not __fish_seen_subcommand_from set list show quote replay help" -l json -d 'Print the API\'s JSON'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand plan; and not __fish_seen_subcommand_from set list show quote replay help" -s h -l help -d 'Print help'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand plan; and not __fish_seen_subcommand_from set list show quote replay help" -s V -l version -d 'Print version'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand plan; and not __fish_seen_subcommand_from set list show quote replay help" -f -a "set" -d 'Set a price plan from a TOML file; the same file again changes nothing'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand plan; and not __fish_seen_subcommand_from set list show quote replay help" -f -a "list" -d 'List plans'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand plan; and not __fish_seen_subcommand_from set list show quote replay help" -f -a "show" -d 'Show a plan with its versions'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand plan; and not __fish_seen_subcommand_from set list show quote replay help" -f -a "quote" -d 'What quantities would cost, or an account\'s own history'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand plan; and not __fish_seen_subcommand_from set list show quote replay help" -f -a "replay" -d 'What every customer would have paid for a month under a plan file that is not in force'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand plan; and not __fish_seen_subcommand_from set list show quote replay help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
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
complete -c hostmeter -n "__fish_hostmeter_using_subcommand plan; and __fish_seen_subcommand_from quote" -l account -d 'The account whose history is rated, user@host' -r
complete -c hostmeter -n "__fish_hostmeter_using_subcommand plan; and __fish_seen_subcommand_from quote" -l from -d 'Start of the history, the start of a UTC hour, RFC 3339' -r
complete -c hostmeter -n "__fish_hostmeter_using_subcommand plan; and __fish_seen_subcommand_from quote" -l to -d 'End of the history, the start of a UTC hour, RFC 3339' -r
complete -c hostmeter -n "__fish_hostmeter_using_subcommand plan; and __fish_seen_subcommand_from quote" -l url -d 'Address of the collector' -r
complete -c hostmeter -n "__fish_hostmeter_using_subcommand plan; and __fish_seen_subcommand_from quote" -l token-file -d 'File that holds the bearer token (else the variable `HOSTMETER_TOKEN`)' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand plan; and __fish_seen_subcommand_from quote" -l ca-file -d 'Trust these certificates (PEM) instead of the public authorities' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand plan; and __fish_seen_subcommand_from quote" -l json -d 'Print the API\'s JSON'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand plan; and __fish_seen_subcommand_from quote" -s h -l help -d 'Print help'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand plan; and __fish_seen_subcommand_from quote" -s V -l version -d 'Print version'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand plan; and __fish_seen_subcommand_from replay" -l month -d 'The month, for example 2026-10 (default: the last one that is over)' -r
complete -c hostmeter -n "__fish_hostmeter_using_subcommand plan; and __fish_seen_subcommand_from replay" -l url -d 'Address of the collector' -r
complete -c hostmeter -n "__fish_hostmeter_using_subcommand plan; and __fish_seen_subcommand_from replay" -l token-file -d 'File that holds the bearer token (else the variable `HOSTMETER_TOKEN`)' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand plan; and __fish_seen_subcommand_from replay" -l ca-file -d 'Trust these certificates (PEM) instead of the public authorities' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand plan; and __fish_seen_subcommand_from replay" -l json -d 'Print the API\'s JSON'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand plan; and __fish_seen_subcommand_from replay" -s h -l help -d 'Print help'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand plan; and __fish_seen_subcommand_from replay" -s V -l version -d 'Print version'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand plan; and __fish_seen_subcommand_from help" -f -a "set" -d 'Set a price plan from a TOML file; the same file again changes nothing'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand plan; and __fish_seen_subcommand_from help" -f -a "list" -d 'List plans'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand plan; and __fish_seen_subcommand_from help" -f -a "show" -d 'Show a plan with its versions'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand plan; and __fish_seen_subcommand_from help" -f -a "quote" -d 'What quantities would cost, or an account\'s own history'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand plan; and __fish_seen_subcommand_from help" -f -a "replay" -d 'What every customer would have paid for a month under a plan file that is not in force'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand plan; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand charge" -l until -d 'Only hours that end at this time or before, RFC 3339' -r
complete -c hostmeter -n "__fish_hostmeter_using_subcommand charge" -l url -d 'Address of the collector' -r
complete -c hostmeter -n "__fish_hostmeter_using_subcommand charge" -l token-file -d 'File that holds the bearer token (else the variable `HOSTMETER_TOKEN`)' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand charge" -l ca-file -d 'Trust these certificates (PEM) instead of the public authorities' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand charge" -l json -d 'Print the API\'s JSON'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand charge" -s h -l help -d 'Print help'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand charge" -s V -l version -d 'Print version'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand ledger; and not __fish_seen_subcommand_from verify export help" -l url -d 'Address of the collector' -r
complete -c hostmeter -n "__fish_hostmeter_using_subcommand ledger; and not __fish_seen_subcommand_from verify export help" -l token-file -d 'File that holds the bearer token (else the variable `HOSTMETER_TOKEN`)' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand ledger; and not __fish_seen_subcommand_from verify export help" -l ca-file -d 'Trust these certificates (PEM) instead of the public authorities' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand ledger; and not __fish_seen_subcommand_from verify export help" -l json -d 'Print the API\'s JSON'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand ledger; and not __fish_seen_subcommand_from verify export help" -s h -l help -d 'Print help'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand ledger; and not __fish_seen_subcommand_from verify export help" -s V -l version -d 'Print version'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand ledger; and not __fish_seen_subcommand_from verify export help" -f -a "verify" -d 'Recompute everything from the entries up; fails on any difference'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand ledger; and not __fish_seen_subcommand_from verify export help" -f -a "export" -d 'Write the whole ledger, oldest transaction first'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand ledger; and not __fish_seen_subcommand_from verify export help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand ledger; and __fish_seen_subcommand_from verify" -l url -d 'Address of the collector' -r
complete -c hostmeter -n "__fish_hostmeter_using_subcommand ledger; and __fish_seen_subcommand_from verify" -l token-file -d 'File that holds the bearer token (else the variable `HOSTMETER_TOKEN`)' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand ledger; and __fish_seen_subcommand_from verify" -l ca-file -d 'Trust these certificates (PEM) instead of the public authorities' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand ledger; and __fish_seen_subcommand_from verify" -l json -d 'Print the API\'s JSON'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand ledger; and __fish_seen_subcommand_from verify" -s h -l help -d 'Print help'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand ledger; and __fish_seen_subcommand_from verify" -s V -l version -d 'Print version'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand ledger; and __fish_seen_subcommand_from export" -l format -d 'A row an entry, an object a transaction, or a journal for hledger' -r -f -a "csv\t''
jsonl\t''
hledger\t''"
complete -c hostmeter -n "__fish_hostmeter_using_subcommand ledger; and __fish_seen_subcommand_from export" -l after -d 'Only transactions after this one: what was exported before' -r
complete -c hostmeter -n "__fish_hostmeter_using_subcommand ledger; and __fish_seen_subcommand_from export" -s o -l output -d 'Write to this file instead of standard output' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand ledger; and __fish_seen_subcommand_from export" -l url -d 'Address of the collector' -r
complete -c hostmeter -n "__fish_hostmeter_using_subcommand ledger; and __fish_seen_subcommand_from export" -l token-file -d 'File that holds the bearer token (else the variable `HOSTMETER_TOKEN`)' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand ledger; and __fish_seen_subcommand_from export" -l ca-file -d 'Trust these certificates (PEM) instead of the public authorities' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand ledger; and __fish_seen_subcommand_from export" -l json -d 'Print the API\'s JSON'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand ledger; and __fish_seen_subcommand_from export" -s h -l help -d 'Print help'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand ledger; and __fish_seen_subcommand_from export" -s V -l version -d 'Print version'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand ledger; and __fish_seen_subcommand_from help" -f -a "verify" -d 'Recompute everything from the entries up; fails on any difference'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand ledger; and __fish_seen_subcommand_from help" -f -a "export" -d 'Write the whole ledger, oldest transaction first'
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
complete -c hostmeter -n "__fish_hostmeter_using_subcommand user; and __fish_seen_subcommand_from add" -l role -d 'customer, reseller, admin or auditor' -r
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
complete -c hostmeter -n "__fish_hostmeter_using_subcommand usage; and not __fish_seen_subcommand_from import held quarantined release discard help" -l url -d 'Address of the collector' -r
complete -c hostmeter -n "__fish_hostmeter_using_subcommand usage; and not __fish_seen_subcommand_from import held quarantined release discard help" -l token-file -d 'File that holds the bearer token (else the variable `HOSTMETER_TOKEN`)' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand usage; and not __fish_seen_subcommand_from import held quarantined release discard help" -l ca-file -d 'Trust these certificates (PEM) instead of the public authorities' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand usage; and not __fish_seen_subcommand_from import held quarantined release discard help" -l json -d 'Print the API\'s JSON'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand usage; and not __fish_seen_subcommand_from import held quarantined release discard help" -s h -l help -d 'Print help'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand usage; and not __fish_seen_subcommand_from import held quarantined release discard help" -s V -l version -d 'Print version'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand usage; and not __fish_seen_subcommand_from import held quarantined release discard help" -f -a "import" -d 'Add usage metered elsewhere: all rows of the file, or none'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand usage; and not __fish_seen_subcommand_from import held quarantined release discard help" -f -a "held" -d 'List batches that are stored and do not count, and why'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand usage; and not __fish_seen_subcommand_from import held quarantined release discard help" -f -a "quarantined" -d 'List batches that are stored and do not count, and why'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand usage; and not __fish_seen_subcommand_from import held quarantined release discard help" -f -a "release" -d 'Let batches count that `usage held` lists; each counts once, as late usage does'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand usage; and not __fish_seen_subcommand_from import held quarantined release discard help" -f -a "discard" -d 'Never let batches count that `usage held` lists; nothing undoes that, and their time is shown as lost'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand usage; and not __fish_seen_subcommand_from import held quarantined release discard help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
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
complete -c hostmeter -n "__fish_hostmeter_using_subcommand usage; and __fish_seen_subcommand_from quarantined" -l host -d 'Only of this host' -r
complete -c hostmeter -n "__fish_hostmeter_using_subcommand usage; and __fish_seen_subcommand_from quarantined" -l url -d 'Address of the collector' -r
complete -c hostmeter -n "__fish_hostmeter_using_subcommand usage; and __fish_seen_subcommand_from quarantined" -l token-file -d 'File that holds the bearer token (else the variable `HOSTMETER_TOKEN`)' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand usage; and __fish_seen_subcommand_from quarantined" -l ca-file -d 'Trust these certificates (PEM) instead of the public authorities' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand usage; and __fish_seen_subcommand_from quarantined" -l discarded -d 'Those that were discarded, instead of those that wait'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand usage; and __fish_seen_subcommand_from quarantined" -l json -d 'Print the API\'s JSON'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand usage; and __fish_seen_subcommand_from quarantined" -s h -l help -d 'Print help'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand usage; and __fish_seen_subcommand_from quarantined" -s V -l version -d 'Print version'
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
complete -c hostmeter -n "__fish_hostmeter_using_subcommand breaker; and not __fish_seen_subcommand_from show reset help" -l url -d 'Address of the collector' -r
complete -c hostmeter -n "__fish_hostmeter_using_subcommand breaker; and not __fish_seen_subcommand_from show reset help" -l token-file -d 'File that holds the bearer token (else the variable `HOSTMETER_TOKEN`)' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand breaker; and not __fish_seen_subcommand_from show reset help" -l ca-file -d 'Trust these certificates (PEM) instead of the public authorities' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand breaker; and not __fish_seen_subcommand_from show reset help" -l json -d 'Print the API\'s JSON'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand breaker; and not __fish_seen_subcommand_from show reset help" -s h -l help -d 'Print help'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand breaker; and not __fish_seen_subcommand_from show reset help" -s V -l version -d 'Print version'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand breaker; and not __fish_seen_subcommand_from show reset help" -f -a "show" -d 'Show how many suspensions and deletions went out within 24 hours'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand breaker; and not __fish_seen_subcommand_from show reset help" -f -a "reset" -d 'Let held commands go out again, after a look'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand breaker; and not __fish_seen_subcommand_from show reset help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand breaker; and __fish_seen_subcommand_from show" -l url -d 'Address of the collector' -r
complete -c hostmeter -n "__fish_hostmeter_using_subcommand breaker; and __fish_seen_subcommand_from show" -l token-file -d 'File that holds the bearer token (else the variable `HOSTMETER_TOKEN`)' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand breaker; and __fish_seen_subcommand_from show" -l ca-file -d 'Trust these certificates (PEM) instead of the public authorities' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand breaker; and __fish_seen_subcommand_from show" -l json -d 'Print the API\'s JSON'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand breaker; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand breaker; and __fish_seen_subcommand_from show" -s V -l version -d 'Print version'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand breaker; and __fish_seen_subcommand_from reset" -l url -d 'Address of the collector' -r
complete -c hostmeter -n "__fish_hostmeter_using_subcommand breaker; and __fish_seen_subcommand_from reset" -l token-file -d 'File that holds the bearer token (else the variable `HOSTMETER_TOKEN`)' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand breaker; and __fish_seen_subcommand_from reset" -l ca-file -d 'Trust these certificates (PEM) instead of the public authorities' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand breaker; and __fish_seen_subcommand_from reset" -l json -d 'Print the API\'s JSON'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand breaker; and __fish_seen_subcommand_from reset" -s h -l help -d 'Print help'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand breaker; and __fish_seen_subcommand_from reset" -s V -l version -d 'Print version'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand breaker; and __fish_seen_subcommand_from help" -f -a "show" -d 'Show how many suspensions and deletions went out within 24 hours'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand breaker; and __fish_seen_subcommand_from help" -f -a "reset" -d 'Let held commands go out again, after a look'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand breaker; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand alerts" -l url -d 'Address of the collector' -r
complete -c hostmeter -n "__fish_hostmeter_using_subcommand alerts" -l token-file -d 'File that holds the bearer token (else the variable `HOSTMETER_TOKEN`)' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand alerts" -l ca-file -d 'Trust these certificates (PEM) instead of the public authorities' -r -F
complete -c hostmeter -n "__fish_hostmeter_using_subcommand alerts" -l json -d 'Print the API\'s JSON'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand alerts" -s h -l help -d 'Print help'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand alerts" -s V -l version -d 'Print version'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand help; and not __fish_seen_subcommand_from demo host account customer reseller payment plan charge ledger user usage command breaker alerts help" -f -a "demo" -d 'Show this machine metered: a collector, an agent and a page with graphs'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand help; and not __fish_seen_subcommand_from demo host account customer reseller payment plan charge ledger user usage command breaker alerts help" -f -a "host" -d 'Hosts: add, approve, revoke'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand help; and not __fish_seen_subcommand_from demo host account customer reseller payment plan charge ledger user usage command breaker alerts help" -f -a "account" -d 'Accounts: usage, assignment, suspension'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand help; and not __fish_seen_subcommand_from demo host account customer reseller payment plan charge ledger user usage command breaker alerts help" -f -a "customer" -d 'Customers: balance, top-ups, ledger'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand help; and not __fish_seen_subcommand_from demo host account customer reseller payment plan charge ledger user usage command breaker alerts help" -f -a "reseller" -d 'Resellers: customers that have customers of their own, and what they earn'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand help; and not __fish_seen_subcommand_from demo host account customer reseller payment plan charge ledger user usage command breaker alerts help" -f -a "payment" -d 'What payment gateways sent and nobody could be found for'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand help; and not __fish_seen_subcommand_from demo host account customer reseller payment plan charge ledger user usage command breaker alerts help" -f -a "plan" -d 'Price plans'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand help; and not __fish_seen_subcommand_from demo host account customer reseller payment plan charge ledger user usage command breaker alerts help" -f -a "charge" -d 'Charge every closed hour that is not charged yet'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand help; and not __fish_seen_subcommand_from demo host account customer reseller payment plan charge ledger user usage command breaker alerts help" -f -a "ledger" -d 'The ledger as a whole'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand help; and not __fish_seen_subcommand_from demo host account customer reseller payment plan charge ledger user usage command breaker alerts help" -f -a "user" -d 'Logins and tokens'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand help; and not __fish_seen_subcommand_from demo host account customer reseller payment plan charge ledger user usage command breaker alerts help" -f -a "usage" -d 'Usage metered elsewhere, and batches that do not count'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand help; and not __fish_seen_subcommand_from demo host account customer reseller payment plan charge ledger user usage command breaker alerts help" -f -a "command" -d 'Commands to hosts and what became of them'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand help; and not __fish_seen_subcommand_from demo host account customer reseller payment plan charge ledger user usage command breaker alerts help" -f -a "breaker" -d 'The breaker that holds mass suspensions and deletions'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand help; and not __fish_seen_subcommand_from demo host account customer reseller payment plan charge ledger user usage command breaker alerts help" -f -a "alerts" -d 'What needs an admin\'s look'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand help; and not __fish_seen_subcommand_from demo host account customer reseller payment plan charge ledger user usage command breaker alerts help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
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
complete -c hostmeter -n "__fish_hostmeter_using_subcommand help; and __fish_seen_subcommand_from account" -f -a "move" -d 'Move an account to another customer, from the next UTC hour, or let its bill go on at another host'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand help; and __fish_seen_subcommand_from account" -f -a "usage" -d 'Usage of a time'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand help; and __fish_seen_subcommand_from account" -f -a "top" -d 'Commands that used most in a time'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand help; and __fish_seen_subcommand_from account" -f -a "suspend" -d 'Stop everything of the account'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand help; and __fish_seen_subcommand_from account" -f -a "resume" -d 'Give back what was there before the suspension'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand help; and __fish_seen_subcommand_from account" -f -a "delete" -d 'Archive the account and move it into the quarantine'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand help; and __fish_seen_subcommand_from account" -f -a "undelete" -d 'Bring the account back from the quarantine'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand help; and __fish_seen_subcommand_from account" -f -a "hold" -d 'Hold suspension and deletion of this account back until it is cleared'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand help; and __fish_seen_subcommand_from account" -f -a "budget" -d 'Tell the customer of shares of a monthly budget; without an amount there is none'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand help; and __fish_seen_subcommand_from customer" -f -a "add" -d 'Make a customer'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand help; and __fish_seen_subcommand_from customer" -f -a "list" -d 'List customers with their balances'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand help; and __fish_seen_subcommand_from customer" -f -a "show" -d 'Show a customer\'s balance'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand help; and __fish_seen_subcommand_from customer" -f -a "plan" -d 'Bill by another plan, from the next UTC hour; from the next billing month where allowance, tiers or cap are involved'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand help; and __fish_seen_subcommand_from customer" -f -a "zone" -d 'Count billing months in another zone, from the next month on'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand help; and __fish_seen_subcommand_from customer" -f -a "topup" -d 'Add a payment to the balance; the same payment is added once, whatever is repeated'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand help; and __fish_seen_subcommand_from customer" -f -a "adjust" -d 'Correct the balance by an amount, with a reason'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand help; and __fish_seen_subcommand_from customer" -f -a "refund" -d 'Give unspent money back; the same refund is booked once, whatever is repeated'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand help; and __fish_seen_subcommand_from customer" -f -a "refundable" -d 'List payments with what can still be given back'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand help; and __fish_seen_subcommand_from customer" -f -a "ledger" -d 'List what was charged and paid'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand help; and __fish_seen_subcommand_from customer" -f -a "set" -d 'Set language, mail address, Telegram chat or time zone; an empty text takes one away'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand help; and __fish_seen_subcommand_from customer" -f -a "notices" -d 'List what the customer was told, and what became of it on each channel'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand help; and __fish_seen_subcommand_from customer" -f -a "resend" -d 'Send a notice again, where it was not accepted'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand help; and __fish_seen_subcommand_from customer" -f -a "statement" -d 'List statements, or show one'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand help; and __fish_seen_subcommand_from customer" -f -a "explain" -d 'Explain what an account\'s hour cost: prices, the month\'s quantities, intervals'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand help; and __fish_seen_subcommand_from customer" -f -a "events" -d 'List what happened to the customer: notices, suspensions'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand help; and __fish_seen_subcommand_from customer" -f -a "standing" -d 'Show where a customer stands, and why it is not elsewhere'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand help; and __fish_seen_subcommand_from customer" -f -a "promise" -d 'Extend the grace once because a payment was promised'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand help; and __fish_seen_subcommand_from customer" -f -a "hold" -d 'Hold suspension and deletion back until it is cleared'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand help; and __fish_seen_subcommand_from customer" -f -a "abuse" -d 'Suspend the accounts whatever the balance; only --off lifts it'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand help; and __fish_seen_subcommand_from customer" -f -a "unpark" -d 'Let the billing of a parked customer go on, after a look'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand help; and __fish_seen_subcommand_from customer" -f -a "close" -d 'Stop the accounts, charge the last hours, and book unspent money back'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand help; and __fish_seen_subcommand_from customer" -f -a "reopen" -d 'Take back what was closed, or is about to be'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand help; and __fish_seen_subcommand_from customer" -f -a "caps" -d 'Set what may be spent a day and a month; what is left out is off'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand help; and __fish_seen_subcommand_from reseller" -f -a "make" -d 'Let a customer have customers of its own'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand help; and __fish_seen_subcommand_from reseller" -f -a "list" -d 'List resellers'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand help; and __fish_seen_subcommand_from reseller" -f -a "assign" -d 'Give a customer to a reseller, or back to the company, with a plan of theirs'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand help; and __fish_seen_subcommand_from reseller" -f -a "margin" -d 'Show what a reseller\'s customers were charged, what that cost it, and the difference, by month'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand help; and __fish_seen_subcommand_from payment" -f -a "list" -d 'List what payment gateways sent and nobody could be found for'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand help; and __fish_seen_subcommand_from payment" -f -a "assign" -d 'Book a kept payment as a top-up of a customer'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand help; and __fish_seen_subcommand_from payment" -f -a "dismiss" -d 'Put a kept message aside for good'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand help; and __fish_seen_subcommand_from plan" -f -a "set" -d 'Set a price plan from a TOML file; the same file again changes nothing'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand help; and __fish_seen_subcommand_from plan" -f -a "list" -d 'List plans'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand help; and __fish_seen_subcommand_from plan" -f -a "show" -d 'Show a plan with its versions'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand help; and __fish_seen_subcommand_from plan" -f -a "quote" -d 'What quantities would cost, or an account\'s own history'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand help; and __fish_seen_subcommand_from plan" -f -a "replay" -d 'What every customer would have paid for a month under a plan file that is not in force'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand help; and __fish_seen_subcommand_from ledger" -f -a "verify" -d 'Recompute everything from the entries up; fails on any difference'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand help; and __fish_seen_subcommand_from ledger" -f -a "export" -d 'Write the whole ledger, oldest transaction first'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand help; and __fish_seen_subcommand_from user" -f -a "add" -d 'Make a login; the password is read from standard input'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand help; and __fish_seen_subcommand_from user" -f -a "token" -d 'Make a bearer token for a login and print it, once'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand help; and __fish_seen_subcommand_from usage" -f -a "import" -d 'Add usage metered elsewhere: all rows of the file, or none'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand help; and __fish_seen_subcommand_from usage" -f -a "held" -d 'List batches that are stored and do not count, and why'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand help; and __fish_seen_subcommand_from usage" -f -a "release" -d 'Let batches count that `usage held` lists; each counts once, as late usage does'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand help; and __fish_seen_subcommand_from usage" -f -a "discard" -d 'Never let batches count that `usage held` lists; nothing undoes that, and their time is shown as lost'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand help; and __fish_seen_subcommand_from command" -f -a "list" -d 'List commands, newest first'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand help; and __fish_seen_subcommand_from command" -f -a "show" -d 'Show a command with its surfaces'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand help; and __fish_seen_subcommand_from command" -f -a "retry" -d 'Try a failed command again, under a new number'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand help; and __fish_seen_subcommand_from breaker" -f -a "show" -d 'Show how many suspensions and deletions went out within 24 hours'
complete -c hostmeter -n "__fish_hostmeter_using_subcommand help; and __fish_seen_subcommand_from breaker" -f -a "reset" -d 'Let held commands go out again, after a look'
