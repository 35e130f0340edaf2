# shellcheck shell=bash
# v6shim(1) for bash: what Tab offers. Installed as share/bash-completion/completions/v6shim, or sourced.
#
# With bash-completion what follows the COMMAND of run and check is completed as that command's own.
# The words are the program's; tests/e2e/completion.bats holds them against it.

_v6shim_subcommands='run config profiles check report who'
_v6shim_settings='policy on-contrary order on-disorder on-conflict on-mapped on-nonboolean mode profile rules config log
	log-format log-level'
_v6shim_profiles='linux freebsd netbsd openbsd dragonfly macos illumos openindiana solaris windows qnx ibmi aix
	bindv6only=0 bindv6only=1'
_v6shim_protocols='tcp udp mptcp sctp dccp udplite icmp ipv6-icmp l2tp smc'
_v6shim_errnos='EACCES EADDRINUSE EADDRNOTAVAIL EAFNOSUPPORT EINVAL ENETUNREACH ENOPROTOOPT EOPNOTSUPP EPERM
	EPROTONOSUPPORT'

# The values of a setting or of an option, with what was typed of one.
_v6shim_values() {
	case $1 in
	policy) echo app ipv6-only both default-ipv6-only default-both ;;
	order) echo app ipv4-first ipv6-first ;;
	on-conflict) echo fail resolve share share-ipv6 ;;
	on-contrary | on-mapped | on-nonboolean) _v6shim_reactions allow "$2" ;;
	on-disorder) _v6shim_reactions log "$2" ;;
	mode) echo enforce log ;;
	profile) echo none "$_v6shim_profiles" ;;
	log) echo stderr off syslog fd: ;;
	log-format) echo text json ;;
	log-level) echo change error bind all ;;
	proto) echo "$_v6shim_protocols" ;;
	reach) echo auto preload supervise ;;
	esac
}

_v6shim_reactions() {
	case $2 in
	deny:*)
		# shellcheck disable=SC2086 # a word each
		printf 'deny:%s ' $_v6shim_errnos
		;;
	*) echo "$1" deny: ;;
	esac
}

# readline cuts words at = and : too. Glues them: fills `words`, and `at`, where each begins in COMP_WORDS.
_v6shim_glue() {
	local i word before rest=$COMP_LINE

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
}

# Offers the words of a list that begin with $cur, as readline wants them: without what is before a = or :. Options are
# offered to who began one.
_v6shim_offer() {
	local cut='' i word

	for ((i = ${#cur}; i > 0; i--)); do
		if [[ ${cur:i-1:1} == [=:] && $COMP_WORDBREAKS == *"${cur:i-1:1}"* ]]; then
			cut=${cur:0:i}
			break
		fi
	done
	for word in $1; do
		[[ $word != -* || $cur == -* ]] || continue
		[[ $word != "$cur"* ]] || COMPREPLY+=("${word#"$cut"}")
		[[ $word != "$cur"*[:=] ]] || compopt -o nospace
	done
}

_v6shim_files() {
	compopt -o filenames
	mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -f -- "$1")
}

# The value of --NAME; $2 is what was typed of it, $3 what stands before it in $cur.
_v6shim_value() {
	local word list=''

	for word in $(_v6shim_values "$1" "$2"); do
		list+=" $3$word"
	done
	_v6shim_offer "$list"
	case $1 in
	config) _v6shim_files "$2" ;;
	log) [ -z "$2" ] || [[ $2 != */* && $2 != .* ]] || _v6shim_files "$2" ;;
	esac
}

# COMMAND and what follows it, from word $1 on.
_v6shim_command() {
	local offset

	for offset in _comp_command_offset _command_offset; do
		declare -F "$offset" >/dev/null || continue
		"$offset" "${at[$1]}"
		return
	done
	if [ "$1" -lt $((${#words[@]} - 1)) ]; then
		_v6shim_files "$cur"
	else
		mapfile -t COMPREPLY < <(compgen -c -- "$cur")
	fi
}

# Options with values, then COMMAND for run; $1: the names of the options that are not settings.
_v6shim_options() {
	local names="$_v6shim_settings $1" i=2 name last=$((${#words[@]} - 1))

	while [ "$i" -lt "$last" ]; do
		name=${words[i]#--}
		case ${words[i]} in
		--) break ;;
		--*=*) i=$((i + 1)) ;;
		--*)
			if [ $((i + 1)) -eq "$last" ]; then
				_v6shim_value "$name" "$cur" ''
				return
			fi
			i=$((i + 2))
			;;
		*) break ;;
		esac
	done
	if [ "$i" -lt "$last" ]; then
		[ "${words[i]}" != -- ] || i=$((i + 1))
		[ "${words[1]}" = config ] || _v6shim_command "$i"
		return
	fi
	case $cur in
	--*=*)
		name=${cur%%=*}
		_v6shim_value "${name#--}" "${cur#*=}" "$name="
		;;
	-*)
		# shellcheck disable=SC2086 # a word each
		_v6shim_offer "$(printf -- '--%s ' $names) $help"
		;;
	*) [ "${words[1]}" = config ] || _v6shim_command "$i" ;;
	esac
}

_v6shim() {
	local words=() at=() cur help='' _v6shim_settings=$_v6shim_settings

	COMPREPLY=()
	_v6shim_glue
	cur=${words[${#words[@]} - 1]}
	# For help and the version a subcommand looks at its first argument alone.
	[ ${#words[@]} -ne 3 ] || help='--help --version'
	if [ ${#words[@]} -le 2 ]; then
		_v6shim_offer "$_v6shim_subcommands --help --version"
		return
	fi
	case ${words[1]} in
	run) _v6shim_options reach ;;
	config) _v6shim_options 'program port proto' ;;
	profiles) [ ${#words[@]} -ne 3 ] || _v6shim_offer "$_v6shim_profiles $help" ;;
	check)
		_v6shim_settings=
		_v6shim_options reach
		;;
	report)
		case $cur in
		-*) _v6shim_offer "--json --lines --follow --check $help" ;;
		*) _v6shim_files "$cur" ;;
		esac
		;;
	who)
		case $cur in
		-*) _v6shim_offer "--json $help" ;;
		*) _v6shim_offer "$(v6shim who --json 2>/dev/null |
			sed -n 's/.*"addr":"[^"]*","port":\([0-9]*\).*/\1/p' | sort -nu)" ;;
		esac
		;;
	esac
}

complete -F _v6shim v6shim
