# v6shim(1) for fish: what Tab offers. Installed as share/fish/vendor_completions.d/v6shim.fish.
#
# What follows the COMMAND of run and check is completed as that command's own. The words are the
# program's; tests/e2e/completion.bats holds them against it.

# The words before the cursor: of the subcommand and what follows it.
function __v6shim_words
    set -l words (commandline -opc)
    printf '%s\n' $words[2..]
end

function __v6shim_is
    set -l words (__v6shim_words)
    contains -- "$words[1]" $argv
end

# For help and the version a subcommand looks at its first argument alone.
function __v6shim_first
    test (count (__v6shim_words)) -le 1
end

# The COMMAND of run or check and its arguments, as far as they are typed; false where it has not begun.
function __v6shim_command
    set -l words (__v6shim_words)
    set -l i 2
    switch "$words[1]"
        case run check
            while set -q words[$i]
                switch $words[$i]
                    case --
                        set i (math $i + 1)
                        break
                    case '--*=*'
                        set i (math $i + 1)
                    case '--*'
                        set i (math $i + 2)
                    case '*'
                        break
                end
            end
        case '*'
            return 1
    end
    # The value of an option is typed now.
    test $i -gt (math (count $words) + 1) && return 1
    set -q words[$i] && printf '%s\n' $words[$i..]
    test $i -gt 2 && test "$words[$(math $i - 1)]" = -- && return 0
    set -q words[$i] && return 0
    not string match -q -- '-*' (commandline -ct)
end

function __v6shim_complete_command
    set -l words (string escape -- (__v6shim_command))
    complete --do-complete=(string join ' ' -- $words (commandline -ct))
end

function __v6shim_options
    __v6shim_is $argv && not __v6shim_command >/dev/null
end

function __v6shim_reactions
    printf '%s\n' $argv
    printf 'deny:%s\n' EACCES EADDRINUSE EADDRNOTAVAIL EAFNOSUPPORT EINVAL ENETUNREACH ENOPROTOOPT EOPNOTSUPP EPERM \
        EPROTONOSUPPORT
end

function __v6shim_profiles
    printf '%s\n' linux freebsd netbsd openbsd dragonfly macos illumos openindiana solaris windows qnx ibmi aix \
        bindv6only=0 bindv6only=1
end

function __v6shim_ports
    command -q v6shim; or return
    v6shim who --json 2>/dev/null | string replace -rf '.*"addr":"[^"]*","port":(\d+).*' '$1' | sort -nu
end

complete -c v6shim -f
complete -c v6shim -n __fish_use_subcommand -a run -d 'start COMMAND under the shim'
complete -c v6shim -n __fish_use_subcommand -a config -d 'print the settings in force, or what is wrong with them'
complete -c v6shim -n __fish_use_subcommand -a profiles -d 'the profiles of other systems, and what each sets'
complete -c v6shim -n __fish_use_subcommand -a check -d 'tell which ways in reach COMMAND, and if none, why'
complete -c v6shim -n __fish_use_subcommand -a report -d 'show what the logs tell'
complete -c v6shim -n __fish_use_subcommand -a who -d 'show what holds the ports'
complete -c v6shim -n __v6shim_first -l help -d help
complete -c v6shim -n __v6shim_first -l version -d 'the version'

set -l setting complete -c v6shim -n '__v6shim_options run config' -r
$setting -f -l policy -a 'app ipv6-only both default-ipv6-only default-both' -d 'V6ONLY of the sockets that bind ::'
$setting -f -l on-contrary -a '(__v6shim_reactions allow)' -d 'when the application asks for the opposite'
$setting -f -l order -a 'app ipv4-first ipv6-first' -d 'the family listed first, and that binds first'
$setting -f -l on-disorder -a '(__v6shim_reactions log)' -d 'a port bound against the order'
$setting -f -l on-conflict -a 'fail resolve share share-ipv6' -d 'both families want one port'
$setting -f -l on-mapped -a '(__v6shim_reactions allow)' -d 'a bind of a v4-mapped address'
$setting -f -l on-nonboolean -a '(__v6shim_reactions allow)' -d 'V6ONLY set to neither 0 nor 1'
$setting -f -l mode -a 'enforce log' -d 'enforce, or only log'
$setting -f -l profile -a 'none (__v6shim_profiles)' -d "another system's rules"
$setting -f -l rules -d 'settings for certain programs, ports and protocols'
$setting -l config -F -d 'a file of settings and rules'
$setting -l log -a 'stderr off syslog fd:' -F -d 'where records go'
$setting -f -l log-format -a 'text json' -d 'how records are written'
$setting -f -l log-level -a 'change error bind all' -d 'which records are written'

complete -c v6shim -n '__v6shim_options run check' -x -l reach -a 'auto preload supervise' -d 'the way in'
complete -c v6shim -n '__v6shim_is config' -x -l program -d 'base name of the executable'
complete -c v6shim -n '__v6shim_is config' -x -l port -d 'the port that is bound'
complete -c v6shim -n '__v6shim_is config' -x -l proto -d 'its protocol' \
    -a 'tcp udp mptcp sctp dccp udplite icmp ipv6-icmp l2tp smc'

complete -c v6shim -n '__v6shim_is profiles; and __v6shim_first' -a '(__v6shim_profiles)'

complete -c v6shim -n '__v6shim_command >/dev/null' -a '(__v6shim_complete_command)'

complete -c v6shim -n '__v6shim_is report' -F
complete -c v6shim -n '__v6shim_is report' -l json -d 'one JSON object for machines'
complete -c v6shim -n '__v6shim_is report' -l lines -d 'the records as lines of text'
complete -c v6shim -n '__v6shim_is report' -l follow -d 'tell each new record as it comes'
complete -c v6shim -n '__v6shim_is report' -l check -d 'exit with 1 where something is wrong'

complete -c v6shim -n '__v6shim_is who' -l json -d 'one object a line for each socket'
complete -c v6shim -n '__v6shim_is who; and __v6shim_first' -a '(__v6shim_ports)'
