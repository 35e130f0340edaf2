# v6shim(1) for fish: what Tab offers. Installed as share/fish/vendor_completions.d/v6shim.fish.
#
# The words are the program's: `v6shim complete`. What follows the COMMAND of run and check is completed as that
# command's own.

function __v6shim_complete
    set -l typed (commandline -ct)
    set -l words (commandline -opc)
    for line in (v6shim complete -- $words[2..] "$typed" 2>/dev/null)
        switch $line
            case :files
                set -l before (string match -r -- '^--[a-z-]+=' "$typed")
                printf '%s\n' "$before"(__fish_complete_path (string replace -- "$before" '' "$typed"))
            case ':command *'
                set -l first (math (string replace ':command ' '' $line) + 2)
                set -l own
                test $first -le (count $words) && set own (string escape -- $words[$first..])
                complete --do-complete=(string join ' ' -- $own "$typed")
            case '*'
                echo $line
        end
    end
end

complete -c v6shim -f -a '(__v6shim_complete)'
