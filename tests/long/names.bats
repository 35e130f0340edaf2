#!/usr/bin/env bats
# What others name is data: no program name, path or setting ends up as a second line, as JSON, as a terminal's command
# or as a format, and no log goes where another user's link wants it. More of it: holders' names in
# conflicts.bats and who.bats, the log in sticky directories in survive.bats, what report shows of a forged log in
# report.bats.

# Each test is a subshell, and is meant to be.
# shellcheck disable=SC2030,SC2031

load ../e2e/helper
load ../e2e/survive

setup() {
	mkdir "$DIR/bin" "$DIR/out"
	LOG=$DIR/log
	# Names that a file may have.
	# shellcheck disable=SC2016 # they are names
	NAMES=('a"b' 'a\b' "a'b" $'a\nv6shim init[1]: bind tcp [::]:80 fd 3' $'\e[31mred\e]0;title\a' $'a\x9b31m' $'a\xc2\x9b31m' $'\xff\xfe'
		'%s%n%x%1000d' '%p%%%n' '...' '-x' ' ' $'\x7f\b\r' '{"v":1,"event":"bind"}' '","event":"lost","x":"' '$(id)`id`;' '[1]: x'
		'ünïcode' "$(printf '\xc3\xa9%.0s' {1..120})" "$(printf 'n%.0s' {1..240})" "$(printf '\e%.0s' {1..200})")
}

# The same as JSON has it, by another program's hand: what is no UTF-8 is U+FFFD.
as_json() {
	"$PYTHON" -c 'import json, os, sys
print(json.dumps(os.fsencode(sys.argv[1]).decode("utf-8", "replace")))' "$1" | jq -c .
}

# Nothing but lines of text in UTF-8: no control character, C1 ones (U+0080 to U+009F) included.
only_text() {
	"$PYTHON" -c '
import sys, unicodedata

for name in sys.argv[1:]:
    text = open(name, "rb").read().decode("utf-8")
    bad = [c for c in text if unicodedata.category(c) == "Cc" and c != "\n"]
    if bad or not text.endswith("\n"):
        sys.exit("%s: control characters: %r" % (name, bad))' "$@"
}

# run_as NAME LOG FORMAT: a program of that name, which makes a socket, a bind and a listen.
run_as() {
	rm -rf "${DIR:?}/bin"
	mkdir "$DIR/bin"
	cp "$PROGRAMS/drive" "$DIR/bin/$1"
	shim POLICY=ipv6-only LOG="$2" LOG_FORMAT="$3" LOG_LEVEL=bind -- "$DIR/bin/$1" 'socket tcp6' 'bind :: 0' listen \
		>"$DIR/said" 2>"$DIR/err"
}

@test "control: without the shim the names are as hostile as they look" {
	[ "${#NAMES[@]}" -ge 20 ]
	printf '%s\n' "${NAMES[3]}" >"$DIR/one"
	[ "$(wc -l <"$DIR/one")" -eq 2 ]
	printf '%s\n' "${NAMES[6]}" >"$DIR/one"
	refute only_text "$DIR/one"
	printf '{"program":"%s"}\n' "${NAMES[0]}" >"$DIR/one"
	refute jq . "$DIR/one"
}

@test "a program's name is one value of JSON, and one line of text that a terminal may be shown; so it is for report" {
	for name in "${NAMES[@]}"; do
		rm -f "$LOG"*
		run_as "$name" "$LOG.jsonl" json
		run_as "$name" "$LOG" text
		run_as "$name" stderr text
		"$V6SHIM" report "$LOG.jsonl" >"$DIR/report"
		"$V6SHIM" report --json "$LOG.jsonl" >"$DIR/report.json"
		# RFC 8259 wants U+0000 to U+001F escaped, and UTF-8; whoever cats a log wants no control character at all.
		only_text "$LOG.jsonl" "$LOG" "$DIR/err" "$DIR/report" "$DIR/report.json"
		expected=$(as_json "$name")
		assert_eq "3 [\"load\",\"bind\",\"listen\"] [$expected] [$expected]" "$(wc -l <"$LOG.jsonl") $(jq -sc 'map(.event)' "$LOG.jsonl") $(
			jq -sc 'map(.program) | unique' "$LOG.jsonl") $(jq -c '.processes | map(.program)' "$DIR/report.json")"
		assert_eq 1 "$(grep -c '\[[0-9]*\] .* policy ipv6-only$' "$DIR/report")" "$name"
		for file in "$LOG" "$DIR/err"; do
			assert_eq '3 3' "$(wc -l <"$file") $(grep -c \
				'^v6shim .*\[[0-9]*\]: \(load: \|bind tcp \[::\]:0 fd \|listen tcp \[::\]:\)' "$file")" "$name"
		done
	done
}

listing() {
	(cd "$DIR" && find . -path ./bin -prune -o -path ./err -prune -o -path ./said -prune -o -print0 | sort -z | od -c)
}

@test "%n in a log's path stays in its directory, and a format in it is none; it is the last part of what was executed" {
	run_as x off json
	before=$(listing)
	for name in "${NAMES[@]}"; do
		run_as "$name" "$DIR/out/%n.jsonl" json
		assert_eq "$(printf './%s.jsonl\0' "$name" | od -c)" "$(cd "$DIR/out" && find . -mindepth 1 -print0 | od -c)"
		find "$DIR/out" -mindepth 1 -delete
		assert_eq "$before" "$(listing)"
	done
	# A name that is too long for a file: no log, and the server is none the worse.
	run_as "$(printf 'n%.0s' {1..255})" "$DIR/out/%n.jsonl" json
	assert_line 'listen: ok' "$(<"$DIR/said")"
	assert_eq '' "$(ls -A "$DIR/out")"
	# Nor by the name that it is given (argv[0]), which is anybody's choice.
	cp "$PROGRAMS/drive" "$DIR/bin/drive"
	for path in "$DIR/bin/../bin/./drive" "$DIR/bin//drive"; do
		(
			export LD_PRELOAD=$LIB V6SHIM_LOG=$DIR/out/%n V6SHIM_LOG_LEVEL=bind
			exec -a ../evil "$path" 'socket tcp6' 'bind :: 0'
		) >"$DIR/said"
		assert_eq drive "$(ls -A "$DIR/out")"
		[ ! -e "$DIR/evil" ]
		rm "$DIR/out/drive"
	done
}

syslog_tags() {
	for i in 3 4 8 15 17; do
		daemon
		run_as "${NAMES[i]}" syslog text
		got >"$DIR/got"
		assert_eq 3 "$(grep -acE '^<30>[!-Z\\^-~]{1,32}\[[0-9]+\]: v6shim ' "$DIR/got")" "${NAMES[i]}"
	done
	daemon
	run_as 'an odd[7]:näme that is rather long for a tag' syslog text
	assert_match '^<30>an_odd_7__n__me_that_is_rather_l\[[0-9]+\]: v6shim an odd' "$(got | head -n 1)"
}

@test "a syslog tag is of harmless characters, and ends where a tag ends" {
	require_mounts
	HELPER_VARIABLES+=(NAMES)
	with_dev syslog_tags
}

# ---- settings

@test "a setting's own text is data in the load record, and in what is said of it when it is wrong" {
	run_as x "$DIR/out/"$'a"\n\e[31m\\%%s' json
	file=$DIR/out/$'a"\n\e[31m\\%s'
	assert_eq 3 "$(wc -l <"$file")"
	only_text "$file"
	assert_eq "$DIR/out/"$'a"\n\e[31m\\%%s' "$(jq -r 'select(.event == "load") | .settings.log.value' "$file")"
	for wrong in V6SHIM_CONFIG=$'/no/\nv6shim: all is well\e[1m%s%n' V6SHIM_LOG=$'x\nv6shim: all is well\e[1m%s%n' \
		V6SHIM_RULES=$'port=\n80\e[1m => policy=both%s%n' V6SHIM_$'A\nv6shim: all is well\e[1m=%s%n'; do
		env LD_PRELOAD="$LIB" "$wrong" "$PROGRAMS/drive" 'socket tcp6' 'bind :: 0' >"$DIR/said" 2>"$DIR/err"
		assert_line 'bind :: 0: EINVAL' "$(<"$DIR/said")"
		only_text "$DIR/err"
		assert_eq 0 "$(grep -c '^v6shim: all is well' "$DIR/err" || :)"
		assert_eq 0 "$(grep -vc '^v6shim: ' "$DIR/err" || :)"
	done
}

# ---- links

# bind_into LOG [COMMAND...]: a server that COMMAND starts; whatever becomes of the log, it has what it wants.
bind_into() {
	resolve shim LOG="$1" LOG_FORMAT=json LOG_LEVEL=bind -- "$PROGRAMS/drive" 'socket tcp6' 'bind :: 0' listen
	(close_bats_fds && exec "${@:2}" "${COMMAND[@]}") >"$DIR/said"
	assert_line 'listen: ok' "$(<"$DIR/said")"
}

# place MODE OWNER: the directory $DIR/place, empty.
place() {
	rm -rf "$DIR/place"
	mkdir "$DIR/place"
	echo victim >"$DIR/victim"
	chown "$2" "$DIR/place"
	chmod "$1" "$DIR/place"
}

@test "another user's symbolic link is followed nowhere: not as the log, nor on the way to it; root's is" {
	require_root
	while read -r mode owner whose follows; do
		for log in log way/victim dangling; do
			place "$mode" "$owner"
			ln -s "$DIR/victim" "$DIR/place/log"
			ln -s "$DIR" "$DIR/place/way"
			ln -s "$DIR/new" "$DIR/place/dangling"
			chown -h "$whose" "$DIR/place/"*
			rm -f "$DIR/new"
			bind_into "$DIR/place/$log"
			target=$DIR/victim
			[ $log != dangling ] || target=$DIR/new
			if [ "$follows" = yes ]; then
				assert_match '"event":"bind"' "$(<"$target")" "$mode $owner $whose $log"
			else
				assert_eq victim "$(<"$DIR/victim")" "$mode $owner $whose $log"
				[ ! -e "$DIR/new" ] || fail "$mode $owner $whose $log: was made"
			fi
		done
	done <<-END
		0755 0       $NOBODY  no
		0755 $NOBODY $NOBODY  no
		0777 0       $NOBODY  no
		0777 $NOBODY $NOBODY  no
		1777 0       $NOBODY  no
		1777 $NOBODY $NOBODY  no
		2775 0       $NOBODY  no
		0755 $NOBODY 0        yes
		0777 0       0        yes
		1777 0       0        yes
		0755 0       0        yes
	END
	# Control: a plain program follows the first of them.
	place 0755 0
	ln -s "$DIR/victim" "$DIR/place/log"
	chown -h "$NOBODY" "$DIR/place/log"
	echo x >>"$DIR/place/log"
	assert_match x "$(<"$DIR/victim")"
}

@test "one's own link, and root's, is followed by another user's program" {
	require_root
	there=$(mktemp -d)
	chmod 755 "$there"
	mkdir -m 777 "$there/target"
	cp "$PROGRAMS/drive" "$LIB" "$there"
	for whose in "$NOBODY" 0 1; do
		rm -f "$there/target/"* "$there/log"
		ln -s "$there/target/log" "$there/log"
		chown -h "$whose" "$there/log"
		LIB=$there/libv6shim.so PROGRAMS=$there bind_into "$there/log" setpriv --reuid="$NOBODY" --regid="$NOBODY" --clear-groups
		ls "$there/target" >"$DIR/$whose"
	done
	rm -rf "$there"
	assert_eq 'log log ' "$(<"$DIR/$NOBODY") $(<"$DIR/0") $(<"$DIR/1")"
}

@test "a file with a second name is not written to where others may write to its directory" {
	require_root
	while read -r mode owner written; do
		place "$mode" "$owner"
		ln "$DIR/victim" "$DIR/place/log"
		bind_into "$DIR/place/log"
		assert_eq "$written" "$(grep -c '"event":"bind"' "$DIR/victim" || :)" "$mode $owner"
		rm "$DIR/victim"
	done <<-END
		0755 0       1
		0777 0       0
		1777 0       0
		2775 0       0
		0755 $NOBODY 0
	END
}

# Another user who swaps a file of theirs and a link to somewhere else, as fast as they can.
SWAP='
import os, sys, time

place, victim = sys.argv[1:]
os.setgid(65534)
os.setuid(65534)
print("ready", flush=True)
end = time.monotonic() + 60
while time.monotonic() < end:
    os.symlink(victim, place + "/l")
    os.rename(place + "/l", place + "/log")
    open(place + "/f", "w").close()
    os.rename(place + "/f", place + "/log")
'

@test "a link that is put there in the moment of opening is not followed either" {
	require_root
	there=$(mktemp -d)
	chmod 777 "$there"
	echo victim >"$DIR/victim"
	chmod 600 "$DIR/victim"
	start swap --says ready python3 -c "$SWAP" "$there" "$DIR/victim"
	for _ in {1..60}; do
		bind_into "$there/log"
	done
	is_running swap
	stop swap
	rm -rf "$there"
	assert_eq victim "$(<"$DIR/victim")"
}
