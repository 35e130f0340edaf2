# shellcheck shell=bash
# v6shim(1) for bash: what Tab offers. Installed as share/bash-completion/completions/v6shim, or sourced.
#
# The words are the program's: `v6shim complete`. With bash-completion what follows the COMMAND of run and check
# is completed as that command's own.

_v6shim() {
	local words=() at=() cur cut i word before rest=$COMP_LINE line offset

	# readline cuts words at = and : too. Glued, and where each begins in COMP_WORDS.
	for ((i = 0; i <= COMP_CWORD; i++)); do
		word=${COMP_WORDS[i]}
		before=${rest%%[![:blank:]]*}
		rest=${rest#"$before"}
		if [ "$i" -gt 0 ] && [ -z "$before" ]; then
			words[${#words[@]} - 1]+=$word
		else
			words+=("$word")
			at+=("$i")
		fi
		rest=${rest#"$word"}
	done
	cur=${words[${#words[@]} - 1]}
	# What it wants is without what is before its own cut.
	cut=${cur%"$2"}
	COMPREPLY=()
	while IFS= read -r line; do
		case $line in
		:files)
			compopt -o filenames
			mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -f -- "$2")
			;;
		:command*)
			i=$((${line#* } + 1))
			for offset in _comp_command_offset _command_offset; do
				declare -F "$offset" >/dev/null || continue
				"$offset" "${at[i]}"
				return
			done
			if [ "$i" -lt $((${#words[@]} - 1)) ]; then
				compopt -o filenames
				mapfile -t COMPREPLY < <(compgen -f -- "$2")
			else
				mapfile -t COMPREPLY < <(compgen -c -- "$2")
			fi
			;;
		*)
			line=${line%%$'\t'*}
			COMPREPLY+=("${line#"$cut"}")
			[[ $line != *: ]] || compopt -o nospace
			;;
		esac
	done < <(v6shim complete -- "${words[@]:1}" 2>/dev/null)
}

complete -F _v6shim v6shim
