#!/usr/bin/env bats
# The manual pages, `--help` and the tables of the program say the same, in both directions, and what
# the pages show works. DESIGN.md part 1.

# Each test is a process of its own, and means to be.
# shellcheck disable=SC2030,SC2031

load helper
source "$ROOT/tests/e2e/report_log.bash"

setup() {
	PAGES=$ROOT/shim/man
	CORE=$ROOT/shim/core
}

# ---- what the pages have

# parts PAGE: a line for each `.It`: section, subsection, the Ic of the list around it, macro, text; a tab
# between them. `.It Fl -help , Fl h` is two lines, `.It Cm deny:\& Ns Ar errno` has the text `deny:errno`.
parts() {
	awk '
		/^\.Sh / { section = substr($0, 5); sub_section = around = "" }
		/^\.Ss / { sub_section = substr($0, 5); around = "" }
		/^\.It / {
			line = substr($0, 5)
			macro = "text"
			if (line ~ /^(Ic|Cm|Fl|Ev|Va|Pa|Ql) /) {
				macro = substr(line, 1, 2)
				line = substr(line, 4)
			}
			gsub(/\\&/, "", line)
			gsub(/ Ns Ar /, "", line)
			gsub(/"/, "", line)
			sub(/ (Ar|Op|Ns) .*/, "", line)
			if (macro == "Ic")
				around = line
			n = split(line, words, / , /)
			for (i = 1; i <= n; i++) {
				sub("^" macro " ", "", words[i])
				print section "\t" sub_section "\t" around "\t" macro "\t" words[i]
			}
		}' "$PAGES/$1"
}

# listed PAGE SECTION SUBSECTION MACRO: the words, sorted; a * stands for any subsection.
listed() {
	parts "$1" | awk -F '\t' -v s="$2" -v ss="$3" -v m="$4" \
		'$1 == s && (ss == "*" || $2 == ss) && $4 == m { print $5 }' | sort
}

# within PAGE SECTION MACRO: "AROUND WORD", sorted, of lists within one of Ic.
within() {
	parts "$1" | awk -F '\t' -v s="$2" -v m="$3" '$1 == s && $4 == m { print $3, $5 }' | sort
}

# ---- what the program has

# terms LIST: its words, of V6_LIST_EVENT those of EVENT. fields TABLE: the keys of a table of record.c.
terms() {
	grep -o "[WN]($1, [^\"]*\"[^\"]*\"" "$CORE/terms.def" | cut -d '"' -f 2 | sort
}

fields() {
	sed -n "/^const struct v6_field $1\[\]/,/^};/s/^\t{\"\([a-z0-9_]\+\)\".*/\1/p" "$CORE/record.c" | sort
}

# "policy ipv6-only", in lower case.
values() {
	"$V6SHIM" run --help |
		sed -E 's/^  -., /  /' | awk '/^  --/ { setting = substr($1, 3) }
			/^      [^ ]/ { for (i = 1; i <= NF; i++) print setting, tolower($i) }' | sort
}

# The options that a subcommand's help has, those of the settings apart.
options() {
	"$V6SHIM" "$1" --help | sed '/^settings, each/,$d' | sed -nE '1p; s/^  (-., )?(--[a-z0-9-]+).*/\2/p' |
		grep -oE -e '--[a-z0-9-]+' | sort -u
}

# The numbers of the paragraph on the exit status.
statuses() {
	"$V6SHIM" "$1" --help | sed -n '/^Exit status/,/^$/p' | grep -oE '\b[0-9]+\b' | sort -u
}

# bounds: "NAME VALUE" of the headers' bounds, and of the two sizes that are told less one.
bounds() {
	local name value

	grep -rhoE '\bV6_([A-Z_]*(MAX|SLOTS|READS|RANGES|PROTOS|DEPTH|SHOWN)|PATH_SIZE|RECORD_SIZE) *= *[^,;}]*' \
		"$ROOT/shim" --include='*.h' | while IFS='=' read -r name value; do
		[[ $name != *_SIZE* ]] || value+=' - 1'
		printf '%s %d\n' "${name% }" "$((value))"
	done | sort -u
}

# ---- that both have the same

check_subcommands() {
	assert_eq "$(subcommands)" "$(sed -n 's/^\.Ss v6shim //p' "$PAGES/v6shim.1" | sort)" subcommands
}

# The synopsis and the usage are one, but for capitals and the dots of repetition.
check_synopsis() {
	local command

	for command in $(subcommands); do
		"$V6SHIM" "$command" --help | sed -n '1s/^usage: //p'
	done | sed '$a v6shim help [command]' | tr '[:upper:]' '[:lower:]' | sed 's/ *\.\.\.//' >"$DIR/usage"
	mandoc -Tascii -Owidth=500 "$PAGES/v6shim.1" 2>/dev/null | col -b | sed -n '/^SYNOPSIS/,/^DESCRIPTION/p' |
		sed -n 's/^ *\(v6shim [a-z]\)/\1/; s/ *\.\.\.//; /^v6shim [a-z]/p' >"$DIR/synopsis"
	assert_eq "$(sort "$DIR/usage")" "$(sort "$DIR/synopsis")" synopsis
}

check_options() {
	local command

	for command in $(subcommands); do
		assert_eq "$(options "$command")" \
			"$(listed v6shim.1 DESCRIPTION "v6shim $command" Fl | sed -n 's/^-/--/p')" "options of $command" || return
	done
	assert_eq $'--help\n--version' "$("$V6SHIM" --help | grep -oE '^  --[a-z]+' | tr -d ' ')" || return
	assert_eq $'--help\n--version\n-V\n-h' \
		"$(listed v6shim.1 DESCRIPTION Everywhere Fl | sed 's/^/-/')" || return
	"$V6SHIM" -h >/dev/null && "$V6SHIM" -V >/dev/null
}

check_settings() {
	assert_eq "$(settings)" "$(listed v6shim.conf.5 SETTINGS '*' Ic)" 'settings of v6shim.conf(5)' &&
		assert_eq "$(settings | sed 's/-/_/g; s/.*/V6SHIM_\U&/' | sort)" \
			"$(listed v6shim.conf.5 ENVIRONMENT '' Ev)" 'variables of v6shim.conf(5)' &&
		# Rules are shown as rules, not as a setting.
		assert_eq "$(settings | grep -vx rules)" "$("$V6SHIM" config | sed -E 's/^(# )?([a-z-]+) .*/\2/' | sort)"
}

# Of the profiles' other names, and of none, the help does not tell.
check_values() {
	assert_eq "$({ values && profiles | sed 's/^/profile /' && echo profile none; } | sort -u)" \
		"$(within v6shim.conf.5 SETTINGS Cm | tr '[:upper:]' '[:lower:]')" values
}

# The first value is the default.
check_defaults() {
	local setting value

	parts v6shim.conf.5 | awk -F '\t' '$1 == "SETTINGS" && $4 == "Cm" && !seen[$3]++ { print $3, $5 }' |
		sort >"$DIR/first"
	"$V6SHIM" config | sed -nE 's/^(# )?([a-z-]+) += ([^ ]+) .*/\2 \3/p' | grep -vx 'config none' | sort >"$DIR/default"
	assert_eq "$(<"$DIR/default")" "$(<"$DIR/first")" defaults || return
	# And every value is taken, errno and path and number filled in.
	within v6shim.conf.5 SETTINGS Cm | sed "s/deny:errno/deny:EPERM/; s/fd:N/fd:2/" |
		while read -r setting value; do
			"$V6SHIM" config "--$setting" "$value" >/dev/null </dev/null || return
		done
}

check_statuses() {
	local command

	for command in $(subcommands); do
		assert_eq "$(statuses "$command")" \
			"$(parts v6shim.1 | awk -F '\t' -v c="$command" \
				'$1 == "EXIT STATUS" && $3 == c && $4 == "text" { print $5 }' | sort)" \
			"exit statuses of $command" || return
	done
	assert_eq "$(subcommands)" "$(listed v6shim.1 'EXIT STATUS' '' Ic)"
}

check_records() {
	local word

	assert_eq "$(fields v6_record_fields)" "$(listed v6shim-log.5 JSON Keys Va)" keys &&
		assert_eq "$(fields v6_holder_fields)" "$(listed v6shim-log.5 JSON Holder Va)" 'keys of the holder' &&
		assert_eq "$(fields v6_enforce_fields)" "$(listed v6shim-log.5 JSON Enforce Va)" 'keys of enforce' || return
	for word in Event Action Finding Type; do
		assert_eq "$(terms "${word^^}")" "$(listed v6shim-log.5 JSON "${word}s" Cm)" "${word}s" || return
	done
}

# The keys of `report --json`, of a log that has something of everything: those of records need not be told again, and
# those of `settings` are settings.
check_report() {
	local keys own

	[ -s "$DIR/report.json" ] || (cd "$DIR" && everything_logged && "$V6SHIM" report --json x.jsonl >report.json)
	keys=$(jq -r 'del(.processes[].settings[]?) | [paths[] | strings] | unique[]' "$DIR/report.json" | sort)
	own=$(listed v6shim-log.5 'REPORT IN JSON' '*' Va | sort -u)
	assert_eq "$(comm -23 <(echo "$keys") <(listed v6shim-log.5 JSON '*' Va | sort -u))" \
		"$(comm -23 <(echo "$own") <(listed v6shim-log.5 JSON '*' Va | sort -u) | grep -vxE 'value|origin|error')" 'keys of the report'
}

everything_logged() {
	log x.jsonl
	load 1 s policy=both mode=log log-level=bind
	record 1 s getaddrinfo families_before='["inet","inet6"]' families_after='["inet6","inet"]' policy=both action=reorder result=0
	record 1 s setsockopt fd=3 family=inet6 type=stream proto=tcp asked=1 before=0 after=0 policy=both action=deny finding=contrary result=-1 errno=EPERM
	opened 1 s 3 0.0.0.0 80 4 rule=1
	conflict 1 s 4 :: 80 before=0 after=0 mode=log action=split note=held \
		holder='{"fd":3,"pid":1,"program":"s","uid":0,"family":"inet","addr":"0.0.0.0","port":80,"v6only":0}'
	record 1 s inherit fd=5 family=inet6 type=dgram proto=udp addr=:: port=53 before=0 after=0 serves='["inet6","inet"]'
	record 1 s lost count=7
	record 1 s error note=oops
	load 2 idle
	echo nonsense >>x.jsonl
}

# As said in its help; and nothing else is in what it says of sockets of each kind, a socket on a device among them.
check_who() {
	local keys

	keys=$(listed v6shim.1 DESCRIPTION 'v6shim who' Va)
	assert_eq "$("$V6SHIM" who --help | sed -n '/--json  /,/^$/p' | paste -sd' ' | sed 's/.*each socket://; s/;[^)]*$//' |
		grep -oE '[a-z0-9]+' | grep -vxE 'all|of|them' | sort)" "$keys" 'keys in the help of who' &&
		assert_eq "$(in_netns sockets_told)" "$keys" 'keys of who'
}

sockets_told() {
	start server --says ready "$V6SHIM" run --log off -- python3 -c '
import signal, socket
sockets = [socket.socket(family, socket.SOCK_DGRAM) for family in (socket.AF_INET6, socket.AF_INET)]
for s in sockets:
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
sockets[1].setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"lo")
sockets[0].bind(("::", 2000))
sockets[1].bind(("0.0.0.0", 2000))
print("ready", flush=True)
signal.pause()'
	"$V6SHIM" who --json | jq -r '[paths[] | strings] | unique[]' | sort -u
}

check_rules() {
	local port

	assert_eq "$("$V6SHIM" run --help | sed -n 's/^a rule: //p' | grep -oE '\[[a-z]+=' | tr -d '[' | sort)" \
		"$(sed -n '/^\.Sh RULES/,/^\.Sh LIMITS/s/^\.It Cm \([a-z]*=\) .*/\1/p' "$PAGES/v6shim.conf.5" | sort)" \
		matchers || return
	assert_eq "$(terms PROTO)" \
		"$(sed -n 's/^\.Cm \(tcp , .*\) ,$/\1/p' "$PAGES/v6shim.conf.5" | tr -d ' ' | tr , '\n' | sort)" \
		protocols || return
	# What a rule may set is told where one sets something else.
	assert_eq "$("$V6SHIM" config --rules '=> log=off' 2>&1 | sed 's/.*a rule may set //' | tr -d ' ' | tr , '\n' | sort)" \
		"$(sed -n '/^A rule may set/,/ \.$/{/^\.Ic/!d;s/^\.Ic //;s/ [,.]$//;s/ , /\n/g;p}' "$PAGES/v6shim.conf.5" | sort)" \
		'settings of a rule' || return
	for port in policy=default-ipv6-only policy=default-both on-contrary=deny:EPERM; do
		"$V6SHIM" config --rules "port=1 => $port" >/dev/null 2>&1 && return 1
		"$V6SHIM" config --rules "=> $port" >/dev/null || return
	done
}

# Variables that the source asks for by name, and those that the pages have beside the settings'.
check_environment() {
	assert_eq "$(grep -rhoE '\b(getenv|variable)\("[A-Z_]+"|V6_(LOG_HANDED|REACH_VARIABLE|OPTIONS_VARIABLE) "[A-Z0-9_]+"' "$ROOT/shim" --include='*.[ch]' | cut -d '"' -f 2 | sort -u)" \
		"$({ listed v6shim.1 ENVIRONMENT '' Ev && listed libv6shim.7 ENVIRONMENT '' Ev; } | sort -u)" variables
}

# Bounds of the headers: the page and the words after the number; or nobody's business but the code's.
limits() {
	cat <<-'END'
		V6_CONFIG_FILE_MAX    v6shim.conf.5  bytes
		V6_RULES_MAX          v6shim.conf.5  rules
		V6_RULE_RANGES        v6shim.conf.5  ports
		V6_RULE_PROTOS        v6shim.conf.5  protocols
		V6_PATH_SIZE          v6shim.conf.5  bytes
		V6_RECORD_SIZE        v6shim-log.5   bytes
		V6_FAMILIES_MAX       v6shim-log.5   families
		V6_SEEN_SLOTS         v6shim-log.5   kinds
		V6_MEMORY_SLOTS       libv6shim.7    sockets
		V6_SCRATCH_SLOTS      libv6shim.7    calls
		V6_DESCRIPTORS_MAX    libv6shim.7    descriptors
		V6_HOLDER_READS       libv6shim.7    descriptors
		V6_HINT_SLOTS         libv6shim.7    descriptors
		V6_RIVALS_MAX         libv6shim.7    sockets
		V6_PHANTOMS_MAX       libv6shim.7    ports
		V6_HOPS_MAX           v6shim.1       files
		V6_LINE_MAX           v6shim.1       bytes
		V6_ATTEMPTS_MAX       -
		V6_COLUMNS_MAX        -
	END
}

check_limits() {
	local page

	limits | sort >"$DIR/limits"
	assert_eq "$(bounds | cut -d ' ' -f 1)" "$(awk '{ print $1 }' "$DIR/limits")" 'bounds, each with its page or none' || return
	join <(bounds) "$DIR/limits" | awk '$3 != "-" { n = $1 == "V6_HOPS_MAX" ? $2 - 1 : $2; print $3, n, $4 }' | sort >"$DIR/told"
	for page in v6shim.1 v6shim.conf.5 v6shim-log.5 libv6shim.7; do
		listed "$page" LIMITS '' text | sed "s/^\([0-9]* [a-z]*\).*/$page \1/"
	done | sort | diff -u "$DIR/told" -
}

@test "the subcommands, their usage and their options are those of --help" {
	require mandoc col
	check_subcommands
	check_synopsis
	check_options
}

@test "the settings, their spellings, values and defaults are those of the table" {
	check_settings
	check_values
	check_defaults
}

@test "the exit statuses are those of --help" {
	check_statuses
}

@test "keys, events, actions, findings and types are those of the records, of report and of who" {
	check_records
	check_report
	check_who
}

@test "matchers, protocols and what a rule may set are those of the program" {
	check_rules
}

@test "the environment variables are those that are read" {
	check_environment
}

@test "the limits are those of the code, and none is left out" {
	check_limits
}

# ---- that these checks can fail

# mutant CHECK PAGE SED: with the page changed so, that check fails.
mutant() {
	# bats's takes most of the time.
	trap - DEBUG
	rm -rf "$DIR/pages"
	cp -r "$ROOT/shim/man" "$DIR/pages"
	PAGES=$DIR/pages
	[ -e "$DIR/$1.well" ] || "check_$1" 2>/dev/null || fail "check_$1 fails as it is" || return
	touch "$DIR/$1.well"
	sed -i "$3" "$PAGES/$2"
	refute cmp -s "$PAGES/$2" "$ROOT/shim/man/$2" || return
	! "check_$1" >/dev/null 2>&1 || fail "check_$1 does not see: $2: $3"
}

@test "control: a page that lacks something, or has too much, is seen" {
	require mandoc col
	mutant settings v6shim.conf.5 '/^\.It Ic on-mapped$/d'
	mutant settings v6shim.conf.5 's/^\.It Ic on-mapped$/.It Ic on-bogus\n&/'
	mutant values v6shim.conf.5 '/^\.It Cm share-ipv6$/d'
	mutant values v6shim.conf.5 's/^\.It Cm share-ipv6$/&\n.It Cm share-ipv4/'
	mutant defaults v6shim.conf.5 's/^\.It Cm app$/.It Cm both\n&/'
	mutant subcommands v6shim.1 '/^\.Ss v6shim check$/d'
	mutant synopsis v6shim.1 's/^\.Op Fl -follow$//'
	mutant options v6shim.1 's/^\.It Fl -follow$/&\n.It Fl -tail/'
	mutant statuses v6shim.1 '/^\.It 126$/d'
	mutant records v6shim-log.5 '/^\.It Va holder$/d'
	mutant records v6shim-log.5 's/^\.It Cm lost$/&\n.It Cm found/'
	mutant report v6shim-log.5 's/^\.It Va unresolved$/&\n.It Va bogus/'
	mutant who v6shim.1 '/^\.It Va inode$/d'
	mutant rules v6shim.conf.5 's/^\.It Cm proto=/.It Cm protocol=/'
	mutant rules v6shim.conf.5 '/^A rule may set/,/ \.$/s/ , mode \./ , log ./'
	mutant environment libv6shim.7 '/^\.It Ev JOURNAL_STREAM$/d'
	mutant limits v6shim.conf.5 's/^\.It [0-9]* rules$/.It 7 rules/'
}

@test "control: a program that says something else is seen" {
	# Not the command, but one that changes what it says.
	# shellcheck disable=SC2016 # for that shell
	printf '#!/bin/sh\n%q "$@" | sed "$MUTATION"\n' "$V6SHIM" >"$DIR/v6shim"
	chmod +x "$DIR/v6shim"
	V6SHIM=$DIR/v6shim
	while read -r check MUTATION; do
		export MUTATION
		MUTATION='' "check_$check"
		! "check_$check" 2>/dev/null || fail "check_$check does not see: $MUTATION"
	done <<-'END'
		settings s/--on-mapped /--on-maps   /
		values s/^      app ipv4-first /      app ipv5-first /
		statuses s/126: not exec/125: not exec/
		options s/^  --follow /  --tail /
	END
}

# ---- the pages themselves

@test "mandoc has nothing to say of the pages, nor has groff" {
	require mandoc groff
	cd "$PAGES"
	for page in v6shim.1 v6shim.conf.5 v6shim-log.5 libv6shim.7; do
		# Other systems' pages need not be on this one.
		assert_eq '' "$(mandoc -Tlint -W style "$page" 2>/dev/null | grep -v 'referenced manual not found' || :)"
		assert_eq '' "$(groff -mdoc -ww -b -z -Tutf8 "$page" 2>&1)"
	done
	# Ours are there, and are all.
	assert_eq "$(printf '%s\n' ./*.[0-9] | sed 's|^./||; s/\.\([0-9]\)$/ \1/' | sort)" \
		"$(sed -nE 's/^\.Xr ((lib)?v6shim[a-z.-]*) ([0-9]).*/\1 \3/p' ./*.[0-9] | sort -u)"
	printf '.Dd Now\n.Dt X 1\n.Sh NAME\n' >"$DIR/bad.1"
	refute mandoc -Tlint -W style "$DIR/bad.1" >/dev/null
}

# ---- what they show

# displays PAGE: the literal displays of EXAMPLES, as $DIR/PAGE.N.
displays() {
	awk -v to="$DIR/$1." '
		/^\.Sh / { inside = $0 == ".Sh EXAMPLES" }
		/^\.Bd -literal/ && inside { open = 1; file = to (++n); printf "" >file; next }
		/^\.Ed/ { open = 0 }
		open { gsub(/\\e/, "\\"); gsub(/\\&/, ""); print >file }' "$PAGES/$1"
}

# sessions PAGE...: the displays of these that have commands, by console.py, with the programs of the examples: legacyd
# is dual-stack, olderd binds both families. Those of v6shim-log(5) are one session, for the first makes the logs that
# the others read.
sessions() {
	local page file

	mkdir "$DIR/work" "$DIR/bin" "$DIR/real"
	for page in "$@"; do
		displays "$page"
		for file in $(printf '%s\n' "$DIR/$page".* | sort -V); do
			grep -q '^\$ ' "$file" || continue
			# shellcheck disable=SC2016 # no commands
			printf '```console\n%s\n```\n' "$(<"$file")"
		done >"$DIR/$page.sessions"
		# shellcheck disable=SC2016
		[ "$page" != v6shim-log.5 ] || sed -i -z 's/\n```\n```console\n/\n/g' "$DIR/$page.sessions"
	done
	# The servers say nothing, and are no scripts, which would be programs of their own in the logs.
	cat "$DIR"/*.sessions | sed -z 's/\\\n\t*//g' |
		sed "s|/usr/local/lib/libv6shim.so|$LIB|; s/legacyd -p \([0-9]*\) &/legacyd \1 >said \&/; s/\(olderd -p [0-9]*\) &/\1 2>said \&/" >"$DIR/document"
	ln -s "$EXAMPLES/dual-echo" "$DIR/bin/legacyd"
	ln -s "$PROGRAMS/drive" "$DIR/real/olderd"
	# shellcheck disable=SC2016 # for the shell inside
	printf '#!/bin/sh\nexec %q "a socket tcp4" "a bind 0.0.0.0 $2" "a listen" "b socket tcp6" "b v6only 0" \
		"b bind :: $2" "b listen" wait >/dev/null\n' "$DIR/real/olderd" >"$DIR/bin/olderd"
	chmod +x "$DIR/bin/olderd"
	ln -s "$V6SHIM" "$LIB" "$DIR/bin"
	# shellcheck disable=SC2016 # for the shell inside
	run env -C "$DIR/work" PATH="$DIR/bin:$PATH" unshare -n -p -f --kill-child --mount-proc bash -c '
		ip link set lo up && exec python3 "$@"' sessions "$ROOT/tests/e2e/console.py" "$DIR/document"
}

@test "every example works, and shows what it shows" {
	require jq python3
	[ "$EUID" -eq 0 ] || skip 'needs root'
	sessions v6shim.1 v6shim.conf.5 v6shim-log.5
	assert_status 0
	assert_match '(^|'$'\n'')([89]|[1-9][0-9]+) sessions, 0 differ$' "$output"
}

@test "control: an example that shows something else, or fails, is seen" {
	require python3
	[ "$EUID" -eq 0 ] || skip 'needs root'
	cp -r "$ROOT/shim/man" "$DIR/pages"
	PAGES=$DIR/pages
	sed -i '/nobody$/s/nobody/somebody/; s/--mode log --policy ipv6-only/--policy ipv6only/; s/on-conflict resolve/on-conflict fail/' "$PAGES/v6shim.1"
	sessions v6shim.1
	assert_status 1
	assert_match ' sessions, [3-9] differ$' "$output"
}

@test "every configuration file of the examples parses" {
	displays v6shim.conf.5
	count=0
	for file in "$DIR"/v6shim.conf.5.*; do
		! grep -q '^\$ ' "$file" || continue
		"$V6SHIM" config --config "$file" >"$DIR/out"
		grep -q '# file$' "$DIR/out"
		count=$((count + 1))
	done
	[ $count -ge 3 ]
	# A rule of the second one, as its comment has it.
	file=$DIR/v6shim.conf.5.2
	for expected in '80 policy=ipv6-only' '81 mode=log' '53 mode=log'; do
		"$V6SHIM" config --config "$file" --program java --port "${expected% *}" --proto tcp >"$DIR/out"
		assert_match "(^|"$'\n'")${expected#* }"$'($|\n)' "$(sed -n 's/^\([a-z-]*\) *= \([a-z0-9-]*\) .*/\1=\2/p' "$DIR/out")"
	done
}

@test "the record of v6shim-log(5) is read, and its text is what report says" {
	displays v6shim-log.5
	# Folded lines are one.
	sed -z 's/\\\n//g' "$DIR/v6shim-log.5.1" >"$DIR/lines"
	assert_eq 2 "$(wc -l <"$DIR/lines")"
	sed -n 1p "$DIR/lines" | jq -e .v >/dev/null
	assert_eq "$(sed -n 2p "$DIR/lines")" \
		"$(sed -n 1p "$DIR/lines" | "$V6SHIM" report --follow - 2>/dev/null | sed -n '1s/^[^ ]* //p')"
}

# complaint SED WORDS...: the first line that a failing command says, without "v6shim: ", changed so.
complaint() {
	local change=$1

	shift
	if "$@" >/dev/null 2>"$DIR/complaint"; then
		fail "succeeded: $*" || return
	fi
	sed -E "s/^v6shim: //; $change; q" "$DIR/complaint"
}

# diagnostics PAGE: the texts.
diagnostics() {
	sed -n '/^\.Sh DIAGNOSTICS/,/^\.Sh SEE/s/^\.It "\(.*\)"$/\1/p' "$PAGES/$1"
}

@test "the diagnostics are said so" {
	cd "$DIR"
	cp "$V6SHIM" copy
	printf 'policy=both\npolicy=app\n' >twice
	echo 'port=80 policy=both' >no-arrow
	echo 'config = x' >names
	place='s/^[^:]*:[0-9]+:[0-9]+: //'
	found=$(
		complaint '' "$V6SHIM" config --policy ipv6only
		complaint '' env V6SHIM_POLCY=both "$V6SHIM" config
		complaint '' "$V6SHIM" run
		complaint '' "$V6SHIM" run no-such-server
		complaint 's|[^ ]*$|/usr/local/lib|' ./copy run true
	)
	[ -e /usr/local/lib/libv6shim.so ] || assert_eq "$(diagnostics v6shim.1)" "$found"
	found=$(
		complaint 's/^--//' "$V6SHIM" config --rules 'prot=tcp => policy=both'
		complaint "$place" "$V6SHIM" config --config twice
		complaint "$place" "$V6SHIM" config --config no-arrow
		complaint 's/.*column [0-9]+: //' "$V6SHIM" config --rules 'port=1 => policy=default-both'
		complaint 's/.*: //' "$V6SHIM" config --config names
		shim POLICY=bogus -- "$PROGRAMS/drive" 'socket tcp6' 'bind :: 0' 2>&1 >/dev/null | sed -n '2s/^v6shim: //p'
	)
	assert_eq "$(diagnostics v6shim.conf.5)" "$found"
}
